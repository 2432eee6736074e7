package import Checkpoints

/// What a request that says nothing of samplers gets: the section `default` of a `bundle.json`.
package struct SamplerDefaults: Sendable, Equatable {
    /// The most steps that a bundle, or a request, may ask for.
    package static let stepLimit = 100

    package var sampler: SamplerKind
    package var steps: Int
    /// The times that `posterior` visits, from the last one down; nil for evenly spaced ones.
    package var times: [Int]?

    /// - Throws: the first value that can't be with these settings of the diffusion, with its place.
    package init(
        _ reader: ConfigurationReader, diffusion: DiffusionConfiguration
    ) throws(ConfigurationError) {
        sampler = try reader.choice(SamplerKind.self, "sampler")
        let allowed = SamplerPlan.allowedStepCounts(sampler, diffusion)
        steps = try reader.size("steps", allowed.lowerBound...min(allowed.upperBound, Self.stepLimit))
        times = try reader.sizes("times", 1...diffusion.tableStepCount, count: 1...Self.stepLimit)
        guard let times else { return }
        guard sampler == .posterior else {
            throw reader.fault("times", "only posterior visits times of its own, and the sampler is \(sampler.rawValue)")
        }
        guard times.count == steps, zip(times, times.dropFirst()).allSatisfy({ $0 > $1 }) else {
            throw reader.fault("times", "expected \(steps) steps, each below the one before it")
        }
    }
}
