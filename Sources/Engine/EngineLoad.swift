/// A snapshot of the work under way, and counts of what was done since the start.
package struct EngineLoad: Sendable, Equatable {
    package var queued: Int
    package var running: Int
    /// Median seconds of a finished restoration; nil before the first.
    package var typicalSeconds: Double?
    /// Network evaluations, by the number of samples in them.
    package var batchSizes = Distribution(bounds: [1, 2, 3, 4, 6, 8, 16, 32, 64])
    /// Network evaluations, by their seconds.
    package var stepSeconds = Distribution(bounds: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60])
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
}

/// A network evaluation that took more than ten times the median of its kind.
package struct SlowEvaluation: Sendable, Equatable {
    /// `embedding`, `label`, or the size of the tiles that were restored: `384x256`.
    package var work: String
    /// How many shared it.
    package var samples: Int
    /// Of the whole evaluation.
    package var seconds: Double
    /// Median seconds of one sample's share, before this one.
    package var medianSecondsPerSample: Double

    package init(work: String, samples: Int, seconds: Double, medianSecondsPerSample: Double) {
        self.work = work
        self.samples = samples
        self.seconds = seconds
        self.medianSecondsPerSample = medianSecondsPerSample
    }
}

/// Counts of values up to each of a row of bounds, as Prometheus' histograms have them.
package struct Distribution: Sendable, Equatable {
    /// Upper bounds, rising.
    package let bounds: [Double]
    /// One a bound and one beyond the last; not cumulative.
    package private(set) var counts: [Int]
    /// Of all values.
    package private(set) var sum = 0.0

    package init(bounds: [Double]) {
        self.bounds = bounds
        counts = [Int](repeating: 0, count: bounds.count + 1)
    }

    /// - Precondition: one count a bound and one more.
    init(bounds: [Double], counts: [Int], sum: Double) {
        precondition(counts.count == bounds.count + 1)
        self.bounds = bounds
        self.counts = counts
        self.sum = sum
    }

    package mutating func add(_ value: Double, times: Int = 1) {
        counts[bounds.firstIndex { value <= $0 } ?? bounds.count] += times
        sum += value * Double(times)
    }

    /// Of all values.
    package var count: Int { counts.reduce(0, +) }
}
