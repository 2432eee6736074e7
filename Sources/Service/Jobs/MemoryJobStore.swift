import Engine
import HTTPServer
import Synchronization

/// Jobs in this process's own memory: their states, and their results until they expire. They end with the process.
///
/// The mutex guards all jobs. Nothing is called back under it.
final class MemoryJobStore: JobStore {
    struct Limits: Sendable {
        /// Seconds that a finished job is kept.
        var lifetime: Int
        /// Bytes of all results together, until the last client that reads one has done so.
        var resultBytes: Int
        /// Jobs, unfinished ones included.
        var jobs: Int
    }

    private struct Job {
        var status: JobStatus
        /// Does its work and nothing else: cancelled with the job.
        var task: Task<Void, Never>?
        /// Whether the engine has taken it.
        var isAdmitted = false
        var result: JobResult?
        var problem: Problem?
        var ended: ContinuousClock.Instant?
        var watchers: [Int: Watcher] = [:]
    }

    private struct State {
        var jobs: [String: Job] = [:]
        /// Finished jobs, the oldest first.
        var finished: [String] = []
        /// Jobs that the engine has not taken yet.
        var unadmitted = 0
        var nextWatcher = 0
    }

    private let limits: Limits
    private let now: @Sendable () -> ContinuousClock.Instant
    private let identifiers = JobIdentifier()
    /// Of results that are kept, or that clients still read.
    private let heldBytes = ByteCount()
    private let state = Mutex(State())

    init(limits: Limits, now: @escaping @Sendable () -> ContinuousClock.Instant) {
        self.limits = limits
        self.now = now
    }

    // MARK: What a job's own task does

    /// Adds a queued job. Once it is known that the engine takes it, finished ones are evicted for it.
    ///
    /// - Throws: `RestorationError.queueFull` where every place is taken by an unfinished job.
    func add() throws(RestorationError) -> String {
        let id = identifiers.make()
        let isAdded = state.withLock { state in
            expire(&state)
            guard state.jobs.count - state.finished.count < limits.jobs else { return false }
            state.jobs[id] = Job(status: JobStatus(id: id))
            state.unadmitted += 1
            return true
        }
        guard isAdded else { throw .queueFull(limit: limits.jobs, retryAfterSeconds: 1) }
        return id
    }

    func setTask(_ task: Task<Void, Never>, of id: String) {
        state.withLock { $0.jobs[id]?.task = task }
    }

    /// Notes how far a job is; the first progress shows that the engine has taken it.
    func update(_ id: String, _ progress: RestorationProgress) {
        change(id) { status in
            guard !status.isFinal else { return }
            switch progress {
            case .queued(let position):
                status.state = .queued
                status.queuePosition = position
            case .running(let completed, let total, let remaining):
                status.state = .running
                status.queuePosition = nil
                status.step = completed
                status.steps = total
                status.estimatedSeconds = remaining.map { ($0 * 10).rounded() / 10 }
            }
        }
    }

    /// Ends a job. A job that was cancelled stays so, and one that is gone stays gone.
    func finish(_ id: String, _ outcome: JobOutcome) {
        tell { state in
            admit(id, in: &state)
            guard var job = state.jobs[id], !job.status.isFinal else { return nil }
            job.status.revision += 1
            job.status.queuePosition = nil
            job.status.estimatedSeconds = nil
            job.ended = now()
            switch settle(outcome, in: &state) {
            case .done(let work, _):
                job.status.state = .done
                job.status.step = job.status.steps
                job.status.verdicts = work.answer.fields[.restoredVerdicts]
                if work.guidance != nil { job.status.addGuidance() }
                job.result = JobResult(work, countedIn: heldBytes)
            case .failed(let problem, let requestID):
                job.status.state = .failed
                job.status.problem = problem.document(instance: requestID)
                job.problem = problem
            case .cancelled:
                job.status.state = .cancelled
            }
            state.jobs[id] = job
            state.finished.append(id)
            return job
        }
    }

    /// Makes room for a result by evicting the oldest, but none that a client still reads, which would free nothing.
    private func settle(_ outcome: JobOutcome, in state: inout State) -> JobOutcome {
        guard case .done(let work, let requestID) = outcome else { return outcome }
        guard work.byteCount <= limits.resultBytes else {
            let fault = ServiceFault.answerTooLarge(needed: work.byteCount, limit: limits.resultBytes)
            return .failed(Problem(fault), requestID: requestID)
        }
        while resultBytes + work.byteCount > limits.resultBytes {
            guard let oldest = state.finished.first(where: { state.jobs[$0]?.result?.isBeingRead == false }) else {
                return .failed(Problem(ServiceFault.resultMemoryExhausted), requestID: requestID)
            }
            remove(oldest, from: &state)
        }
        return outcome
    }

    /// Forgets a job that its client never heard of.
    func discard(_ id: String) {
        state.withLock { remove(id, from: &$0) }
    }

    // MARK: What clients ask

    func status(_ id: String) throws(ServiceFault) -> JobStatus {
        try job(id).status
    }

    func result(_ id: String) throws -> Response { try made(by: id).answer }

    func guidance(_ id: String) throws -> Response {
        guard let guidance = try made(by: id).guidance else { throw ServiceFault.noGuidance }
        return guidance
    }

    /// - Throws: the problem that the job failed with, or a fault that says why there is no result.
    private func made(by id: String) throws -> JobResult {
        let job = try job(id)
        switch job.status.state {
        case .done:
            guard let result = job.result else { throw ServiceFault.jobGone }
            return result
        case .failed: throw job.problem ?? Problem(ServiceFault.internalFault("a failed job without its problem"))
        case .cancelled: throw ServiceFault.jobCancelled
        case .queued, .running: throw ServiceFault.jobUnfinished
        }
    }

    /// Cancels an unfinished job, which then reads cancelled; removes a finished one.
    func delete(_ id: String) throws(ServiceFault) {
        let job = try job(id)
        if job.status.isFinal {
            state.withLock { remove(id, from: &$0) }
        } else {
            finish(id, .cancelled)
            job.task?.cancel()
        }
    }

    func watch(_ id: String, _ watcher: @escaping Watcher) throws(ServiceFault) -> Subscription {
        let number = state.withLock { state in
            state.nextWatcher += 1
            state.jobs[id]?.watchers[state.nextWatcher] = watcher
            return state.nextWatcher
        }
        watcher(try job(id).status)
        return Subscription { [weak self] in
            self?.state.withLock { $0.jobs[id]?.watchers[number] = nil }
        }
    }

    /// Removes what has expired. Every other call does so too; this is for a timer, so that memory is freed in time.
    func sweep() {
        state.withLock { expire(&$0) }
    }

    // MARK: What metrics and a drain ask

    var figures: JobFigures {
        let counts = state.withLock { state in
            state.jobs.values.reduce(into: [:]) { $0[$1.status.state, default: 0] += 1 }
        }
        return JobFigures(counts: counts, resultBytes: resultBytes)
    }

    /// Bytes of results, those included whose jobs are gone and that clients still read.
    var resultBytes: Int { heldBytes.value }

    // MARK: Under the lock

    private func job(_ id: String) throws(ServiceFault) -> Job {
        let job = state.withLock { state in
            expire(&state)
            return state.jobs[id]
        }
        if let job { return job }
        throw identifiers.made(id) ? .jobGone : .noSuchJob
    }

    private func change(_ id: String, _ body: (inout JobStatus) -> Void) {
        tell { state in
            admit(id, in: &state)
            guard var job = state.jobs[id] else { return nil }
            let before = job.status
            body(&job.status)
            guard job.status != before else { return nil }
            job.status.revision += 1
            state.jobs[id] = job
            return job
        }
    }

    /// Changes a job under the lock, and tells those who watch it without the lock.
    ///
    /// - Parameter body: gives the job where it changed.
    private func tell(_ body: (inout State) -> Job?) {
        guard let job = state.withLock({ body(&$0) }) else { return }
        for watcher in job.watchers.values { watcher(job.status) }
    }

    /// Evicts the oldest for a job that the engine took; one that it refuses costs nobody a result.
    private func admit(_ id: String, in state: inout State) {
        guard state.jobs[id]?.isAdmitted == false else { return }
        state.jobs[id]?.isAdmitted = true
        state.unadmitted -= 1
        while state.jobs.count - state.unadmitted > limits.jobs, let oldest = state.finished.first {
            remove(oldest, from: &state)
        }
    }

    private func expire(_ state: inout State) {
        let now = now()
        while let oldest = state.finished.first, let ended = state.jobs[oldest]?.ended,
            ended.duration(to: now) >= .seconds(limits.lifetime)
        {
            remove(oldest, from: &state)
        }
    }

    private func remove(_ id: String, from state: inout State) {
        guard let job = state.jobs.removeValue(forKey: id) else { return }
        if !job.isAdmitted { state.unadmitted -= 1 }
        if let index = state.finished.firstIndex(of: id) { state.finished.remove(at: index) }
    }
}

/// What a finished job made. Its bytes count until the last who holds it lets go: the store, or a client that reads
/// slowly. The atomic counts these clients.
final class JobResult: Sendable {
    private let work: FinishedWork
    private let heldBytes: ByteCount
    private let readers = Atomic(0)

    init(_ work: FinishedWork, countedIn heldBytes: ByteCount) {
        self.work = work
        self.heldBytes = heldBytes
        heldBytes.add(work.byteCount)
    }

    deinit { heldBytes.add(-work.byteCount) }

    var isBeingRead: Bool { readers.load(ordering: .relaxed) > 0 }

    /// The answer for one client.
    var answer: Response { read(work.answer) }

    /// What was drawn, for one client; nil where nothing was.
    var guidance: Response? {
        work.guidance.map { read(Response(status: .ok, fields: FinishedWork.guidanceFields, body: .bytes($0))) }
    }

    /// For one client, who reads it until the server lets go of it.
    private func read(_ response: Response) -> Response {
        readers.add(1, ordering: .relaxed)
        var response = response
        response.retained = Subscription { [self] in readers.subtract(1, ordering: .relaxed) }
        return response
    }
}
