package import Bundles
package import Diffusion

/// What requests may ask of an engine: its samplers with their steps, and its labels. Whoever loads the engine tells it.
package struct RestorationChoices: Sendable, Equatable {
    package struct Sampler: Sendable, Equatable {
        package let kind: SamplerKind
        /// Network evaluations for each label treated.
        package let steps: ClosedRange<Int>
        /// What a request gets that names the sampler and no steps; nil for the bundle's own.
        package let defaultSteps: Int?

        package init(_ kind: SamplerKind, steps: ClosedRange<Int>, defaultSteps: Int? = nil) {
            (self.kind, self.steps, self.defaultSteps) = (kind, steps, defaultSteps)
        }
    }

    /// The one that a request gets which names none comes first.
    package let samplers: [Sampler]
    package let labels: [String]

    /// - Precondition: at least one sampler.
    package init(samplers: [Sampler], labels: [String]) {
        precondition(!samplers.isEmpty)
        (self.samplers, self.labels) = (samplers, labels)
    }

    /// Those of a bundle that the restorer runs.
    package init(_ bundle: Bundles.Bundle) {
        let standard = bundle.summary.defaultSampler
        let kinds = [standard] + SamplerKind.allCases.filter { $0 != standard }
        let samplers = kinds.map { kind in
            let steps = SamplerPlan.allowedStepCounts(kind, bundle.diffusion)
            let isEuler = kind != .posterior
            return Sampler(
                kind, steps: steps,
                defaultSteps: isEuler ? min(SamplerPlan.defaultEulerStepCount, steps.upperBound) : nil)
        }
        self.init(samplers: samplers, labels: bundle.summary.labels)
    }

    /// The sampler of a name, the standard one where none is given; nil for a name that there isn't.
    package func sampler(named name: String?) -> Sampler? {
        guard let name else { return samplers[0] }
        return samplers.first { $0.kind.rawValue == name }
    }

    package var samplerNames: [String] { samplers.map(\.kind.rawValue) }
}
