package import Checkpoints

/// The settings of the diffusion: the section `diffusion` of a `bundle.json`. An absent key takes the official value.
package struct DiffusionConfiguration: Sendable, Equatable {
    /// How theta grows with time.
    package enum Schedule: String, Sendable, CaseIterable {
        case cosine, linear, constant
    }

    /// What the network predicts.
    package enum Prediction: String, Sendable, CaseIterable {
        /// The standard normal noise in the state (the official weights).
        case noise
        /// The clean picture.
        case clean
    }

    /// T, the number of steps that the network was trained with, 1...`maximumStepCount` (`T`).
    package var stepCount = 100
    package var schedule = Schedule.cosine
    /// What is left of the clean picture's difference from the degraded one at time T: m_T, in (0, 1) (`eps`).
    package var epsilon = 0.005
    /// Deviation of the noise at time T on the 0-255 scale, in (0, 255] (`max_sigma`).
    package var maximumSigma = 50.0
    /// The number of steps that tables are built for where it is not T, 1...`maximumStepCount` (`sample_T`, in which -1
    /// stands for T).
    package var sampleStepCount: Int?

    /// The number of steps in the tables that `posterior` goes by.
    package var tableStepCount: Int { sampleStepCount ?? stepCount }

    /// The most steps that tables are built for.
    package static let maximumStepCount = 10_000

    /// The official settings.
    package init() {}

    /// - Throws: the first value that can't be, with its place.
    package init(_ reader: ConfigurationReader) throws(ConfigurationError) {
        stepCount = try reader.size("T", 1...Self.maximumStepCount, default: stepCount)
        schedule = try reader.choice(Schedule.self, "schedule", default: schedule)
        epsilon = try reader.number("eps", above: 0, upTo: 0.5, default: epsilon)
        maximumSigma = try reader.number("max_sigma", above: 0, upTo: 255, default: maximumSigma)
        let sampled = try reader.size("sample_T", -1...stepCount, default: -1)
        guard sampled != 0 else { throw reader.fault("sample_T", "expected -1 (all), or 1 to \(stepCount)") }
        sampleStepCount = sampled < 0 ? nil : sampled
    }

    /// The first value that is out of range; nil where all are in range.
    package var fault: SamplerError? {
        let counts = 1...Self.maximumStepCount
        guard counts.contains(stepCount) else { return .invalidConfiguration("T is \(stepCount), not in \(counts)") }
        guard epsilon > 0, epsilon < 1 else { return .invalidConfiguration("eps is \(epsilon), not between 0 and 1") }
        guard maximumSigma > 0, maximumSigma <= 255 else {
            return .invalidConfiguration("max_sigma is \(maximumSigma), not above 0 and at most 255")
        }
        guard counts.contains(tableStepCount) else {
            return .invalidConfiguration("sample_T is \(tableStepCount), not in \(counts)")
        }
        return nil
    }
}
