/// The settings of the diffusion, as a bundle states them.
///
/// Coded with the keys `T`, `schedule`, `eps`, `max_sigma` and `sample_T`; an absent key takes the official value, other
/// keys are ignored. `sample_T` of -1 (or absent) means `T`. Decoding doesn't judge values: `MeanRevertingSDE` does.
package struct DiffusionConfiguration: Sendable, Equatable {
    /// How theta grows with time.
    package enum Schedule: String, Sendable, Codable, CaseIterable {
        case cosine, linear, constant
    }

    /// What the network predicts.
    package enum Prediction: String, Sendable, Codable, CaseIterable {
        /// The standard normal noise in the state (the official weights).
        case noise
        /// The clean picture.
        case clean
    }

    /// T, the number of steps that the network was trained with, 1...`maximumStepCount`.
    package var stepCount = 100
    package var schedule = Schedule.cosine
    /// What is left of the clean picture's difference from the degraded one at time T: m_T, in (0, 1).
    package var epsilon = 0.005
    /// Deviation of the noise at time T on the 0-255 scale, in (0, 255].
    package var maximumSigma = 50.0
    /// The number of steps that tables are built for where it is not T, 1...`maximumStepCount`.
    package var sampleStepCount: Int?

    /// The most steps that tables are built for.
    package static let maximumStepCount = 10_000

    /// The official settings.
    package init() {}

    /// The first value that is out of range; nil where all are in range.
    package var fault: SamplerError? {
        let counts = 1...Self.maximumStepCount
        guard counts.contains(stepCount) else { return .invalidConfiguration("T is \(stepCount), not in \(counts)") }
        guard epsilon > 0, epsilon < 1 else { return .invalidConfiguration("eps is \(epsilon), not between 0 and 1") }
        guard maximumSigma > 0, maximumSigma <= 255 else {
            return .invalidConfiguration("max_sigma is \(maximumSigma), not above 0 and at most 255")
        }
        guard counts.contains(sampleStepCount ?? stepCount) else {
            return .invalidConfiguration("sample_T is \(sampleStepCount ?? stepCount), not in \(counts)")
        }
        return nil
    }
}

extension DiffusionConfiguration: Codable {
    private enum CodingKeys: String, CodingKey {
        case stepCount = "T"
        case schedule
        case epsilon = "eps"
        case maximumSigma = "max_sigma"
        case sampleStepCount = "sample_T"
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        stepCount = try container.decodeIfPresent(Int.self, forKey: .stepCount) ?? stepCount
        schedule = try container.decodeIfPresent(Schedule.self, forKey: .schedule) ?? schedule
        epsilon = try container.decodeIfPresent(Double.self, forKey: .epsilon) ?? epsilon
        maximumSigma = try container.decodeIfPresent(Double.self, forKey: .maximumSigma) ?? maximumSigma
        sampleStepCount = try container.decodeIfPresent(Int.self, forKey: .sampleStepCount)
        if sampleStepCount == -1 { sampleStepCount = nil }
    }
}
