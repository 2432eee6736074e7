/// The scheduler's limits.
package struct SchedulerConfiguration: Sendable {
    /// Threads, each with one evaluation at a time.
    package var workers = 1
    /// Jobs that may have samples in flight; they share the workers.
    package var maximumActiveJobs = 16
    /// Jobs that may wait behind those; one more is refused.
    package var maximumWaitingJobs = 64
    /// Bytes that samples in flight may hold in all, evaluations included. A sample too big for it runs alone.
    package var memoryBudget = 1 << 48
    /// What part of the budget is kept for jobs that have nothing in flight yet: 1/4 means that no job adds a second
    /// sample beyond three quarters of it.
    package var newcomerShare = 0.25
    /// A job whose whole work costs no more than this starts that far ahead of those under way; 0 for none.
    package var shortJobCost = 0.0
    /// How long a worker has nothing to do before the evaluator is told to let go of what it kept for it.
    package var restAfter: Duration = .seconds(5)
    /// Where a job with no deadline stands among those with one: as if due this long after it came.
    package var patience: Duration = .seconds(600)
    /// Prefix of the threads' names, which the system cuts at 15 bytes.
    package var name = "steps"

    package init() {}

    package init(workers: Int) { self.workers = workers }
}

/// Where the scheduler reads the time and waits for deadlines; tests put a clock of their own here.
package protocol SchedulerClock: Sendable {
    var now: ContinuousClock.Instant { get }
    /// Returns once `now` has reached the instant.
    ///
    /// - Throws: where the task is cancelled before that.
    func sleep(until instant: ContinuousClock.Instant) async throws
}

extension ContinuousClock: SchedulerClock {
    package func sleep(until instant: ContinuousClock.Instant) async throws {
        try await sleep(until: instant, tolerance: nil)
    }
}
