import Scheduling
import Synchronization
import Testing

/// Uploads may fill 40 of these 100 bytes, and work 60.
@Suite("MemoryBudget")
struct MemoryBudgetTests {
    private let budget = MemoryBudget(limit: 100, workReserve: 60)

    private func upload(_ bytes: Int) throws -> MemoryBudget.Reservation {
        let reservation = budget.reservation()
        try reservation.grow(by: bytes)
        return reservation
    }

    @Test("uploads are taken while work fills all that it may, up to their own part and not beyond")
    func uploadsBesideWork() throws {
        let work = (budget.reservation(), budget.reservation())
        #expect(work.0.growForWork(to: 30) && work.1.growForWork(to: 30))
        let first = try upload(20)
        let second = try upload(20)
        #expect(throws: MemoryBudget.Exhausted.self) { try upload(1) }
        #expect(budget.used == 100)
        withExtendedLifetime((first, second, work)) {}
    }

    @Test("work leaves uploads their part, unless it is alone")
    func workBesideWork() throws {
        let first = budget.reservation()
        #expect(first.growForWork(to: 40))
        let second = budget.reservation()
        #expect(!second.growForWork(to: 21) && second.bytes == 0)
        #expect(second.growForWork(to: 20))

        let other = MemoryBudget(limit: 100, workReserve: 60)
        let large = other.reservation()
        #expect(!large.growForWork(to: 101))
        #expect(large.growForWork(to: 95))
        #expect(!other.reservation().growForWork(to: 1))
        withExtendedLifetime((first, second, large)) {}
    }

    @Test("what an upload holds becomes part of its work, and makes room for other uploads")
    func uploadBecomesWork() throws {
        let first = try upload(40)
        #expect(throws: MemoryBudget.Exhausted.self) { try upload(1) }
        #expect(first.growForWork(to: 50) && first.bytes == 50 && budget.used == 50)
        let second = try upload(40)
        #expect(budget.used == 90)
        withExtendedLifetime((first, second)) {}
    }

    @Test("work under way may take what is free")
    func growingWork() throws {
        let first = budget.reservation()
        let second = budget.reservation()
        #expect(first.growForWork(to: 30) && second.growForWork(to: 30))
        #expect(first.growForWork(to: 70) && !second.growForWork(to: 31))
        first.shrink(to: 30)
        #expect(budget.used == 60 && !budget.reservation().growForWork(to: 1))
        withExtendedLifetime(second) {}
    }

    @Test("a finished answer waits for its reader without holding up work, and who waits is told")
    func answers() throws {
        let told = Mutex(0)
        budget.onRelease { told.withLock { $0 += 1 } }
        let first = budget.reservation()
        #expect(first.growForWork(to: 60))
        let second = budget.reservation()
        #expect(!second.growForWork(to: 40))
        first.endWork(keeping: 60)
        #expect(told.withLock { $0 } == 1)
        #expect(second.growForWork(to: 40))
        // Readers that are slow hold up those who come.
        #expect(throws: MemoryBudget.Exhausted.self) { try upload(1) }
        first.endWork(keeping: 10)
        #expect(first.bytes == 10 && budget.used == 50)
        withExtendedLifetime(second) {}
    }

    @Test("whatever is reserved and given back, it is never more than the limit, and in the end nothing")
    func random() throws {
        var random = SeededGenerator(seed: 5)
        var held: [MemoryBudget.Reservation] = []
        for _ in 0..<20_000 {
            switch Int.random(in: 0..<6, using: &random) {
            case 0: held.append(budget.reservation())
            case 1: try? held.randomElement(using: &random)?.grow(by: Int.random(in: 0...30, using: &random))
            case 2: _ = held.randomElement(using: &random)?.growForWork(to: Int.random(in: 0...90, using: &random))
            case 3: held.randomElement(using: &random)?.shrink(to: Int.random(in: 0...40, using: &random))
            case 4: held.randomElement(using: &random)?.endWork(keeping: Int.random(in: 0...40, using: &random))
            default: if !held.isEmpty { held.remove(at: Int.random(in: held.indices, using: &random)) }
            }
            #expect(budget.used <= 100 && budget.used == held.reduce(0) { $0 + $1.bytes })
        }
        held = []
        #expect(budget.used == 0)
        #expect(budget.reservation().growForWork(to: 100))
    }
}
