/// Which samples go into the next evaluation: the scheduler's policy, as a plain value without threads or clock.
///
/// - Of the jobs that came in, a limited number is *active*; the others wait, in the order in which they're due. Since
///   a job without a deadline counts as due some time after it came, later arrivals can't overtake it for ever.
/// - Active jobs share the workers by start-time fair queueing (Goyal, Vin, Cheng: "Start-time fair queuing", 1996):
///   every step is charged its cost, the job charged least goes first, and a newcomer starts where the virtual clock
///   stands: level with the least charged of those present, unless they lag. So a small picture overtakes a large
///   one, and nobody is starved.
/// - A job whose whole work is small starts behind the clock ("borrowed virtual time", Duda and Cheriton 1999): it's
///   done before those under way get their next turn. All borrow the same, once, so nobody is starved by them either:
///   what they had beyond their share, the others have before the next of them, or while none of them is there.
/// - The job whose turn it is sets the batch's key; the rest of the batch is filled in the same order. Nobody waits
///   for a batch to fill.
/// - Samples start only when their turn comes and memory allows. A job that memory holds up may be passed over by
///   smaller ones, but only so many times.
package struct RunQueue<Key: Hashable & Sendable>: Sendable {
    /// One sample of one job.
    package struct SampleID: Hashable, Sendable {
        package let job: Int
        package let index: Int

        package init(job: Int, index: Int) {
            self.job = job
            self.index = index
        }
    }

    /// Times that a job may be passed over for lack of memory before the others are held back for it.
    package static var maximumTimesPassedOver: Int { 16 }
    /// How many times its fair share a job gets whose deadline is near.
    package static var urgentWeight: Double { 4 }

    package let maximumActiveJobs: Int
    package let maximumWaitingJobs: Int
    /// In the order of arrival in the active set.
    package internal(set) var active: [QueuedJob<Key>] = []
    /// Next to become active first.
    package private(set) var waiting: [QueuedJob<Key>] = []
    package internal(set) var memory: MemoryLedger
    var virtualClock = 0.0
    /// What the clock showed at the last turn while there were short jobs.
    private var clockOfShortJobs = -Double.infinity
    private let patience: Duration
    private let shortJobCost: Double
    private var nextID = 0

    package init(_ configuration: SchedulerConfiguration) {
        maximumActiveJobs = max(1, configuration.maximumActiveJobs)
        maximumWaitingJobs = max(0, configuration.maximumWaitingJobs)
        memory = MemoryLedger(
            budget: configuration.memoryBudget, newcomerShare: configuration.newcomerShare,
            workers: configuration.workers)
        patience = configuration.patience
        shortJobCost = configuration.shortJobCost
    }

    package var count: Int { active.count + waiting.count }

    /// Takes a job in: active where there is a place and memory, else waiting.
    ///
    /// - Parameters:
    ///   - isPrepared: whether its samples may start at once; else when `prepared` says so.
    ///   - admits: whether there is memory for a job that is to become active, which it then holds.
    /// - Returns: the job's id.
    /// - Throws: `SchedulingError.queueFull`.
    package mutating func enqueue(
        _ outlines: [SampleOutline<Key>], samplesAtOnce: Int, deadline: ContinuousClock.Instant?,
        now: ContinuousClock.Instant, isPrepared: Bool = true, admits: (_ id: Int) -> Bool = { _ in true }
    ) throws(SchedulingError) -> Int {
        let job = QueuedJob(
            id: nextID, outlines: outlines, samplesAtOnce: samplesAtOnce, deadline: deadline,
            due: deadline ?? now.advanced(by: patience), isPrepared: isPrepared)
        let place = waiting.firstIndex { job.due < $0.due } ?? waiting.endIndex
        if active.count < maximumActiveJobs, mayOvertake(job, before: place), admits(job.id) {
            activate(job, at: place)
        } else {
            guard waiting.count < maximumWaitingJobs else { throw .queueFull(limit: maximumWaitingJobs) }
            waiting.insert(job, at: place)
        }
        nextID += 1
        return job.id
    }

    /// Starts no further step of this job. Its samples in flight stay on the books until `remove`.
    package mutating func end(_ id: Int) {
        waiting.removeAll { $0.id == id }
        if let position = position(of: id) { active[position].isEnding = true }
    }

    /// Forgets a job, complete or ended, and lets waiting ones move up.
    ///
    /// - Precondition: none of its samples is being evaluated.
    /// - Returns: the jobs that became active.
    package mutating func remove(_ id: Int, admits: (_ id: Int) -> Bool = { _ in true }) -> [Int] {
        waiting.removeAll { $0.id == id }
        if let position = position(of: id) {
            let job = active.remove(at: position)
            precondition(!job.isEvaluating)
            for flight in job.flights { memory.retire(job.outlines[flight.index]) }
        }
        return promote(admits: admits)
    }

    /// Makes waiting jobs active, in their order, as far as there are places and memory. One that there is no memory for
    /// may be overtaken by those that need less, but by long ones only so many times, and by none where it's they that
    /// hold the memory.
    ///
    /// - Returns: the jobs that became active.
    package mutating func promote(admits: (_ id: Int) -> Bool = { _ in true }) -> [Int] {
        var promoted: [Int] = []
        var position = 0
        while active.count < maximumActiveJobs, position < waiting.count {
            if mayOvertake(waiting[position], before: position), admits(waiting[position].id) {
                let job = waiting.remove(at: position)
                activate(job, at: position)
                promoted.append(job.id)
            } else {
                position += 1
            }
        }
        return promoted
    }

    /// Where nothing is active, what the foremost lack is held by those that wait behind them, and only their going frees
    /// it. Where something is that overtook nobody, it has to end first anyway, and short jobs are gone by then.
    private func mayOvertake(_ job: QueuedJob<Key>, before place: Int) -> Bool {
        active.isEmpty || waiting[..<place].allSatisfy { $0.timesOvertaken < Self.maximumTimesPassedOver }
            || isShort(job) && active.contains { !$0.hasOvertaken }
    }

    private func isShort(_ job: QueuedJob<Key>) -> Bool {
        job.remaining.values.reduce(0) { $0 + $1.cost } <= shortJobCost
    }

    /// The job's samples may start from now on.
    package mutating func prepared(_ id: Int) {
        if let position = position(of: id) { active[position].isPrepared = true }
    }

    /// Adds samples behind those that an active job has.
    package mutating func extend(_ id: Int, by outlines: [SampleOutline<Key>]) {
        if let position = position(of: id) { active[position].append(outlines) }
    }

    /// A worker that evaluates nothing has let go of its memory.
    package mutating func emptyWorkspace(of worker: Int) { memory.emptyWorkspace(of: worker) }

    /// Ends the evaluation of a sample that was advanced.
    ///
    /// - Returns: whether that was its last step; it then stays in flight until `retire`.
    package mutating func completeStep(of sample: SampleID) -> Bool {
        guard let (position, flight) = locate(sample) else { return false }
        let outline = active[position].outlines[sample.index]
        memory.endEvaluation(of: outline, on: active[position].flights[flight].worker)
        active[position].remaining[outline.key]?.steps -= 1
        active[position].remaining[outline.key]?.cost -= outline.cost
        active[position].flights[flight].stepsLeft -= 1
        let isLast = active[position].flights[flight].stepsLeft == 0
        active[position].flights[flight].state = isLast ? .finishing : .idle
        return isLast
    }

    /// Ends the evaluation of a sample that could not be made or advanced; its job has to be ended as well.
    package mutating func abandonStep(of sample: SampleID) {
        guard let (position, flight) = locate(sample) else { return }
        memory.endEvaluation(
            of: active[position].outlines[sample.index], on: active[position].flights[flight].worker)
        active[position].flights[flight].state = .finishing
    }

    /// Strikes a finished sample off the books.
    ///
    /// - Returns: whether its job is complete.
    package mutating func retire(_ sample: SampleID) -> Bool {
        guard let (position, flight) = locate(sample) else { return false }
        memory.retire(active[position].outlines[sample.index])
        active[position].flights.remove(at: flight)
        return active[position].isComplete
    }

    func position(of id: Int) -> Int? { active.firstIndex { $0.id == id } }

    /// Whether the job's turn has come, and its samples can't be made yet.
    func isPreparing(_ id: Int) -> Bool { position(of: id).map { !active[$0].isPrepared } ?? false }

    /// Whether the job is known and has begun its first evaluation.
    package func hasStarted(_ id: Int) -> Bool { position(of: id).map { active[$0].hasStarted } ?? false }

    /// What is known of a sample in flight.
    func outline(of sample: SampleID) -> SampleOutline<Key>? {
        position(of: sample.job).map { active[$0].outlines[sample.index] }
    }

    private func locate(_ sample: SampleID) -> (position: Int, flight: Int)? {
        guard let position = position(of: sample.job),
            let flight = active[position].flights.firstIndex(where: { $0.index == sample.index })
        else { return nil }
        return (position, flight)
    }

    /// - Parameter place: of the job, among those that wait.
    private mutating func activate(_ job: QueuedJob<Key>, at place: Int) {
        advanceVirtualClock()
        for position in 0..<place { waiting[position].timesOvertaken += 1 }
        var job = job
        job.hasOvertaken = place > 0
        job.isShort = isShort(job)
        job.virtualTime = virtualClock - (job.isShort ? shortJobCost : 0)
        active.append(job)
    }

    /// The clock shows at least the charge of the least charged active job.
    mutating func advanceVirtualClock() {
        guard let least = active.lazy.filter({ !$0.isEnding }).map(\.virtualTime).min() else { return }
        virtualClock = max(virtualClock, least)
    }

    /// Moves the clock on by each active job's share of this turn. Following the least charge alone it would stand still
    /// while newcomers keep coming that are gone after one step each.
    ///
    /// Once short jobs are gone, it stands still until the jobs that they overtook have caught up with it. Else it would
    /// stay ahead of them for ever, and a short job that comes later would start behind those that it is to overtake.
    mutating func advanceVirtualClock(byTurnOf job: QueuedJob<Key>, cost: Double) {
        let hasShortJobs = active.contains { $0.isShort && !$0.isEnding }
        guard hasShortJobs || job.virtualTime >= clockOfShortJobs else { return }
        virtualClock += cost / Double(max(1, active.count))
        if hasShortJobs { clockOfShortJobs = virtualClock }
    }
}
