import Glibc
import Synchronization
import Testing
import Threads

@Suite("Job pool")
struct JobPoolTests {
    @Test("every part runs exactly once, parts of parts as well", arguments: 1...4)
    func parts(size: Int) {
        let pool = JobPool(size: size)
        for count in [0, 1, 2, 7, 50] {
            let seen = Mutex([Int](repeating: 0, count: count * count * 2))
            pool.run(count) { outer in
                pool.run(count) { middle in
                    pool.run(2) { inner in seen.withLock { $0[(outer * count + middle) * 2 + inner] += 1 } }
                }
            }
            #expect(seen.withLock { $0.allSatisfy { $0 == 1 } })
        }
    }

    @Test("several callers share a pool, and none returns before its own parts are done")
    func callers() async throws {
        let pool = JobPool(size: 3)
        try await withThrowingTaskGroup(of: Int.self) { group in
            for caller in 0..<4 {
                group.addTask {
                    try await WorkerThread.run(name: "caller") {
                        let sum = Atomic<Int>(0)
                        for _ in 0..<200 { pool.run(5) { sum.add(caller + $0, ordering: .relaxed) } }
                        return sum.load(ordering: .relaxed)
                    }
                }
            }
            var sums: [Int] = []
            for try await sum in group { sums.append(sum) }
            #expect(sums.sorted() == (0..<4).map { 200 * (5 * $0 + 10) })
        }
    }

    @Test("where threads can't be had, the pool is smaller and every part still runs exactly once", arguments: 0...3)
    func fewerThreads(available: Int) {
        let started = Atomic<Int>(0)
        let pool = JobPool(size: 4) { name, body throws(WorkerThread.StartFailure) in
            guard started.load(ordering: .relaxed) < available else { throw WorkerThread.StartFailure(code: EAGAIN) }
            started.add(1, ordering: .relaxed)
            try WorkerThread.start(name: name, body)
        }
        #expect(pool.size == available + 1)
        let seen = Mutex([Int](repeating: 0, count: 100))
        pool.run(100) { part in seen.withLock { $0[part] += 1 } }
        #expect(seen.withLock { $0.allSatisfy { $0 == 1 } })
    }

    @Test("parts run at the same time: two that wait for each other both end")
    func sameTime() {
        let arrived = Atomic<Int>(0)
        JobPool(size: 2).run(2) { _ in
            arrived.add(1, ordering: .sequentiallyConsistent)
            while arrived.load(ordering: .sequentiallyConsistent) < 2 { sched_yield() }
        }
        #expect(arrived.load(ordering: .relaxed) == 2)
    }
}
