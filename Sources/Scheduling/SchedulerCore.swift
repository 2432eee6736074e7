import Dispatch
import Synchronization
import Threads

/// The threads and continuations of a scheduler. They hold the core and not the scheduler, so that releasing the
/// scheduler ends them. `state` guards all that they share; it's never held while the evaluator computes, a job's closure
/// other than `admit` runs, or a sample is destroyed.
final class SchedulerCore<Evaluator: StepEvaluator>: Sendable {
    typealias State = SchedulerState<Evaluator>
    typealias Key = Evaluator.BatchKey
    typealias Job = StepJob<Evaluator.Sample, Key>

    private let evaluator: Evaluator
    private let clock: any SchedulerClock
    private let onSlowStep: (@Sendable (SlowStep<Key>) -> Void)?
    private let restAfter: DispatchTimeInterval
    private let state: Mutex<State>
    /// Where each worker waits for the others to be started, and sleeps later. Whoever wakes one has taken it off
    /// `idleWorkers` first.
    private let doorbells: [DispatchSemaphore]

    init(
        evaluator: Evaluator, configuration: SchedulerConfiguration, clock: any SchedulerClock,
        onSlowStep: (@Sendable (SlowStep<Key>) -> Void)?
    ) {
        self.evaluator = evaluator
        self.clock = clock
        self.onSlowStep = onSlowStep
        restAfter = .milliseconds(Int((configuration.restAfter.inSeconds * 1000).rounded(.up)))
        state = Mutex(State(configuration, kind: { [evaluator] in evaluator.kind(of: $0) }))
        doorbells = (0..<max(1, configuration.workers)).map { _ in DispatchSemaphore(value: 0) }
    }

    /// Starts all threads before any of them begins: evaluators start threads of their own, and where the system has a
    /// limit those must not take the workers'.
    func startWorkers(
        _ configuration: SchedulerConfiguration, by startThread: WorkerThread.Starter
    ) throws(SchedulingError) {
        let wanted = max(1, configuration.workers)
        defer { for doorbell in doorbells { doorbell.signal() } }
        for worker in 0..<wanted {
            state.withLock { $0.liveWorkers += 1 }
            do throws(WorkerThread.StartFailure) {
                try startThread("\(configuration.name)-\(worker)") { self.run(worker) }
            } catch {
                state.withLock { $0.liveWorkers -= 1 }
                stop(waiter: nil)
                throw .threadsUnavailable(wanted: wanted, started: worker, code: error.code)
            }
        }
    }

    // MARK: Submission and its end

    func submit(
        _ job: StepJob<Evaluator.Sample, Key>, ticket: JobTicket,
        continuation: CheckedContinuation<Result<Void, SchedulingError>, Never>
    ) {
        let refusal: SchedulingError? = change { state, effects in
            do throws(SchedulingError) {
                let id = try state.register(
                    job, timer: { id in job.deadline.map { self.timer(for: id, at: $0) } },
                    continuation: continuation, now: clock.now, effects: &effects)
                // Under the same lock, so that no work is begun for a task that is cancelled already.
                if !ticket.register(id) { state.end(id, .failure(.cancelled), effects: &effects) }
                return nil
            } catch {
                return error
            }
        }
        if let refusal { continuation.resume(returning: .failure(refusal)) }
    }

    func cancel(_ ticket: JobTicket) {
        if let id = ticket.cancel() { end(id, .cancelled) }
    }

    private func end(_ id: Int, _ error: SchedulingError) {
        change { state, effects in state.end(id, .failure(error), effects: &effects) }
    }

    private func timer(for id: Int, at deadline: ContinuousClock.Instant) -> Task<Void, Never> {
        Task { [weak self, clock] in
            guard (try? await clock.sleep(until: deadline)) != nil else { return }
            self?.change { state, effects in state.expire(id, effects: &effects) }
        }
    }

    func stop(waiter: CheckedContinuation<Void, Never>?) {
        change { state, effects in
            if let waiter { state.stopWaiters.append(waiter) }
            state.stop(effects: &effects)
        }
    }

    // MARK: Readings

    var statistics: SchedulerStatistics {
        let now = clock.now
        return state.withLock { $0.statistics(now: now) }
    }

    func estimatedSeconds(for outlines: [SampleOutline<Key>], sharing: Bool) -> Double? {
        let work = QueuedJob(id: 0, outlines: outlines, samplesAtOnce: 1, deadline: nil, due: clock.now).remaining
        return state.withLock { state in
            guard let own = state.times.seconds(for: work), let others = state.secondsLeft() else { return nil }
            return state.sharedSeconds(own, samples: outlines.count, among: (sharing ? others : []) + [own])
        }
    }

    // MARK: Effects

    /// Changes the state under the lock, then does what that calls for without it.
    @discardableResult
    private func change<Value: Sendable>(
        _ body: (inout State, inout Effects<Evaluator>) -> Value
    ) -> Value {
        var effects = Effects<Evaluator>()
        let value = state.withLock { body(&$0, &effects) }
        perform(&effects)
        return value
    }

    private func perform(_ effects: inout Effects<Evaluator>) {
        for worker in effects.workersToWake { doorbells[worker].signal() }
        for id in effects.preparations { prepare(id) }
        for id in effects.deliveries { tellProgress(of: id) }
        // Samples and jobs, with all that they hold, are gone before anybody hears of the end.
        let endings = effects.ended.map { ($0.timer, $0.continuation, $0.outcome) }
        effects.dropped = []
        effects.ended = []
        for (timer, continuation, outcome) in endings {
            timer?.cancel()
            if let outcome { continuation.resume(returning: outcome) }
        }
        for waiter in effects.waiters { waiter.resume() }
    }

    private func prepare(_ id: Int) {
        let job: Job? = change { state, _ in state.records[id]?.job }
        guard let job, let prepare = job.prepare else { return }
        let task = Task {
            let failure: (any Error)?
            do {
                try await prepare()
                failure = nil
            } catch {
                failure = error
            }
            change { state, effects in state.prepared(id, failure: failure, effects: &effects) }
        }
        // The job may have ended, and its preparation too, before this.
        change { state, _ in state.watch(task, preparing: id) }
    }

    /// Lets waiting jobs move up where memory has become free for them.
    func promote() {
        change { state, effects in state.promote(effects: &effects) }
    }

    private func tellProgress(of id: Int) {
        while let delivery = change({ state, effects in state.nextDelivery(to: id, effects: &effects) }) {
            delivery.tell(delivery.progress)
        }
    }

    // MARK: Workers

    private func run(_ worker: Int) {
        doorbells[worker].wait()
        evaluator.begin(worker: worker)
        while true {
            // Emptied as the work goes on: a sample has to be gone before its job's caller hears of the end.
            var batch: State.Assignment?
            let now = clock.now
            let turn = change { state, effects in
                state.assign(
                    &batch, to: worker, now: now, maximumBatch: evaluator.maximumBatch(for:), effects: &effects)
            }
            switch turn {
            case .evaluate: if var batch = batch.take() { evaluate(&batch, worker: worker) }
            case .rest: rest(worker)
            case .sleep: sleep(worker)
            case .exit: return
            }
        }
    }

    /// Until there is work. A worker that has had none for a while lets go of what it kept for the next.
    private func sleep(_ worker: Int) {
        guard doorbells[worker].wait(timeout: .now() + restAfter) == .timedOut else { return }
        rest(worker)
        doorbells[worker].wait()
    }

    private func rest(_ worker: Int) {
        evaluator.rest(worker: worker)
        change { state, effects in
            state.queue.emptyWorkspace(of: worker)
            state.wakeWorker(effects: &effects)
        }
    }

    private func evaluate(_ batch: inout State.Assignment, worker: Int) {
        let key = batch.key
        let size = makeMissingSamples(of: &batch, worker: worker)
        let (seconds, failure) = size == 0 ? (nil, nil) : advance(batch, worker: worker)
        var outcome = change { state, effects in
            state.report(&batch, worker: worker, seconds: seconds, evaluationFailure: failure, effects: &effects)
        }
        for position in outcome.finished.indices {
            let result = handBack(&outcome.finished[position])
            let sample = outcome.finished[position].sample
            let now = clock.now
            change { state, effects in
                state.retire(sample, result: result, now: now, effects: &effects)
            }
        }
        if let median = outcome.slowMedian, let seconds {
            onSlowStep?(SlowStep(key: key, samples: size, seconds: seconds, medianSecondsPerSample: median))
        }
    }

    /// - Returns: how many samples there are then.
    private func makeMissingSamples(of batch: inout State.Assignment, worker: Int) -> Int {
        for position in batch.members.indices where batch.members[position].value == nil {
            let member = batch.members[position]
            do {
                batch.members[position].value = Exclusive(try member.job.makeSample(member.sample.index, worker))
            } catch {
                batch.members[position].failure = error
            }
        }
        return batch.members.count { $0.value != nil }
    }

    private func advance(
        _ batch: State.Assignment, worker: Int
    ) -> (seconds: Double?, failure: (any Error)?) {
        let start = clock.now
        var failure: (any Error)?
        do {
            try evaluator.advance(
                batch.members.compactMap { $0.value?.value }, of: batch.key, worker: worker,
                workspaceBytes: batch.workspaceBytes)
        } catch let error {
            failure = error
        }
        return (start.duration(to: clock.now).inSeconds, failure)
    }

    /// Calls the job's closure with the sample, which is out of the scheduler's hands after that.
    private func handBack(_ member: inout State.Assignment.Member) -> Result<JobDirection<Key>, any Error> {
        guard let sample = member.value.take()?.take() else { return .success(.goOn) }
        do {
            return .success(try member.job.finishSample(sample, member.sample.index))
        } catch {
            return .failure(error)
        }
    }
}
