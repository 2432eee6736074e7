/// Why a job didn't end with all its samples finished.
package enum SchedulingError: Error, Sendable {
    /// As many jobs wait as may.
    case queueFull(limit: Int)
    /// The task that submitted the job was cancelled.
    case cancelled
    /// The deadline passed: before the job's first evaluation, or in the middle of its work.
    case deadlineExceeded(whileQueued: Bool)
    /// The scheduler takes no more work, or was stopped before this job was done.
    case draining
    /// The evaluator, or one of the job's own closures, threw.
    case failed(any Error)
    /// The system gave fewer threads than asked for; `code` is the `errno` value.
    case threadsUnavailable(wanted: Int, started: Int, code: Int32)
}
