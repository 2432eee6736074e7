import Synchronization

/// A value that only one thread at a time has in its hands.
///
/// - Note: `@unchecked Sendable` is sound because the value comes in as `sending`, that is with no other reference to
///   it, and the scheduler passes the box from thread to thread through its mutex: it lies in a job's record, or is
///   held by the one worker that removed it from there.
struct Exclusive<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: sending Value) { self.value = value }

    /// Gives the value up; the box must not be used again.
    consuming func take() -> sending Value {
        nonisolated(unsafe) let value = value
        return value
    }
}

/// What remains to be done once the scheduler's lock is released. While it's held nobody else's code runs but
/// `StepJob.admit` and `StepEvaluator.maximumBatch`, and nothing of a job's is destroyed.
struct Effects<Evaluator: StepEvaluator> {
    var ended: [SchedulerState<Evaluator>.Record] = []
    /// Samples that nobody wants any more: gone before their job's caller hears of its end.
    var dropped: [Exclusive<Evaluator.Sample>] = []
    /// Jobs whose turn has come and that have something to make ready.
    var preparations: [Int] = []
    /// Jobs whose progress this thread has to tell.
    var deliveries: [Int] = []
    var workersToWake: [Int] = []
    var waiters: [CheckedContinuation<Void, Never>] = []
}

/// Everything the scheduler's threads share. `SchedulerCore` keeps it behind its mutex.
///
/// A job lives as a `Record` from `register` to `settle`. It gets its outcome once (all samples retired, or `end` with
/// an error), and is settled as soon as it has one and nobody is using it: no sample in a batch (`hands`), no progress
/// being told.
struct SchedulerState<Evaluator: StepEvaluator> {
    typealias Key = Evaluator.BatchKey
    typealias Job = StepJob<Evaluator.Sample, Key>
    typealias SampleID = RunQueue<Key>.SampleID

    enum Phase { case accepting, stopped }

    struct Record {
        let id: Int
        let job: Job
        let submitted: ContinuousClock.Instant
        let continuation: CheckedContinuation<Result<Void, SchedulingError>, Never>
        /// Ends the job at its deadline.
        let timer: Task<Void, Never>?
        var totalSteps: Int
        var completedSteps = 0
        /// Samples in flight that are not in a batch.
        var samples: [Int: Exclusive<Evaluator.Sample>] = [:]
        /// Samples of this job that workers have in hand, and its preparation while that is under way.
        var hands = 0
        /// Makes ready what the job's samples are made of.
        var preparation: Task<Void, Never>?
        var outcome: Result<Void, SchedulingError>?
        var pendingProgress: JobProgress?
        var isDelivering = false
        var position: Int?
    }

    /// A batch with its samples, in the hands of a worker.
    struct Assignment {
        struct Member {
            let sample: SampleID
            let job: Job
            /// Nil where it has to be made.
            var value: Exclusive<Evaluator.Sample>?
            var failure: (any Error)?
        }

        let key: Key
        var members: [Member]
        let workspaceBytes: Int
    }

    var queue: RunQueue<Key>
    var records: [Int: Record] = [:]
    var phase = Phase.accepting
    var times: StepTimes<Key>
    var jobSeconds = RecentMedian()
    var counters = SchedulerStatistics()
    let workers: Int
    /// Those that sleep and have not been woken.
    var idleWorkers: Set<Int> = []
    var liveWorkers = 0
    /// When each worker's evaluation began.
    var evaluationStarts: [ContinuousClock.Instant?]
    var stopWaiters: [CheckedContinuation<Void, Never>] = []

    /// - Parameter kind: of a key (`StepEvaluator.kind`).
    init(_ configuration: SchedulerConfiguration, kind: @escaping @Sendable (Key) -> Int) {
        queue = RunQueue(configuration)
        times = StepTimes(kind: kind)
        workers = max(1, configuration.workers)
        evaluationStarts = Array(repeating: nil, count: workers)
    }
}

// MARK: - The life of a job

extension SchedulerState {
    /// Takes a job in.
    ///
    /// - Returns: the job's id.
    /// - Throws: `draining`, `deadlineExceeded`, `queueFull`.
    mutating func register(
        _ job: Job, timer: (Int) -> Task<Void, Never>?,
        continuation: CheckedContinuation<Result<Void, SchedulingError>, Never>, now: ContinuousClock.Instant,
        effects: inout Effects<Evaluator>
    ) throws(SchedulingError) -> Int {
        do throws(SchedulingError) {
            guard phase == .accepting else { throw .draining }
            if let deadline = job.deadline, deadline <= now { throw .deadlineExceeded(whileQueued: true) }
            let id = try queue.enqueue(
                job.outlines, samplesAtOnce: job.samplesAtOnce, deadline: job.deadline, now: now,
                isPrepared: job.prepare == nil, admits: { _ in job.admit?() ?? true })
            records[id] = Record(
                id: id, job: job, submitted: now, continuation: continuation, timer: timer(id),
                totalSteps: job.outlines.reduce(0) { $0 + $1.steps })
            if queue.position(of: id) != nil { begin(id, effects: &effects) }
            announcePositions(effects: &effects)
            wakeWorker(effects: &effects)
            return id
        } catch {
            counters.outcomes.count(.failure(error))
            throw error
        }
    }

    /// Gives a job its outcome, unless it has one.
    mutating func end(_ id: Int, _ outcome: Result<Void, SchedulingError>, effects: inout Effects<Evaluator>) {
        guard let record = records[id], record.outcome == nil else { return }
        records[id]?.outcome = outcome
        if case .failure = outcome { records[id]?.pendingProgress = nil }
        record.preparation?.cancel()
        queue.end(id)
        settle(id, effects: &effects)
        announcePositions(effects: &effects)
    }

    mutating func expire(_ id: Int, effects: inout Effects<Evaluator>) {
        let hasBegun = queue.hasStarted(id) || queue.isPreparing(id)
        end(id, .failure(.deadlineExceeded(whileQueued: !hasBegun)), effects: &effects)
    }

    /// Lets go of a job that has its outcome and that nobody is using.
    mutating func settle(_ id: Int, effects: inout Effects<Evaluator>) {
        guard var record = records[id], let outcome = record.outcome, record.hands == 0, !record.isDelivering else {
            return
        }
        records[id] = nil
        effects.dropped += record.samples.values
        record.samples = [:]
        counters.outcomes.count(outcome)
        effects.ended.append(record)
        for next in queue.remove(id, admits: admits) { begin(next, effects: &effects) }
        announcePositions(effects: &effects)
        wakeWorker(effects: &effects)
        releaseWaiters(effects: &effects)
    }

    /// Lets waiting jobs move up: memory that they need may have become free.
    mutating func promote(effects: inout Effects<Evaluator>) {
        let promoted = queue.promote(admits: admits)
        guard !promoted.isEmpty else { return }
        for next in promoted { begin(next, effects: &effects) }
        announcePositions(effects: &effects)
        wakeWorker(effects: &effects)
    }

    /// Whether there is memory for a job, which it then holds.
    private var admits: (_ id: Int) -> Bool { { [records] in records[$0]?.job.admit?() ?? true } }

    /// A job's turn has come.
    private mutating func begin(_ id: Int, effects: inout Effects<Evaluator>) {
        if records[id]?.job.prepare != nil {
            records[id]?.hands += 1
            effects.preparations.append(id)
        }
        noteRunning(id, seconds: secondsLeft(), effects: &effects)
    }

    /// Keeps a preparation, to cancel it with its job.
    mutating func watch(_ task: Task<Void, Never>, preparing id: Int) {
        guard let record = records[id] else { return }
        if record.outcome == nil { records[id]?.preparation = task } else { task.cancel() }
    }

    /// A job's preparation has ended.
    mutating func prepared(_ id: Int, failure: (any Error)?, effects: inout Effects<Evaluator>) {
        records[id]?.hands -= 1
        records[id]?.preparation = nil
        if let failure {
            end(id, .failure(.failed(failure)), effects: &effects)
        } else {
            queue.prepared(id)
        }
        settle(id, effects: &effects)
        wakeWorker(effects: &effects)
    }

    mutating func releaseWaiters(effects: inout Effects<Evaluator>) {
        guard records.isEmpty, liveWorkers == 0 else { return }
        effects.waiters += stopWaiters
        stopWaiters = []
    }

    mutating func stop(effects: inout Effects<Evaluator>) {
        phase = .stopped
        for id in records.keys.sorted() { end(id, .failure(.draining), effects: &effects) }
        effects.workersToWake += idleWorkers
        idleWorkers = []
        releaseWaiters(effects: &effects)
    }

    mutating func wakeWorker(effects: inout Effects<Evaluator>) {
        guard queue.hasRunnable, let worker = idleWorkers.popFirst() else { return }
        effects.workersToWake.append(worker)
    }
}

// MARK: - Progress

extension SchedulerState {
    /// Leaves word of a job's progress; the thread that finds nobody telling it becomes the one that does.
    mutating func note(_ progress: JobProgress, for id: Int, effects: inout Effects<Evaluator>) {
        guard let record = records[id], record.job.progress != nil, record.outcome == nil else { return }
        records[id]?.pendingProgress = progress
        guard !record.isDelivering else { return }
        records[id]?.isDelivering = true
        effects.deliveries.append(id)
    }

    /// - Parameter seconds: what `secondsLeft` gives.
    mutating func noteRunning(_ id: Int, seconds: [Double]?, effects: inout Effects<Evaluator>) {
        guard let record = records[id], record.job.progress != nil else { return }
        records[id]?.position = nil
        let remaining = seconds.flatMap { expectedSeconds(ofJob: id, among: $0) }
        note(
            .running(
                completedSteps: record.completedSteps, totalSteps: record.totalSteps, remainingSeconds: remaining),
            for: id, effects: &effects)
    }

    mutating func announcePositions(effects: inout Effects<Evaluator>) {
        for (position, job) in queue.waiting.enumerated() where records[job.id]?.position != position {
            records[job.id]?.position = position
            note(.queued(position: position), for: job.id, effects: &effects)
        }
    }

    /// What to tell next; nil where there's nothing, and then this thread is no longer the teller.
    mutating func nextDelivery(
        to id: Int, effects: inout Effects<Evaluator>
    ) -> (tell: @Sendable (JobProgress) -> Void, progress: JobProgress)? {
        if let progress = records[id]?.pendingProgress, let tell = records[id]?.job.progress {
            records[id]?.pendingProgress = nil
            return (tell, progress)
        }
        records[id]?.isDelivering = false
        settle(id, effects: &effects)
        return nil
    }
}

// MARK: - Estimates

extension SchedulerState {
    /// Seconds of worker time that each job present still needs; nil before the first measured step.
    func secondsLeft() -> [Double]? {
        guard !times.isEmpty else { return nil }
        let active = queue.active.lazy.filter { !$0.isEnding }.compactMap { times.seconds(for: $0.remaining) }
        return Array(active) + queue.waiting.compactMap { times.seconds(for: $0.remaining) }
    }

    /// Seconds until work is done beside other jobs: under equal shares each of them has had as much as this one, or
    /// is done, by then.
    ///
    /// - Parameters:
    ///   - own: seconds of worker time that the work takes.
    ///   - samples: how many workers it can keep busy.
    ///   - all: the same of every job, this one included.
    func sharedSeconds(_ own: Double, samples: Int, among all: [Double]) -> Double {
        let total = all.reduce(0) { $0 + min(own, $1) }
        return max(own / Double(max(1, min(workers, samples))), total / Double(workers))
    }

    private func expectedSeconds(ofJob id: Int, among all: [Double]) -> Double? {
        guard let position = queue.position(of: id) else { return nil }
        let job = queue.active[position]
        let samples = min(job.samplesAtOnce, job.outlines.count - job.nextIndex + job.flights.count)
        return times.seconds(for: job.remaining).map { sharedSeconds($0, samples: samples, among: all) }
    }

    func statistics(now: ContinuousClock.Instant) -> SchedulerStatistics {
        var statistics = counters
        statistics.waitingJobs = queue.waiting.count
        statistics.activeJobs = queue.active.count
        statistics.workers = workers
        statistics.busyWorkers = evaluationStarts.count { $0 != nil }
        statistics.samplesInFlight = queue.memory.samplesInFlight
        statistics.bytesHeld = queue.memory.bytesHeld
        statistics.memoryBudget = queue.memory.budget
        statistics.typicalJobSeconds = jobSeconds.median
        statistics.backlogSeconds = secondsLeft().map { $0.reduce(0, +) / Double(workers) }
        statistics.longestEvaluationUnderWay = evaluationStarts.compactMap { $0?.duration(to: now).inSeconds }.max()
        return statistics
    }
}
