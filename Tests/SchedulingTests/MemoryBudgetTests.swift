import Scheduling
import Testing

@Suite struct MemoryBudgetTests {
    @Test("uploads leave room for the work on one picture, and that work leaves them theirs")
    func uploadsBesideWork() throws {
        let budget = MemoryBudget(limit: 100, workReserve: 60)
        let (first, second) = (budget.reservation(), budget.reservation())
        try first.grow(by: 10)
        try second.grow(by: 30)
        #expect(throws: MemoryBudget.Exhausted.self) { try second.grow(by: 1) }
        #expect(first.growForWork(to: 70) && budget.used == 100)
        // The work is not an upload any more, yet there is no room for another while it goes on.
        let third = budget.reservation()
        #expect(throws: MemoryBudget.Exhausted.self) { try third.grow(by: 1) }
        first.shrink(to: 60)
        try third.grow(by: 10)
        #expect(throws: MemoryBudget.Exhausted.self) { try third.grow(by: 1) }
        #expect(!second.growForWork(to: 60) && second.bytes == 30)
        first.shrink(to: 0)
        #expect(second.growForWork(to: 60))
    }

    @Test("whatever is taken comes back, in random histories, and never passes the limits", arguments: 0..<20)
    func histories(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let budget = MemoryBudget(limit: 1_000, workReserve: 400)
        var uploads: [MemoryBudget.Reservation] = []
        var works: [MemoryBudget.Reservation] = []
        for _ in 0..<500 {
            switch Int.random(in: 0..<5, using: &random) {
            case 0: uploads.append(budget.reservation())
            case 1: try? uploads.randomElement(using: &random)?.grow(by: Int.random(in: 0...200, using: &random))
            case 2 where !uploads.isEmpty:
                let upload = uploads.remove(at: Int.random(in: uploads.indices, using: &random))
                // Nothing else under way: the work on one picture always fits.
                if upload.growForWork(to: 400) { works.append(upload) } else { #expect(!works.isEmpty) }
            case 3: works.randomElement(using: &random)?.shrink(to: Int.random(in: 0...400, using: &random))
            default: if !works.isEmpty { works.remove(at: Int.random(in: works.indices, using: &random)) }
            }
            let held = (uploads + works).reduce(0) { $0 + $1.bytes }
            #expect(budget.used == held && held <= 1_000)
            #expect(uploads.reduce(0) { $0 + $1.bytes } <= 600)
        }
        uploads = []
        works = []
        #expect(budget.used == 0)
    }
}
