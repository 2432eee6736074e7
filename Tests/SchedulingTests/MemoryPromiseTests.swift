import Scheduling
import Synchronization
import Testing

@Suite struct MemoryPromiseTests {
    @Test("uploads fill the budget but for what work takes, to the byte")
    func uploads() throws {
        let budget = MemoryBudget(limit: 100, workReserve: 40)
        let (first, second) = (budget.reservation(), budget.reservation())
        try first.grow(by: 50)
        try second.grow(by: 10)
        #expect(throws: MemoryBudget.Exhausted()) { try second.grow(by: 1) }
        #expect(second.growForWork(to: 50) && budget.used == 100)
        #expect(!second.growForWork(to: 51) && second.bytes == 50)
    }

    @Test("what waits is accepted only where it gets its room in the end, and later uploads leave it")
    func promises() throws {
        let budget = MemoryBudget(limit: 100, workReserve: 10)
        let (large, other) = (budget.reservation(), budget.reservation())
        try large.grow(by: 20)
        try large.await(work: 70)
        // 70 are promised: others may hold 30 of uploads in all, of which 20 are there.
        try other.grow(by: 10)
        #expect(throws: MemoryBudget.Exhausted()) { try other.grow(by: 1) }
        #expect(throws: MemoryBudget.Exhausted()) { try other.await(work: 81) }
        try other.await(work: 80)
        #expect(large.growForWork(to: 70) && budget.used == 80)
        #expect(!other.growForWork(to: 80))
        large.endWork(keeping: 5)
        #expect(other.growForWork(to: 80) && budget.used == 85)
    }

    @Test("a promise goes with its holder, and whoever gives back tells those who wait")
    func release() throws {
        let budget = MemoryBudget(limit: 100, workReserve: 0)
        let told = Atomic(0)
        budget.onRelease { told.add(1, ordering: .relaxed) }
        do {
            let holder = budget.reservation()
            try holder.grow(by: 30)
            try holder.await(work: 90)
            #expect(throws: MemoryBudget.Exhausted()) { try budget.reservation().grow(by: 11) }
        }
        #expect(budget.used == 0 && told.load(ordering: .relaxed) == 1)
        try budget.reservation().grow(by: 100)
    }

    @Test("random histories end empty, never over the limit, and everyone who was promised room gets it", arguments: 0..<50)
    func histories(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let budget = MemoryBudget(limit: 200, workReserve: Int.random(in: 0...100, using: &random))
        var waiting: [(holder: MemoryBudget.Reservation, work: Int)] = []
        var working: [MemoryBudget.Reservation] = []
        for _ in 0..<300 {
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                let holder = budget.reservation()
                let work = Int.random(in: 1...120, using: &random)
                guard (try? holder.grow(by: Int.random(in: 0...40, using: &random))) != nil,
                    (try? holder.await(work: work)) != nil
                else { continue }
                waiting.append((holder, work))
            case 1 where !working.isEmpty: working.remove(at: Int.random(in: working.indices, using: &random))
            case 2 where !working.isEmpty: working.randomElement(using: &random)?.shrink(to: 1)
            default:
                guard let index = waiting.indices.randomElement(using: &random) else { continue }
                let (holder, work) = waiting[index]
                if holder.growForWork(to: work) {
                    working.append(holder)
                    waiting.remove(at: index)
                }
            }
            #expect(budget.used <= budget.limit)
        }
        working = []
        while let (holder, work) = waiting.popLast() {
            #expect(holder.growForWork(to: work), "promised room is not there")
        }
        #expect(budget.used == 0)
    }
}
