package import Checkpoints

/// What a request that says nothing of samplers gets: the section `default` of a `bundle.json`, or what suits the
/// network's prediction.
package struct SamplerDefaults: Sendable, Equatable {
    /// The most steps that a bundle, or a request, may ask for.
    package static let stepLimit = 100

    /// The steps of `mr-ode` and `mr-sde` where none are asked for.
    package static let semiLinearStepCount = 10

    package var sampler: SamplerKind
    package var steps: Int
    /// The times that are visited, from the last one down; nil for evenly spaced ones.
    package var times: [Int]?

    /// What suits a network where its bundle says nothing: a semi-linear solver for predicted noise, else all posterior
    /// steps.
    package init(for prediction: DiffusionConfiguration.Prediction, _ diffusion: DiffusionConfiguration) {
        sampler = prediction == .noise ? .semiLinearSDE : .posterior
        steps = min(SamplerPlan.defaultStepCount(sampler, diffusion), Self.stepLimit)
    }

    /// - Throws: the first value that can't be with these settings of the diffusion, with its place.
    package init(
        _ reader: ConfigurationReader, diffusion: DiffusionConfiguration
    ) throws(ConfigurationError) {
        sampler = try reader.choice(SamplerKind.self, "sampler")
        let allowed = SamplerPlan.allowedStepCounts(sampler, diffusion)
        steps = try reader.size("steps", allowed.lowerBound...min(allowed.upperBound, Self.stepLimit))
        times = try reader.sizes("times", 1...diffusion.tableStepCount, count: 1...Self.stepLimit)
        guard let times else { return }
        guard sampler.visitsTimes else {
            throw reader.fault("times", "\(SamplerError.timesNotTaken(sampler))")
        }
        guard times.count == steps, zip(times, times.dropFirst()).allSatisfy({ $0 > $1 }) else {
            throw reader.fault("times", "expected \(steps) steps, each below the one before it")
        }
    }
}
