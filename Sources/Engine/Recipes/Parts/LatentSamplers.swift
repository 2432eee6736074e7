import Diffusion

/// What recipes that sample latents offer of the samplers, and what they make of a request's choice.
extension LatentSamplerKind {
    /// Steps that may be asked for of any.
    static let allSteps = 1...SamplerDefaults.stepLimit

    /// Those of one: DDIM's times lie a stride apart from the first on, and few of them never come near the noise that it begins
    /// with; nor does the only one that one step of DDPM has.
    var steps: ClosedRange<Int> {
        switch self {
        case .ddim, .ddimWithNoise: 4...Self.allSteps.upperBound
        case .ddpm: 2...Self.allSteps.upperBound
        case .eulerAncestral, .euler, .dpmSolver: Self.allSteps
        }
    }

    /// All of them, a bundle's own first.
    static func offered(first: LatentSamplerKind, defaultSteps: Int) -> [RecipeDescription.Sampler] {
        ([first] + allCases.filter { $0 != first }).map {
            .init(name: $0.rawValue, steps: $0.steps, defaultSteps: max($0.steps.lowerBound, defaultSteps))
        }
    }
}

extension LatentSamplerPlan {
    /// - Parameters:
    ///   - sampler: that a request chose, or the recipe for it.
    ///   - steps: nil for the sampler's own.
    /// - Throws: `internalFault` for what was not checked.
    init(_ sampler: RecipeDescription.Sampler, steps: Int?, schedule: NoiseSchedule) throws(RestorationError) {
        guard let kind = LatentSamplerKind(rawValue: sampler.name) else {
            throw .internalFault("a sampler that is not this recipe's")
        }
        do throws(SamplerError) {
            try self.init(kind, steps: steps ?? sampler.defaultSteps, schedule: schedule, prediction: .noise)
        } catch {
            throw .internalFault(error.description)
        }
    }
}
