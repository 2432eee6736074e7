import Compute
import FoundationEssentials
import Glibc
import Synchronization
import Testing
import Threads

@Suite("Thread team")
struct ThreadTeamTests {
    @Test("every item runs exactly once, and scratch is never shared", arguments: 1...4)
    func items(size: Int) {
        let team = ThreadTeam(size: size)
        for count in [0, 1, 2, 7, 1000] {
            let seen = Mutex([Int](repeating: 0, count: count))
            let busy = Mutex(Set<Int>())
            team.run(count) { item, thread in
                let free = busy.withLock { $0.insert(thread).inserted }
                #expect(free && (0..<size).contains(thread))
                seen.withLock { $0[item] += 1 }
                _ = busy.withLock { $0.remove(thread) }
            }
            #expect(seen.withLock { $0.allSatisfy { $0 == 1 } })
        }
    }

    @Test("neighbours: every item runs exactly once, and what is said to come next is another that was left", arguments: 1...4)
    func neighbours(size: Int) {
        let team = ThreadTeam(size: size)
        for count in [0, 1, 2, 3, 7, 1000] {
            let seen = Mutex([Int](repeating: 0, count: count))
            team.runNeighbours(count) { item, next in
                #expect(next.map { $0 > item && $0 < count } ?? true)
                seen.withLock { $0[item] += 1 }
            }
            #expect(seen.withLock { $0.allSatisfy { $0 == 1 } })
        }
    }

    @Test("teams start, work thousands of short loops and end")
    func manyLoops() {
        for _ in 0..<5 {
            let team = ThreadTeam(size: 3)
            let total = Atomic<Int>(0)
            for _ in 0..<2000 { team.run(3) { _, _ in total.add(1, ordering: .relaxed) } }
            #expect(total.load(ordering: .relaxed) == 6000)
        }
    }

    @Test("where threads can't be had, the team is smaller and every item still runs exactly once", arguments: 0...3)
    func fewerThreads(available: Int) {
        let started = Atomic<Int>(0)
        let team = ThreadTeam(size: 4) { name, body throws(WorkerThread.StartFailure) in
            guard started.load(ordering: .relaxed) < available else { throw WorkerThread.StartFailure(code: EAGAIN) }
            started.add(1, ordering: .relaxed)
            try WorkerThread.start(name: name, body)
        }
        #expect(team.size == available + 1)
        let seen = Mutex([Int](repeating: 0, count: 100))
        team.run(100) { item, thread in
            #expect((0...available).contains(thread))
            seen.withLock { $0[item] += 1 }
        }
        #expect(seen.withLock { $0.allSatisfy { $0 == 1 } })
    }

    @Test("work that blocks runs on a thread of its name, and gives back what it makes or throws")
    func blockingWork() async throws {
        let name = try await WorkerThread.run(name: "a name of its own") {
            try String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8)
        }
        #expect(name == "a name of its o\n")
        await #expect(throws: WorkerThread.StartFailure.self) {
            try await WorkerThread.run(name: "thrower") { throw WorkerThread.StartFailure(code: EAGAIN) }
        }
    }

    @Test("buffers are handed out again, and what is kept stays within the peak")
    func pool() {
        let pool = BufferPool()
        func use(_ floats: Int) -> UnsafeMutablePointer<Float> {
            Tensor(batch: 1, height: 1, width: 1, channels: floats, pool: pool).base
        }
        let first = use(1000)
        #expect(use(1000) == first)
        #expect(pool.liveBytes == 0)
        _ = use(100_000)
        #expect(pool.peakBytes == 400_000)
    }
}
