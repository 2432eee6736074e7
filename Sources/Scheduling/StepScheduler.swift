import Synchronization
package import Threads

/// Puts samples of several jobs into shared network evaluations, step by step, on threads of its own.
///
/// A job is submitted from any task, which suspends until the job is done; in between everything happens on the worker
/// threads, one evaluation at a time each. Before each evaluation the free samples of all jobs are looked at afresh, so
/// newcomers join at the next one. `RunQueue` says who goes first, `SchedulerState` keeps the books; this type and
/// `SchedulerCore` are threads and continuations.
///
/// A scheduler that is released stops as by `stop`, without waiting.
package final class StepScheduler<Evaluator: StepEvaluator>: Sendable {
    package typealias Key = Evaluator.BatchKey
    package typealias Job = StepJob<Evaluator.Sample, Key>

    private let core: SchedulerCore<Evaluator>

    /// - Parameters:
    ///   - onSlowStep: told, on a worker thread, of steps that took more than ten times their median.
    ///   - startThread: starts a worker's thread.
    /// - Throws: `SchedulingError.threadsUnavailable`.
    package init(
        evaluator: Evaluator, configuration: SchedulerConfiguration,
        clock: any SchedulerClock = ContinuousClock(), onSlowStep: (@Sendable (SlowStep<Key>) -> Void)? = nil,
        startThread: WorkerThread.Starter = { name, body throws(WorkerThread.StartFailure) in
            try WorkerThread.start(name: name, body)
        }
    ) throws(SchedulingError) {
        core = SchedulerCore(evaluator: evaluator, configuration: configuration, clock: clock, onSlowStep: onSlowStep)
        try core.startWorkers(configuration, by: startThread)
    }

    deinit {
        core.stop(waiter: nil)
    }

    /// Runs a job; returns when the last of its samples has been handed back.
    ///
    /// Cancelling the calling task, or the job's deadline, stops this job at its next step, and no other.
    ///
    /// - Throws: `queueFull`, `cancelled`, `deadlineExceeded`, `draining`, `failed`.
    package func submit(_ job: Job) async throws(SchedulingError) {
        guard !job.outlines.isEmpty else { return }
        let ticket = JobTicket()
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                core.submit(job, ticket: ticket, continuation: continuation)
            }
        } onCancel: {
            core.cancel(ticket)
        }
        try result.get()
    }

    /// Lets jobs that wait for memory (`StepJob.admit`) move up: to be called when some has become free.
    package func promote() { core.promote() }

    /// Ends every job with `draining`, at its next step, and the threads; returns when all have ended.
    package func stop() async {
        await withCheckedContinuation { core.stop(waiter: $0) }
    }

    package var statistics: SchedulerStatistics { core.statistics }

    /// Seconds that a job of these samples takes, from measured step times; nil before the first step.
    ///
    /// - Parameter sharing: beside the jobs now present, else on an idle scheduler.
    package func estimatedSeconds(for outlines: [SampleOutline<Key>], sharing: Bool) -> Double? {
        core.estimatedSeconds(for: outlines, sharing: sharing)
    }
}

/// Lets a cancellation find its job, whichever comes first. Its mutex guards the state.
final class JobTicket: Sendable {
    private enum State { case fresh, registered(Int), cancelled }

    private let state = Mutex(State.fresh)

    /// - Returns: false where the cancellation was first.
    func register(_ id: Int) -> Bool {
        state.withLock { state in
            if case .cancelled = state { return false }
            state = .registered(id)
            return true
        }
    }

    /// - Returns: the job to cancel, where it's registered.
    func cancel() -> Int? {
        state.withLock { state in
            guard case .registered(let id) = state else {
                state = .cancelled
                return nil
            }
            return id
        }
    }
}
