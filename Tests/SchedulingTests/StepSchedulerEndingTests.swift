import Scheduling
import Synchronization
import Testing

/// How jobs end before their time, at every state they can be in, and that others don't notice.
@Suite(.timeLimit(.minutes(2))) struct StepSchedulerEndingTests {
    @Test("cancelling a job in mid-batch stops it after that step, and its mates go on")
    func cancelWhileEvaluating() async throws {
        let network = GatedNetwork()
        let scheduler = try makeScheduler(network)
        var begun = network.begun.makeAsyncIterator()
        let logs = [JobLog(), JobLog()]
        let first = await submitted(fakeJob(0, steps: 9, log: logs[0]), log: logs[0], to: scheduler)
        _ = await begun.next()
        let second = await submitted(fakeJob(1, steps: 9, log: logs[1]), log: logs[1], to: scheduler)
        network.letOneEnd()
        #expect(await begun.next()?.jobs.sorted() == [0, 1])
        first.cancel()
        network.letOneEnd()
        #expect(await begun.next()?.jobs == [1])
        #expect(await first.value == "cancelled")
        #expect(logs[0].now.released == 1)
        #expect(logs[0].now.finished.isEmpty)
        network.open()
        #expect(await second.value == "done")
        #expect(logs[1].now.finished == expectedValues(1, steps: 9))
    }

    @Test("cancelling a job between its steps ends it at once, though the worker is busy with another")
    func cancelWhileIdle() async throws {
        let network = GatedNetwork(maximum: 1)
        let scheduler = try makeScheduler(network)
        var begun = network.begun.makeAsyncIterator()
        let logs = [JobLog(), JobLog()]
        let first = await submitted(fakeJob(0, steps: 9, log: logs[0]), log: logs[0], to: scheduler)
        #expect(await begun.next()?.jobs == [0])
        let second = await submitted(fakeJob(1, steps: 2, log: logs[1]), log: logs[1], to: scheduler)
        network.letOneEnd()
        #expect(await begun.next()?.jobs == [1])
        first.cancel()
        #expect(await first.value == "cancelled")
        #expect(logs[0].now.released == 1)
        network.open()
        #expect(await second.value == "done")
    }

    @Test("cancelling a waiting job leaves nothing of it, and those behind it move up")
    func cancelWhileWaiting() async throws {
        let network = GatedNetwork()
        let scheduler = try makeScheduler(network) { $0.maximumActiveJobs = 1 }
        var begun = network.begun.makeAsyncIterator()
        let logs = (0..<3).map { _ in JobLog() }
        var tasks: [Task<String, Never>] = []
        for (job, log) in logs.enumerated() {
            tasks.append(await submitted(fakeJob(job, log: log), log: log, to: scheduler))
        }
        _ = await begun.next()
        tasks[1].cancel()
        #expect(await tasks[1].value == "cancelled")
        #expect(logs[1].now.made.isEmpty)
        #expect(logs[1].now.progress == [.queued(position: 0)])
        network.open()
        #expect(await tasks[2].value == "done")
        #expect(Array(logs[2].now.progress.prefix(2)) == [.queued(position: 1), .queued(position: 0)])
        #expect(await tasks[0].value == "done")
    }

    @Test("a task that was cancelled before it submits does no work")
    func cancelBefore() async throws {
        let network = GatedNetwork()
        network.open()
        let scheduler = try makeScheduler(network)
        let log = JobLog()
        let task = Task {
            while !Task.isCancelled { await Task.yield() }
            return await outcome { () async throws(SchedulingError) in
                try await scheduler.submit(fakeJob(0, samples: 100, log: log))
            }
        }
        task.cancel()
        #expect(await task.value == "cancelled")
        #expect(log.now.finished.isEmpty)
    }

    @Test("cancelling while a sample is being made or handed back ends the job once that's over")
    func cancelInClosures() async throws {
        for stage in ["make", "finish"] {
            let network = GatedNetwork()
            network.open()
            let scheduler = try makeScheduler(network)
            let log = JobLog()
            let submission = Submission()
            let job = fakeJob(
                0, samples: 50, steps: 2, log: log,
                make: { index in if stage == "make", index == 9 { submission.cancel() } },
                finish: { index in
                    if stage == "finish", index == 9 { submission.cancel() }
                    return .goOn
                })
            #expect(await submission.outcome(of: job, on: scheduler) == "cancelled")
            let record = log.now
            #expect(record.made.count < 50)
            #expect(record.released == record.made.count)
        }
    }

    @Test("cancelling from the progress callback works")
    func cancelInProgress() async throws {
        let network = GatedNetwork()
        let scheduler = try makeScheduler(network)
        let log = JobLog()
        let submission = Submission()
        let told = Atomic(0)
        let plain = fakeJob(0, samples: 30, log: log)
        let job = StepJob(
            outlines: plain.outlines,
            progress: { progress in
                told.add(1, ordering: .relaxed)
                // One evaluation for each call, or the job could be over before a call is made.
                if case .running(4..., _, _) = progress {
                    submission.cancel()
                    network.open()
                } else {
                    network.letOneEnd()
                }
            }, makeSample: plain.makeSample, finishSample: plain.finishSample)
        #expect(await submission.outcome(of: job, on: scheduler) == "cancelled")
        let toldAtEnd = told.load(ordering: .relaxed)
        try await scheduler.submit(fakeJob(1, log: JobLog()))
        #expect(told.load(ordering: .relaxed) == toldAtEnd)
    }

    @Test("a deadline that passes in the queue and one that passes at work are told apart")
    func deadlines() async throws {
        let network = GatedNetwork(maximum: 1)
        let clock = ManualClock()
        let scheduler = try makeScheduler(network, clock: clock) { $0.maximumActiveJobs = 2 }
        var begun = network.begun.makeAsyncIterator()
        let logs = (0..<4).map { _ in JobLog() }
        let soon = clock.now + .seconds(10)
        let deadlines = [soon, nil, soon, clock.now + .seconds(20)]
        var tasks: [Task<String, Never>] = []
        for (job, log) in logs.enumerated() {
            let work = fakeJob(job, steps: 2, deadline: deadlines[job], log: log)
            tasks.append(await submitted(work, log: log, to: scheduler))
            if job == 0 { #expect(await begun.next()?.jobs == [0]) }
        }
        while clock.sleepers < 3 { await Task.yield() }
        clock.advance(by: .seconds(10))
        // The one in the queue ends though the worker is busy; the one at work at its next step.
        #expect(await tasks[2].value == "expired queued")
        network.letOneEnd()
        #expect(await tasks[0].value == "expired running")
        network.open()
        #expect(await tasks[1].value == "done")
        #expect(await tasks[3].value == "done")
        let late = fakeJob(9, deadline: clock.now, log: JobLog())
        let refused = await outcome { () async throws(SchedulingError) in try await scheduler.submit(late) }
        #expect(refused == "expired queued")
        while clock.sleepers > 0 { await Task.yield() }
        #expect(scheduler.statistics.outcomes.expiredWhileQueued == 2)
        #expect(scheduler.statistics.outcomes.expiredWhileRunning == 1)
    }

    @Test("exactly the excess is refused, and what was accepted is done")
    func queueFull() async throws {
        let network = GatedNetwork()
        let scheduler = try makeScheduler(network) {
            $0.maximumActiveJobs = 2
            $0.maximumWaitingJobs = 5
        }
        let outcomes = await withTaskGroup(of: String.self) { group in
            for job in 0..<20 {
                group.addTask {
                    await outcome { () async throws(SchedulingError) in
                        try await scheduler.submit(fakeJob(job, log: JobLog()))
                    }
                }
            }
            var outcomes: [String] = []
            for _ in 0..<13 { outcomes.append(await group.next() ?? "none") }
            network.open()
            for await outcome in group { outcomes.append(outcome) }
            return outcomes
        }
        #expect(outcomes.prefix(13).allSatisfy { $0 == "full 5" })
        #expect(outcomes.suffix(7).allSatisfy { $0 == "done" })
        #expect(scheduler.statistics.outcomes.refused == 13)
    }

    @Test("stopping ends unfinished jobs at their next step, and then the threads")
    func stop() async throws {
        let network = GatedNetwork()
        let scheduler = try makeScheduler(network) {
            $0.maximumActiveJobs = 1
            $0.workers = 2
        }
        var begun = network.begun.makeAsyncIterator()
        let logs = [JobLog(), JobLog()]
        let running = await submitted(fakeJob(0, steps: 50, log: logs[0]), log: logs[0], to: scheduler)
        _ = await begun.next()
        let waiting = await submitted(fakeJob(1, log: logs[1]), log: logs[1], to: scheduler)
        async let stopped: Void = scheduler.stop()
        #expect(await waiting.value == "draining")
        network.letOneEnd()
        #expect(await running.value == "draining")
        await stopped
        #expect(logs[0].now.released == 1)
        #expect(scheduler.statistics.evaluations == 1)
        await scheduler.stop()
    }

    @Test("an evaluation that fails ends the jobs in its batch and no others")
    func evaluationFails() async throws {
        let network = GatedNetwork()
        let scheduler = try makeScheduler(network)
        var begun = network.begun.makeAsyncIterator()
        let logs = (0..<3).map { _ in JobLog() }
        var tasks: [Task<String, Never>] = []
        for (job, log) in logs.enumerated() {
            let work = fakeJob(job, key: job == 2 ? "b" : "a", log: log)
            tasks.append(await submitted(work, log: log, to: scheduler))
            if job == 0 { #expect(await begun.next()?.jobs == [0]) }
        }
        network.letOneEnd()
        // Both keys are level by now; go on until those of the first share a batch.
        while let evaluation = await begun.next(), evaluation.jobs.sorted() != [0, 1] { network.letOneEnd() }
        network.letOneFail()
        #expect(await tasks[0].value == "failed out of numbers")
        #expect(await tasks[1].value == "failed out of numbers")
        network.open()
        #expect(await tasks[2].value == "done")
        #expect(logs[0].now.released == 1)
        #expect(scheduler.statistics.outcomes.failed == 2)
        #expect(scheduler.statistics.bytesHeld == 0)
    }

    @Test("a sample that can't be made or handed back fails its own job only", arguments: ["make", "finish"])
    func closureFails(stage: String) async throws {
        let network = GatedNetwork()
        network.open()
        let scheduler = try makeScheduler(network)
        let good = JobLog()
        let bad = JobLog()
        async let mate: Void = scheduler.submit(fakeJob(0, samples: 20, log: good))
        let job = fakeJob(
            1, samples: 20, log: bad,
            make: { if stage == "make", $0 == 3 { throw FakeFailure(text: "made") } },
            finish: { index in
                if stage == "finish", index == 3 { throw FakeFailure(text: "finished") }
                return .goOn
            })
        let result = await outcome { () async throws(SchedulingError) in try await scheduler.submit(job) }
        #expect(result == (stage == "make" ? "failed made" : "failed finished"))
        #expect(bad.now.released == bad.now.made.count)
        try await mate
        #expect(good.now.finished == expectedValues(0, samples: 20))
    }

    @Test("a job may end early, and then starts no more samples")
    func endsEarly() async throws {
        let network = GatedNetwork()
        network.open()
        let scheduler = try makeScheduler(network)
        let log = JobLog()
        try await scheduler.submit(
            fakeJob(0, samples: 100, atOnce: 1, log: log, finish: { $0 == 2 ? .complete : .goOn }))
        #expect(log.now.made == [0, 1, 2])
        #expect(scheduler.statistics.outcomes.completed == 1)
    }

    @Test("a job that no memory is there for waits, knows its place, can be cancelled, and expires as one that waited")
    func waitingForMemory() async throws {
        let (network, clock) = (GatedNetwork(), ManualClock())
        let isFree = Flag()
        network.open()
        let scheduler = try makeScheduler(network, clock: clock)
        let logs = (0..<4).map { _ in JobLog() }
        let soon = clock.now + .seconds(10)
        var tasks: [Task<String, Never>] = []
        for (number, log) in logs.enumerated() {
            let plain = fakeJob(number, log: log)
            let job = StepJob(
                outlines: plain.outlines, deadline: number == 3 ? soon : nil, progress: plain.progress,
                admit: { isFree.isSet.load(ordering: .acquiring) }, makeSample: plain.makeSample, finishSample: plain.finishSample)
            tasks.append(await submitted(job, log: log, to: scheduler))
        }
        // The one with a deadline is due first.
        #expect(logs.map(\.now.progress.last) == [1, 2, 3, 0].map { .queued(position: $0) })
        tasks[1].cancel()
        #expect(await tasks[1].value == "cancelled")
        while clock.sleepers < 1 { await Task.yield() }
        clock.advance(by: .seconds(10))
        #expect(await tasks[3].value == "expired queued")
        #expect(scheduler.statistics.waitingJobs == 2 && logs.allSatisfy { $0.now.made.isEmpty })
        isFree.isSet.store(true, ordering: .releasing)
        scheduler.promote()
        #expect(await tasks[0].value == "done")
        #expect(await tasks[2].value == "done")
        // Changes in quick succession may be told as one; the last place is told in any case.
        let places = logs[2].now.progress.compactMap { progress in
            if case .queued(let position) = progress { position } else { nil }
        }
        #expect(places.first == 2 && places.last == 1)
    }

    @Test("samples added while another job waits come before it, and are told as steps to do")
    func extendedWhileOthersWait() async throws {
        let network = GatedNetwork()
        let scheduler = try makeScheduler(network) { $0.maximumActiveJobs = 1 }
        var begun = network.begun.makeAsyncIterator()
        let logs = [JobLog(), JobLog()]
        let more = [SampleOutline(key: "a", steps: 3, bytes: 1, cost: 1)]
        let first = fakeJob(0, log: logs[0], finish: { $0 == 0 ? .extend(more) : .goOn })
        let extended = await submitted(first, log: logs[0], to: scheduler)
        #expect(await begun.next()?.jobs == [0])
        let waiting = await submitted(fakeJob(1, log: logs[1]), log: logs[1], to: scheduler)
        for _ in 0..<5 {
            network.letOneEnd()
            #expect(await begun.next()?.jobs == [0])
        }
        #expect(logs[1].now.progress == [.queued(position: 0)] && logs[1].now.made.isEmpty)
        guard case .running(let completed, let total, _)? = logs[0].now.progress.last else {
            Issue.record("no progress")
            return
        }
        #expect(completed == 5 && total == 6)
        network.open()
        #expect(await extended.value == "done")
        #expect(await waiting.value == "done")
        #expect(logs[0].now.finished == expectedValues(0, samples: 2))
    }

    @Test("a scheduler that is released lets its threads and its network go")
    func release() async throws {
        weak var network: GatedNetwork?
        do {
            let strong = GatedNetwork()
            strong.open()
            network = strong
            let scheduler = try makeScheduler(strong) { $0.workers = 3 }
            try await scheduler.submit(fakeJob(0, log: JobLog()))
        }
        while network != nil { await Task.yield() }
    }
}

private final class Flag: Sendable { let isSet = Atomic(false) }
