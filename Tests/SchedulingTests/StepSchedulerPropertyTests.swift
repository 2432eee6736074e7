import Glibc
import Scheduling
import Synchronization
import Testing

/// Random schedules on real threads: sizes, arrival times, cancellations, deadlines, failures, one to four workers.
@Suite(.timeLimit(.minutes(5))) struct StepSchedulerPropertyTests {
    @Test(
        "in random schedules every submission returns once, with the right samples or a right reason",
        arguments: 0..<8)
    func schedules(part: Int) async throws {
        for seed in 0..<125 {
            try await RandomSchedule(seed: UInt64(part * 1000 + seed)).run()
        }
    }
}

/// A network that knows which jobs it ruined, and moves the clock.
private final class RandomNetwork: StepEvaluator {
    struct Key: Hashable {
        var size: Int
        var maximum: Int
    }

    /// Jobs that shared an evaluation that failed.
    let ruined = Mutex<Set<Int>>([])
    let evaluations = Atomic(0)
    private let busyWorkers: [Flag]
    private let poisoned: Set<Int>
    private let clock: ManualClock
    private let tick: Duration

    private final class Flag: Sendable { let isSet = Atomic(false) }

    init(workers: Int, poisoned: Set<Int>, clock: ManualClock, tick: Duration) {
        busyWorkers = (0..<workers).map { _ in Flag() }
        self.poisoned = poisoned
        self.clock = clock
        self.tick = tick
    }

    func maximumBatch(for key: Key) -> Int { key.maximum }

    func rest(worker: Int) {
        let isBusy = busyWorkers[worker].isSet.load(ordering: .acquiring)
        #expect(!isBusy, "a rest in the middle of an evaluation")
    }

    func advance(_ samples: [FakeSample], of key: Key, worker: Int, workspaceBytes: Int) throws {
        let wasBusy = busyWorkers[worker].isSet.exchange(true, ordering: .acquiring)
        #expect(!wasBusy, "two evaluations under one number")
        defer { busyWorkers[worker].isSet.store(false, ordering: .releasing) }
        #expect(!samples.isEmpty && samples.count <= max(1, key.maximum))
        let number = evaluations.add(1, ordering: .relaxed).newValue
        clock.advance(by: tick)
        if number % 3 == 0 { sched_yield() }
        let isPoisoned = samples.contains { poisoned.contains($0.job) && $0.stepsDone == 1 }
        for sample in samples {
            let isAlone = sample.step()
            #expect(isAlone, "two threads in one sample")
        }
        if isPoisoned {
            ruined.withLock { $0.formUnion(samples.map(\.job)) }
            throw FakeFailure()
        }
    }
}

private struct RandomSchedule {
    private struct Plan: Sendable {
        var outlines: [SampleOutline<RandomNetwork.Key>]
        var samplesAtOnce: Int
        var delay: Int
        /// Cancelled after this many yields of another task.
        var cancelAfter: Int?
        var timeout: Duration?
        /// Held from the job's turn to its end, of the memory that all share.
        var heldBytes: Int
        /// Yields that its preparation takes; nil where there is none.
        var preparation: Int?
        /// Samples that are there from the start; the others are added when the last of these is handed back.
        var firstSamples: Int
    }

    private let configuration: SchedulerConfiguration
    private var plans: [Plan] = []
    private var poisoned: Set<Int> = []
    private let tick: Duration
    private let stopAfter: Int?

    init(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var configuration = SchedulerConfiguration(workers: Int.random(in: 1...4, using: &random))
        configuration.maximumActiveJobs = Int.random(in: 1...5, using: &random)
        configuration.maximumWaitingJobs = Bool.random(using: &random) ? 100 : Int.random(in: 0...3, using: &random)
        configuration.memoryBudget = Int.random(in: 50...400, using: &random)
        self.configuration = configuration
        tick = .milliseconds(Int.random(in: 0...20, using: &random))
        stopAfter = Int.random(in: 0..<6, using: &random) == 0 ? Int.random(in: 0...40, using: &random) : nil
        let keys = (0..<3).map { RandomNetwork.Key(size: $0, maximum: Int($0 * 2 + 1)) }
        for job in 0..<Int.random(in: 2...9, using: &random) {
            let outlines = (0..<Int.random(in: 1...6, using: &random)).map { _ in
                SampleOutline(
                    key: keys.randomElement(using: &random) ?? keys[0], steps: Int.random(in: 1...5, using: &random),
                    bytes: Int.random(in: 0...80, using: &random),
                    evaluationBytes: Int.random(in: 0...80, using: &random),
                    cost: Double.random(in: 0.5...4, using: &random),
                    waitsForEarlier: Int.random(in: 0..<6, using: &random) == 0)
            }
            let first = Bool.random(using: &random) ? outlines.count : Int.random(in: 1...outlines.count, using: &random)
            plans.append(
                Plan(
                    outlines: outlines, samplesAtOnce: Int.random(in: 1...4, using: &random),
                    delay: Int.random(in: 0...30, using: &random),
                    cancelAfter: Int.random(in: 0..<4, using: &random) == 0
                        ? Int.random(in: 0...60, using: &random) : nil,
                    timeout: Int.random(in: 0..<4, using: &random) == 0
                        ? .milliseconds(Int.random(in: 0...400, using: &random)) : nil,
                    heldBytes: Int.random(in: 0...100, using: &random),
                    preparation: Bool.random(using: &random) ? Int.random(in: 0...20, using: &random) : nil,
                    firstSamples: first))
            if Int.random(in: 0..<12, using: &random) == 0 { poisoned.insert(job) }
        }
    }

    func run() async throws {
        let clock = ManualClock()
        let network = RandomNetwork(workers: configuration.workers, poisoned: poisoned, clock: clock, tick: tick)
        let scheduler = try StepScheduler(evaluator: network, configuration: configuration, clock: clock)
        let logs = plans.map { _ in JobLog() }
        let budget = MemoryBudget(limit: 100, workReserve: 100)
        budget.onRelease { [weak scheduler] in scheduler?.promote() }
        let outcomes = await withTaskGroup(of: (Int, String).self) { group in
            for (job, plan) in plans.enumerated() {
                let log = logs[job]
                group.addTask {
                    for _ in 0..<plan.delay { await Task.yield() }
                    let task = Task {
                        let work = self.job(
                            job, plan: plan, deadline: plan.timeout.map { clock.now + $0 }, memory: budget, log: log)
                        let result = await outcome { () async throws(SchedulingError) in
                            try await scheduler.submit(work)
                        }
                        // Nothing of the job may be under way or alive any more.
                        let record = log.now
                        #expect(record.released == record.made.count)
                        return (result, record)
                    }
                    if let yields = plan.cancelAfter {
                        for _ in 0..<yields { await Task.yield() }
                        task.cancel()
                    }
                    let (result, record) = await task.value
                    self.check(job, plan, record, result, network)
                    return (job, result)
                }
            }
            if let stopAfter {
                for _ in 0..<stopAfter { await Task.yield() }
                await scheduler.stop()
            }
            var outcomes: [Int: String] = [:]
            for await (job, result) in group { outcomes[job] = result }
            return outcomes
        }
        #expect(outcomes.count == plans.count)
        let statistics = scheduler.statistics
        #expect(statistics.activeJobs == 0 && statistics.waitingJobs == 0)
        // Workers may keep what an evaluation took; one sample alone may be over the budget.
        #expect(statistics.samplesInFlight == 0 && statistics.bytesHeld <= max(statistics.memoryBudget, 80))
        // The last task that made a job ready may be on its way out.
        for _ in 0..<1000 where budget.used > 0 { try await Task.sleep(for: .milliseconds(1)) }
        #expect(budget.used == 0)
        #expect(statistics.evaluations == network.evaluations.load(ordering: .relaxed))
        await scheduler.stop()
        for log in logs { #expect(log.now.released == log.now.made.count) }
    }

    private func job(
        _ number: Int, plan: Plan, deadline: ContinuousClock.Instant?, memory: MemoryBudget, log: JobLog
    ) -> StepJob<FakeSample, RandomNetwork.Key> {
        let reservation = memory.reservation()
        let isPrepared = Mutex(plan.preparation == nil)
        let finished = Atomic(0)
        let prepare: @Sendable () async throws -> Void = {
            #expect(reservation.bytes == plan.heldBytes)
            for _ in 0..<(plan.preparation ?? 0) { await Task.yield() }
            isPrepared.withLock { $0 = true }
        }
        return StepJob(
            outlines: Array(plan.outlines.prefix(plan.firstSamples)), samplesAtOnce: plan.samplesAtOnce, deadline: deadline,
            progress: { log.note($0) }, admit: { reservation.growForWork(to: plan.heldBytes) },
            prepare: plan.preparation == nil ? nil : prepare,
            makeSample: { index, _ in
                #expect(isPrepared.withLock { $0 } && reservation.bytes == plan.heldBytes)
                log.update { record in
                    record.made.append(index)
                    let inFlight = record.made.count - record.released
                    #expect(inFlight <= plan.samplesAtOnce)
                }
                return FakeSample(job: number, index: index) { log.update { $0.released += 1 } }
            },
            finishSample: { sample, index in
                let value = sample.value
                #expect(sample.stepsDone == plan.outlines[index].steps)
                log.update { record in
                    #expect(record.finished.updateValue(value, forKey: index) == nil, "handed back twice")
                }
                let isLastOfFirst = finished.add(1, ordering: .relaxed).newValue == plan.firstSamples
                let rest = plan.outlines.dropFirst(plan.firstSamples)
                return isLastOfFirst && !rest.isEmpty ? .extend(Array(rest)) : .goOn
            })
    }

    private func check(
        _ job: Int, _ plan: Plan, _ record: JobLog.Record, _ result: String, _ network: RandomNetwork
    ) {
        #expect(Set(record.made).count == record.made.count, "made twice")
        for (index, value) in record.finished {
            #expect(value == FakeSample.expected(job: job, index: index, steps: plan.outlines[index].steps))
        }
        let steps = record.progress.compactMap { progress -> Int? in
            if case .running(let completed, _, _) = progress { completed } else { nil }
        }
        #expect(zip(steps, steps.dropFirst()).allSatisfy { $0 <= $1 })
        let isRuined = network.ruined.withLock { $0.contains(job) }
        switch result {
        case "done":
            #expect(record.finished.count == plan.outlines.count && !isRuined)
            #expect(steps.last == plan.outlines.reduce(0) { $0 + $1.steps })
        case "cancelled": #expect(plan.cancelAfter != nil)
        case "expired queued":
            #expect(plan.timeout != nil && record.made.isEmpty)
        case "expired running": #expect(plan.timeout != nil && (!record.made.isEmpty || plan.preparation != nil))
        case "draining": #expect(stopAfter != nil)
        case "failed out of numbers": #expect(isRuined)
        default: #expect(result == "full \(configuration.maximumWaitingJobs)" && record.made.isEmpty)
        }
    }
}
