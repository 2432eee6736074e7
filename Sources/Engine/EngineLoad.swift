package import Scheduling

/// A snapshot of the work under way, and counts of what was done since the start.
package struct EngineLoad: Sendable, Equatable {
    package var queued: Int
    package var running: Int
    /// Median seconds of a finished restoration; nil before the first.
    package var typicalSeconds: Double?
    /// Network evaluations, by the number of samples in them.
    package var batchSizes = SchedulerStatistics().batchSizes
    /// Network evaluations, by their seconds.
    package var stepSeconds = SchedulerStatistics().evaluationSeconds
    /// Tiles, pictures and labels that have been begun and are not done.
    package var samplesInFlight = 0
    /// Bytes that samples and their evaluations hold, and may hold.
    package var memoryUsed = 0
    package var memoryBudget = 0
    /// Seconds for which the network evaluation that has run longest has been under way; nil where none is.
    package var longestEvaluationUnderWay: Double?

    package init(queued: Int, running: Int, typicalSeconds: Double?) {
        self.queued = queued
        self.running = running
        self.typicalSeconds = typicalSeconds
    }

    /// Of no engine.
    package static let none = EngineLoad(queued: 0, running: 0, typicalSeconds: nil)

    init(_ statistics: SchedulerStatistics) {
        self.init(
            queued: statistics.waitingJobs, running: statistics.activeJobs,
            typicalSeconds: statistics.typicalJobSeconds)
        batchSizes = statistics.batchSizes
        stepSeconds = statistics.evaluationSeconds
        samplesInFlight = statistics.samplesInFlight
        memoryUsed = statistics.bytesHeld
        memoryBudget = statistics.memoryBudget
        longestEvaluationUnderWay = statistics.longestEvaluationUnderWay
    }
}

/// A network evaluation that took more than ten times the median of its kind.
package struct SlowEvaluation: Sendable, Equatable {
    /// The stage, and the size of its samples where they have one: `diffuse 384x256`.
    package var batch: String
    /// How many shared it.
    package var samples: Int
    /// Of the whole evaluation.
    package var seconds: Double
    /// Median seconds of one sample's share, before this one.
    package var medianSecondsPerSample: Double

    package init(batch: String, samples: Int, seconds: Double, medianSecondsPerSample: Double) {
        self.batch = batch
        self.samples = samples
        self.seconds = seconds
        self.medianSecondsPerSample = medianSecondsPerSample
    }
}
