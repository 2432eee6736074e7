import Scheduling
import Synchronization
import Testing

/// The scheduler with its threads; the network's gate decides when evaluations end, so nothing depends on time.
@Suite(.timeLimit(.minutes(2))) struct StepSchedulerTests {
    @Test("a lone job runs at once, and its samples are made and handed back once each", arguments: 1...4)
    func lone(workers: Int) async throws {
        let network = GatedNetwork(maximum: 3)
        network.open()
        let scheduler = try makeScheduler(network) { $0.workers = workers }
        let log = JobLog()
        try await scheduler.submit(fakeJob(7, samples: 20, steps: 4, atOnce: 6, log: log))
        let record = log.now
        #expect(record.finished == expectedValues(7, samples: 20, steps: 4))
        #expect(record.made.sorted() == Array(0..<20))
        #expect(record.released == 20)
    }

    @Test("a job without samples is done")
    func empty() async throws {
        let scheduler = try makeScheduler(GatedNetwork())
        try await scheduler.submit(fakeJob(0, samples: 0, log: JobLog()))
    }

    @Test("a worker without work rests once, and works again afterwards")
    func rest() async throws {
        let network = GatedNetwork()
        network.open()
        let scheduler = try makeScheduler(network) { $0.restAfter = .milliseconds(1) }
        var rests = network.rests.makeAsyncIterator()
        #expect(await rests.next() == 0)
        for job in 1...2 {
            let log = JobLog()
            try await scheduler.submit(fakeJob(job, samples: 3, log: log))
            #expect(log.now.finished == expectedValues(job, samples: 3))
            #expect(await rests.next() == 0)
        }
    }

    @Test("a newcomer joins at the next evaluation, and nobody waits for company")
    func newcomer() async throws {
        let network = GatedNetwork()
        let scheduler = try makeScheduler(network)
        var begun = network.begun.makeAsyncIterator()
        let logs = [JobLog(), JobLog()]
        let first = await submitted(fakeJob(0, log: logs[0]), log: logs[0], to: scheduler)
        #expect(await begun.next()?.jobs == [0])
        let second = await submitted(fakeJob(1, log: logs[1]), log: logs[1], to: scheduler)
        network.letOneEnd()
        #expect(await begun.next()?.jobs.sorted() == [0, 1])
        network.open()
        #expect(await first.value == "done")
        #expect(await second.value == "done")
        #expect(logs[0].now.finished == expectedValues(0))
        #expect(logs[1].now.finished == expectedValues(1))
        #expect(scheduler.statistics.batchSizes.counts.prefix(3) == [2, 2, 0])
    }

    @Test("samples of one step serve batches of classifications")
    func classification() async throws {
        let network = GatedNetwork()
        let scheduler = try makeScheduler(network)
        var begun = network.begun.makeAsyncIterator()
        let logs = (0..<5).map { _ in JobLog() }
        var tasks: [Task<String, Never>] = []
        for (job, log) in logs.enumerated() {
            tasks.append(await submitted(fakeJob(job, steps: 1, log: log), log: log, to: scheduler))
            if job == 0 { #expect(await begun.next()?.jobs == [0]) }
        }
        network.letOneEnd()
        #expect(await begun.next()?.jobs == [1, 2, 3, 4])
        network.open()
        for task in tasks { #expect(await task.value == "done") }
    }

    @Test("progress goes up, and ends at all steps before the submission returns", arguments: 1...3)
    func progress(workers: Int) async throws {
        let network = GatedNetwork(maximum: 2)
        network.open()
        let scheduler = try makeScheduler(network) { $0.workers = workers }
        let log = JobLog()
        try await scheduler.submit(fakeJob(0, samples: 10, steps: 5, atOnce: 6, log: log))
        let steps = log.now.progress.compactMap { progress -> Int? in
            guard case .running(let completed, 50, _) = progress else { return nil }
            return completed
        }
        #expect(steps.count == log.now.progress.count)
        #expect(steps.last == 50)
        #expect(zip(steps, steps.dropFirst()).allSatisfy { $0 < $1 })
    }

    @Test("step times give estimates, and a slow step is told")
    func times() async throws {
        let clock = ManualClock()
        let seconds = Mutex(2)
        let network = GatedNetwork(maximum: 1) { clock.advance(by: .seconds(seconds.withLock { $0 })) }
        network.open()
        let slow = Mutex<[SlowStep<String>]>([])
        let scheduler = try StepScheduler(
            evaluator: network, configuration: SchedulerConfiguration(), clock: clock,
            onSlowStep: { step in slow.withLock { $0.append(step) } })
        let work = [SampleOutline(key: "a", steps: 10, bytes: 1, cost: 1)]
        #expect(scheduler.estimatedSeconds(for: work, sharing: true) == nil)
        let log = JobLog()
        try await scheduler.submit(fakeJob(0, steps: 9, log: log))
        #expect(log.now.progress.last == .running(completedSteps: 9, totalSteps: 9, remainingSeconds: 0))
        for case .running(let completed, _, let seconds?) in log.now.progress {
            #expect(seconds == Double(2 * (9 - completed)))
        }
        #expect(scheduler.estimatedSeconds(for: work, sharing: true) == 20)
        let unseen = [SampleOutline(key: "b", steps: 10, bytes: 1, cost: 3)]
        #expect(scheduler.estimatedSeconds(for: unseen, sharing: false) == 60)
        // Nothing is known of another network.
        let foreign = [SampleOutline(key: "B", steps: 10, bytes: 1, cost: 3)]
        #expect(scheduler.estimatedSeconds(for: foreign, sharing: false) == nil)
        seconds.withLock { $0 = 20 }
        try await scheduler.submit(fakeJob(1, steps: 1, log: JobLog()))
        #expect(slow.withLock { $0.isEmpty })
        seconds.withLock { $0 = 21 }
        try await scheduler.submit(fakeJob(2, steps: 1, log: JobLog()))
        // Told after the job's end.
        while slow.withLock({ $0.isEmpty }) { await Task.yield() }
        #expect(slow.withLock { $0.map(\.medianSecondsPerSample) } == [2])
        let statistics = scheduler.statistics
        #expect(statistics.evaluationSeconds.sum == 59)
        #expect(statistics.sampleSteps == 11)
        #expect(statistics.typicalJobSeconds == 20)
        #expect(statistics.backlogSeconds == 0)
    }

    @Test("statistics tell what waits, runs and is held")
    func statistics() async throws {
        let network = GatedNetwork(maximum: 2)
        let clock = ManualClock()
        let scheduler = try makeScheduler(network, clock: clock) {
            $0.maximumActiveJobs = 1
            $0.memoryBudget = 1000
        }
        var begun = network.begun.makeAsyncIterator()
        let logs = [JobLog(), JobLog()]
        let first = await submitted(fakeJob(0, samples: 3, bytes: 70, log: logs[0]), log: logs[0], to: scheduler)
        _ = await begun.next()
        let second = await submitted(fakeJob(1, log: logs[1]), log: logs[1], to: scheduler)
        clock.advance(by: .seconds(3))
        let statistics = scheduler.statistics
        #expect(statistics.waitingJobs == 1)
        #expect(statistics.activeJobs == 1)
        #expect(statistics.samplesInFlight == 2)
        #expect(statistics.bytesHeld == 140)
        #expect(statistics.memoryBudget == 1000)
        #expect(statistics.busyWorkers == 1)
        #expect(statistics.longestEvaluationUnderWay == 3)
        network.open()
        #expect(await first.value == "done")
        #expect(await second.value == "done")
        #expect(scheduler.statistics.longestEvaluationUnderWay == nil)
    }

    @Test("two workers evaluate at the same time, each under its own number")
    func workers() async throws {
        let network = GatedNetwork()
        let scheduler = try makeScheduler(network) { $0.workers = 2 }
        var begun = network.begun.makeAsyncIterator()
        let log = JobLog()
        let task = await submitted(fakeJob(0, samples: 4, log: log), log: log, to: scheduler)
        let both = [await begun.next(), await begun.next()].compactMap { $0 }
        #expect(Set(both.map(\.worker)) == [0, 1])
        #expect(both.map(\.jobs.count) == [2, 2])
        network.open()
        #expect(await task.value == "done")
    }
}
