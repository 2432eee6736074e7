/// A snapshot of a scheduler, for metrics and `Retry-After`. Counts run from the scheduler's start.
package struct SchedulerStatistics: Sendable, Equatable {
    /// How jobs ended.
    package struct Outcomes: Sendable, Equatable {
        package internal(set) var completed = 0
        package internal(set) var cancelled = 0
        package internal(set) var expiredWhileQueued = 0
        package internal(set) var expiredWhileRunning = 0
        package internal(set) var failed = 0
        /// Refused because the queue was full.
        package internal(set) var refused = 0
        /// Refused or stopped because the scheduler drains.
        package internal(set) var drained = 0

        mutating func count(_ result: Result<Void, SchedulingError>) {
            switch result {
            case .success: completed += 1
            case .failure(.cancelled): cancelled += 1
            case .failure(.deadlineExceeded(let whileQueued)):
                if whileQueued { expiredWhileQueued += 1 } else { expiredWhileRunning += 1 }
            case .failure(.queueFull): refused += 1
            case .failure(.draining): drained += 1
            case .failure(.failed), .failure(.threadsUnavailable): failed += 1
            }
        }
    }

    /// Of a scheduler that has done nothing yet.
    package init() {}

    package internal(set) var waitingJobs = 0
    package internal(set) var activeJobs = 0
    package internal(set) var workers = 0
    package internal(set) var busyWorkers = 0
    package internal(set) var samplesInFlight = 0
    /// Held by samples in flight and their evaluations, against the budget.
    package internal(set) var bytesHeld = 0
    package internal(set) var memoryBudget = 0
    /// Network calls, successful or not.
    package internal(set) var evaluations = 0
    /// Samples advanced by one step, in all.
    package internal(set) var sampleSteps = 0
    /// Evaluations by the number of samples in them.
    package internal(set) var batchSizes = Histogram(bounds: [1, 2, 3, 4, 6, 8, 16, 32, 64])
    package internal(set) var evaluationSeconds = Histogram(
        bounds: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60])
    package internal(set) var outcomes = Outcomes()
    /// Median seconds from submission to the end of recent completed jobs; nil before the first.
    package internal(set) var typicalJobSeconds: Double?
    /// Seconds until the present work is done; nil before the first measured step.
    package internal(set) var backlogSeconds: Double?
    /// Seconds for which the evaluation that has run longest has been under way; nil where none is.
    package internal(set) var longestEvaluationUnderWay: Double?
}

/// A step that took more than ten times the median of its key.
package struct SlowStep<Key: Hashable & Sendable>: Sendable {
    package let key: Key
    package let samples: Int
    /// Of the whole evaluation.
    package let seconds: Double
    /// Of one sample's share of an evaluation, before this one.
    package let medianSecondsPerSample: Double
}
