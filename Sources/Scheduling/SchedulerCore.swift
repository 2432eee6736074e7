import Dispatch
import Synchronization
import Threads

/// The threads and continuations of a scheduler. They hold the core and not the scheduler, so that releasing the
/// scheduler ends them. `state` guards all that they share; it's never held while the evaluator, a job's closure or a
/// sample's deinit runs.
final class SchedulerCore<Evaluator: StepEvaluator>: Sendable {
    typealias State = SchedulerState<Evaluator>
    typealias Key = Evaluator.BatchKey

    private let evaluator: Evaluator
    private let clock: any SchedulerClock
    private let onSlowStep: (@Sendable (SlowStep<Key>) -> Void)?
    private let restAfter: DispatchTimeInterval
    private let state: Mutex<State>
    /// Where idle workers sleep. Whoever wakes one has taken it off `idleWorkers` first.
    private let doorbell = DispatchSemaphore(value: 0)

    init(
        evaluator: Evaluator, configuration: SchedulerConfiguration, clock: any SchedulerClock,
        onSlowStep: (@Sendable (SlowStep<Key>) -> Void)?
    ) {
        self.evaluator = evaluator
        self.clock = clock
        self.onSlowStep = onSlowStep
        restAfter = .milliseconds(Int((configuration.restAfter.inSeconds * 1000).rounded(.up)))
        state = Mutex(State(configuration))
    }

    func startWorkers(_ configuration: SchedulerConfiguration) throws(BatchingError) {
        let wanted = max(1, configuration.workers)
        for worker in 0..<wanted {
            state.withLock { $0.liveWorkers += 1 }
            do throws(WorkerThread.StartFailure) {
                try WorkerThread.start(
                    name: "\(configuration.name)-\(worker)", stackBytes: configuration.stackBytes
                ) { self.run(worker) }
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
        continuation: CheckedContinuation<Result<Void, BatchingError>, Never>
    ) {
        let refusal: BatchingError? = change { state, effects in
            do throws(BatchingError) {
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

    private func end(_ id: Int, _ error: BatchingError) {
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
        effects.dropped = []
        perform(effects)
        return value
    }

    private func perform(_ effects: Effects<Evaluator>) {
        for _ in 0..<effects.workersToWake { doorbell.signal() }
        for id in effects.deliveries { tellProgress(of: id) }
        for record in effects.ended {
            record.timer?.cancel()
            if let outcome = record.outcome { record.continuation.resume(returning: outcome) }
        }
        for waiter in effects.waiters { waiter.resume() }
    }

    private func tellProgress(of id: Int) {
        while let delivery = change({ state, effects in state.nextDelivery(to: id, effects: &effects) }) {
            delivery.tell(delivery.progress)
        }
    }

    // MARK: Workers

    private func run(_ worker: Int) {
        while true {
            // Emptied as the work goes on: a sample has to be gone before its job's caller hears of the end.
            var batch: State.Assignment?
            let now = clock.now
            let order = change { state, effects in
                state.assign(
                    &batch, to: worker, now: now, maximumBatch: evaluator.maximumBatch(for:), effects: &effects)
            }
            switch order {
            case .evaluate: if var batch = batch.take() { evaluate(&batch, worker: worker) }
            case .sleep: sleep(worker)
            case .exit: return
            }
        }
    }

    /// Until there is work. A worker that has had none for a while lets go of what it kept for the next.
    private func sleep(_ worker: Int) {
        guard doorbell.wait(timeout: .now() + restAfter) == .timedOut else { return }
        evaluator.rest(worker: worker)
        doorbell.wait()
    }

    private func evaluate(_ batch: inout State.Assignment, worker: Int) {
        let key = batch.key
        let size = makeMissingSamples(of: &batch)
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
    private func makeMissingSamples(of batch: inout State.Assignment) -> Int {
        for position in batch.members.indices where batch.members[position].value == nil {
            let member = batch.members[position]
            do {
                batch.members[position].value = Exclusive(try member.job.makeSample(member.sample.index))
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
            try evaluator.advance(batch.members.compactMap { $0.value?.value }, of: batch.key, worker: worker)
        } catch let error {
            failure = error
        }
        return (start.duration(to: clock.now).inSeconds, failure)
    }

    /// Calls the job's closure with the sample, which is out of the scheduler's hands after that.
    private func handBack(_ member: inout State.Assignment.Member) -> Result<JobDirection, any Error> {
        guard let sample = member.value.take()?.take() else { return .success(.goOn) }
        do {
            return .success(try member.job.finishSample(sample, member.sample.index))
        } catch {
            return .failure(error)
        }
    }
}
