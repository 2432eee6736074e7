/// The steps of one restoration, laid out in advance: a pure stepper. Whoever runs it, one loop or a scheduler of many,
/// owns batching, cancelling and progress:
///
///     plan.start(state, mu: mu, noise: noise)              // draw 0
///     for (index, step) in plan.steps.enumerated() {
///         output = network(state, mu, step.networkTime)
///         step.advance(state, mu: mu, output: output, noise: noise)   // draw index + 1
///     }
package struct SamplerPlan: Sendable, Equatable {
    package let sampler: SamplerKind
    package let prediction: DiffusionConfiguration.Prediction
    /// Whether each step works on the clean estimate clamped to 0...1.
    package let clampsCleanEstimate: Bool
    /// In the order in which they are taken; never empty. After the last one the state is the restored picture, not
    /// yet clamped.
    package let steps: [SamplerStep]
    /// lambda: the deviation of the noise in the first state.
    package let startDeviation: Float

    /// Whether a step draws on the clean estimate of the step before: then whoever runs the plan keeps it.
    package var keepsEstimates: Bool { steps.contains(where: \.usesEstimates) }

    /// With which power of their number the error of the steps falls.
    package enum Order: Int, Sendable, CaseIterable {
        case first = 1, second
    }

    /// The steps that `sde` and `ode` take where none are asked for.
    package static let defaultEulerStepCount = 20
    /// The fewest steps that `sde` and `ode` take: below, Euler's method goes astray.
    package static let minimumEulerStepCount = 10

    /// The numbers of steps that a sampler takes. `posterior`, `mr-ode` and `mr-sde` take any up to the length of their
    /// tables, T or `sample_T`; `sde` and `ode` 10...T, or exactly 10 where T is less.
    package static func allowedStepCounts(
        _ sampler: SamplerKind, _ configuration: DiffusionConfiguration
    ) -> ClosedRange<Int> {
        switch sampler {
        case .posterior, .semiLinearODE, .semiLinearSDE: 1...max(1, configuration.tableStepCount)
        case .sde, .ode: minimumEulerStepCount...max(minimumEulerStepCount, configuration.stepCount)
        }
    }

    /// The number of steps that a sampler takes where none is asked for and a bundle has no number of its own: all that
    /// `posterior` has, as officially; of `sde` and `ode` `sample_T`, or 20; of the semi-linear solvers what
    /// `SamplerDefaults` says of them.
    package static func defaultStepCount(_ sampler: SamplerKind, _ configuration: DiffusionConfiguration) -> Int {
        let allowed = allowedStepCounts(sampler, configuration)
        let preferred =
            switch sampler {
            case .posterior: allowed.upperBound
            case .sde, .ode: configuration.sampleStepCount ?? defaultEulerStepCount
            case .semiLinearODE, .semiLinearSDE: SamplerDefaults.semiLinearStepCount
            }
        return min(max(preferred, allowed.lowerBound), allowed.upperBound)
    }

    /// A plan as a request asks for it.
    ///
    /// `posterior`, `mr-ode` and `mr-sde` in n steps visit t_k = round-half-up(S k / n), k = n ... 1, on tables of S steps,
    /// T or `sample_T`, and go from the last to 0; nil takes the default number. `sde` and `ode` rebuild the tables for n;
    /// nil takes `sample_T`, or 20.
    ///
    /// The clean estimate is clamped where the network predicts it, by the semi-linear solvers, and where a
    /// noise-predicting network is asked for fewer posterior steps than its tables have: an error at the first steps is
    /// amplified up to 1 / m_T (200) times, and few steps can't correct it. All posterior steps of the tables (the official
    /// way), `sde` and `ode` don't clamp a noise prediction.
    ///
    /// - Parameter order: of the semi-linear solvers; the others have one of their own.
    /// - Throws: `stepsOutOfRange`, `invalidConfiguration`.
    package init(
        _ configuration: DiffusionConfiguration, sampler: SamplerKind = .posterior,
        prediction: DiffusionConfiguration.Prediction, steps: Int? = nil, order: Order = .second
    ) throws(SamplerError) {
        if let fault = configuration.fault { throw fault }
        let allowed = Self.allowedStepCounts(sampler, configuration)
        let steps = steps ?? Self.defaultStepCount(sampler, configuration)
        guard allowed.contains(steps) else { throw .stepsOutOfRange(steps, allowed: allowed, sampler: sampler) }
        guard sampler.visitsTimes else {
            self.init(
                try MeanRevertingSDE(configuration, stepCount: steps), sampler: sampler, prediction: prediction,
                times: Array((1...steps).reversed()), clamps: prediction == .clean, order: .first)
            return
        }
        // Without overflow: 1 <= steps <= S <= 10,000.
        let last = configuration.tableStepCount
        let times = (1...steps).reversed().map { (2 * last * $0 + steps) / (2 * steps) }
        try self.init(configuration, sampler: sampler, prediction: prediction, times: times, order: order)
    }

    /// Steps at times of the bundle's own, which fall from at most S, T or `sample_T`, to at least 1; the last goes to 0.
    /// The first state is the one of time S whatever the first time is.
    ///
    /// - Parameters:
    ///   - sampler: one that visits times.
    ///   - order: of the semi-linear solvers.
    /// - Throws: `invalidTimes`, `timesNotTaken`, `invalidConfiguration`.
    package init(
        _ configuration: DiffusionConfiguration, sampler: SamplerKind = .posterior,
        prediction: DiffusionConfiguration.Prediction, times: [Int], order: Order = .second
    ) throws(SamplerError) {
        guard sampler.visitsTimes else { throw .timesNotTaken(sampler) }
        let process = try MeanRevertingSDE(configuration)
        let falls = zip(times, times.dropFirst()).allSatisfy { $0 > $1 }
        guard let first = times.first, let last = times.last, falls, first <= process.stepCount, last >= 1 else {
            throw .invalidTimes(times, last: process.stepCount)
        }
        self.init(
            process, sampler: sampler, prediction: prediction, times: times,
            clamps: prediction == .clean || sampler.isSemiLinear || times.count < process.stepCount,
            order: sampler.isSemiLinear ? order : .first)
    }

    private init(
        _ process: MeanRevertingSDE, sampler: SamplerKind, prediction: DiffusionConfiguration.Prediction, times: [Int],
        clamps: Bool, order: Order
    ) {
        self.sampler = sampler
        self.prediction = prediction
        clampsCleanEstimate = clamps
        startDeviation = Float(process.lambda)
        // The first step has none before it, and is of first order.
        let extrapolations = times.indices.map { index in
            guard order == .second, index > 0 else { return 0.0 }
            let next = index + 1 < times.count ? times[index + 1] : 0
            return process.extrapolation(after: times[index - 1], from: times[index], to: next)
        }
        steps = times.indices.map { index in
            let next = index + 1 < times.count ? times[index + 1] : 0
            let transition = Self.transition(sampler, process, from: times[index], to: next)
            var step = SamplerStep(
                time: times[index], of: process, transition.extrapolated(by: extrapolations[index]),
                prediction: prediction, clamps: clamps)
            step.usesEstimates = extrapolations[index...].prefix(2).contains { $0 != 0 }
            return step
        }
    }

    /// The distribution of the next state.
    private static func transition(
        _ sampler: SamplerKind, _ process: MeanRevertingSDE, from time: Int, to next: Int
    ) -> SamplerStep.Transition {
        switch sampler {
        case .posterior, .semiLinearSDE:
            // With the clean estimate held, the reverse SDE's solution is the posterior.
            let posterior = process.posterior(from: time, to: next)
            return .init(state: posterior.state, clean: posterior.clean, deviation: posterior.deviation)
        case .semiLinearODE:
            let flow = process.flow(from: time, to: next)
            return .init(state: flow.state, clean: flow.clean)
        case .sde, .ode:
            let drift = process.reverseDrift(at: time, share: sampler == .sde ? 1 : 0.5)
            let noise = process.noiseEstimate(at: time)
            return .init(
                state: 1 - drift.state - drift.noise * noise.state, clean: -drift.noise * noise.clean,
                deviation: sampler == .sde ? -process.sigma[time] * process.dt.squareRoot() : 0)
        }
    }
}

// MARK: - The first state

extension SamplerPlan {
    /// Sets the state to x_T = mu + lambda noise. All buffers hold the same values in the same layout.
    package func start(
        _ state: UnsafeMutableBufferPointer<Float>, mu: UnsafeBufferPointer<Float>, noise: UnsafeBufferPointer<Float>
    ) {
        precondition(mu.count == state.count && noise.count == state.count, "state, mu and noise differ in length")
        let deviation = startDeviation
        for index in state.indices {
            state[index] = mu[index] + deviation * noise[index]
        }
    }
}
