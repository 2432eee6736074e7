import Scheduling
import Synchronization
import Testing
import Threads

/// Workers get their threads before anything that they do can take one.
@Suite(.timeLimit(.minutes(1))) struct WorkerStartTests {
    /// A network that needs threads of its own, and notes how many threads there were when it took them. The mutex
    /// guards the notes.
    private final class ThreadedNetwork: StepEvaluator {
        let started = Mutex(0)
        let seen = Mutex<[Int: Int]>([:])

        func begin(worker: Int) {
            let count = started.withLock { $0 }
            seen.withLock { $0[worker] = count }
        }

        func maximumBatch(for key: String) -> Int { 1 }
        func advance(_ samples: [FakeSample], of key: String, worker: Int, workspaceBytes: Int) {}
        func rest(worker: Int) {}

        /// A system that gives so many threads and no more.
        func starter(limit: Int) -> (String, @escaping @Sendable () -> Void) throws(WorkerThread.StartFailure) -> Void {
            { name, body throws(WorkerThread.StartFailure) in
                guard self.started.withLock({ $0 < limit }) else { throw WorkerThread.StartFailure(code: 11) }
                try WorkerThread.start(name: name, body)
                // So long that a worker that would not wait for the others is seen.
                for _ in 0..<2_000 { _ = ContinuousClock.now }
                self.started.withLock { $0 += 1 }
            }
        }

    }

    @Test("no worker begins before all have their threads", arguments: [1, 2, 8])
    func together(workers: Int) async throws {
        let network = ThreadedNetwork()
        let scheduler = try StepScheduler(
            evaluator: network, configuration: SchedulerConfiguration(workers: workers),
            startThread: network.starter(limit: workers))
        while network.seen.withLock({ $0.count }) < workers { await Task.yield() }
        #expect(network.seen.withLock { $0.values.allSatisfy { $0 == workers } })
        await scheduler.stop()
    }

    @Test("where one can't have a thread there is no scheduler, and the others end")
    func tooFew() async {
        weak var remains: ThreadedNetwork?
        do {
            let network = ThreadedNetwork()
            remains = network
            #expect(throws: SchedulingError.self) {
                try StepScheduler(
                    evaluator: network, configuration: SchedulerConfiguration(workers: 3),
                    startThread: network.starter(limit: 2))
            }
        }
        while remains != nil { await Task.yield() }
    }
}
