package import Diffusion

/// How many network evaluations a request may ask for.
package enum StepBounds {
    /// With any sampler that allows it.
    package static let all = 1...100

    /// `sde` and `ode` rebuild their tables for the steps asked for, which are too coarse under 10.
    package static func allowed(with sampler: SamplerKind) -> ClosedRange<Int> {
        rebuildsTables(sampler) ? 10...100 : all
    }

    /// What a request that names the sampler and no steps gets; nil for the bundle's own.
    package static func standard(with sampler: SamplerKind) -> Int? {
        rebuildsTables(sampler) ? 20 : nil
    }

    private static func rebuildsTables(_ sampler: SamplerKind) -> Bool {
        sampler == .sde || sampler == .ode
    }
}
