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

    /// The steps that `sde` and `ode` take where none are asked for.
    package static let defaultEulerStepCount = 20
    /// The fewest steps that `sde` and `ode` take: below, Euler's method goes astray.
    package static let minimumEulerStepCount = 10

    /// The numbers of steps that a sampler takes. `posterior` takes any up to the length of its tables, T or `sample_T`;
    /// `sde` and `ode` 10...T, or exactly 10 where T is less.
    package static func allowedStepCounts(
        _ sampler: SamplerKind, _ configuration: DiffusionConfiguration
    ) -> ClosedRange<Int> {
        switch sampler {
        case .posterior: 1...max(1, configuration.tableStepCount)
        case .sde, .ode: minimumEulerStepCount...max(minimumEulerStepCount, configuration.stepCount)
        }
    }

    /// The number of steps that a sampler takes where none is asked for and a bundle has no number of its own.
    package static func defaultStepCount(_ sampler: SamplerKind, _ configuration: DiffusionConfiguration) -> Int {
        let allowed = allowedStepCounts(sampler, configuration)
        guard sampler != .posterior else { return allowed.upperBound }
        let preferred = configuration.sampleStepCount ?? defaultEulerStepCount
        return min(max(preferred, allowed.lowerBound), allowed.upperBound)
    }

    /// A plan as a request asks for it.
    ///
    /// `posterior` in n steps visits t_k = round-half-up(S k / n), k = n ... 1, on tables of S steps, T or `sample_T`, and
    /// goes from the last to 0; nil takes all S. `sde` and `ode` rebuild the tables for n; nil takes `sample_T`, or 20.
    ///
    /// The clean estimate is clamped where the network predicts it, and where a noise-predicting one is asked for fewer
    /// posterior steps than its tables have: an error at the first steps is amplified up to 1 / m_T (200) times, and few
    /// steps can't correct it. All steps of the tables (the official way), `sde` and `ode` don't clamp a noise prediction.
    ///
    /// - Throws: `stepsOutOfRange`, `invalidConfiguration`.
    package init(
        _ configuration: DiffusionConfiguration, sampler: SamplerKind = .posterior,
        prediction: DiffusionConfiguration.Prediction, steps: Int? = nil
    ) throws(SamplerError) {
        if let fault = configuration.fault { throw fault }
        let allowed = Self.allowedStepCounts(sampler, configuration)
        let steps = steps ?? Self.defaultStepCount(sampler, configuration)
        guard allowed.contains(steps) else { throw .stepsOutOfRange(steps, allowed: allowed, sampler: sampler) }
        switch sampler {
        case .posterior:
            // Without overflow: 1 <= steps <= S <= 10,000.
            let last = configuration.tableStepCount
            let times = (1...steps).reversed().map { (2 * last * $0 + steps) / (2 * steps) }
            try self.init(configuration, prediction: prediction, times: times)
        case .sde, .ode:
            self.init(
                try MeanRevertingSDE(configuration, stepCount: steps), sampler: sampler, prediction: prediction,
                times: Array((1...steps).reversed()), clamps: prediction == .clean)
        }
    }

    /// `posterior` steps at times of the bundle's own, which fall from at most S, T or `sample_T`, to at least 1; the last
    /// goes to 0. The first state is the one of time S whatever the first time is.
    ///
    /// - Throws: `invalidTimes`, `invalidConfiguration`.
    package init(
        _ configuration: DiffusionConfiguration, prediction: DiffusionConfiguration.Prediction, times: [Int]
    ) throws(SamplerError) {
        let process = try MeanRevertingSDE(configuration)
        let falls = zip(times, times.dropFirst()).allSatisfy { $0 > $1 }
        guard let first = times.first, let last = times.last, falls, first <= process.stepCount, last >= 1 else {
            throw .invalidTimes(times, last: process.stepCount)
        }
        self.init(
            process, sampler: .posterior, prediction: prediction, times: times,
            clamps: prediction == .clean || times.count < process.stepCount)
    }

    private init(
        _ process: MeanRevertingSDE, sampler: SamplerKind, prediction: DiffusionConfiguration.Prediction, times: [Int],
        clamps: Bool
    ) {
        self.sampler = sampler
        self.prediction = prediction
        clampsCleanEstimate = clamps
        startDeviation = Float(process.lambda)
        steps = zip(times, times.dropFirst() + [0]).map { time, next in
            let (mean, deviation) = Self.transition(sampler, process, from: time, to: next)
            return SamplerStep(
                time: time, of: process, mean: mean, deviation: deviation, prediction: prediction, clamps: clamps)
        }
    }

    /// The distribution of the next state, its mean less mu as factors on x_t - mu and x_0 - mu.
    private static func transition(
        _ sampler: SamplerKind, _ process: MeanRevertingSDE, from time: Int, to next: Int
    ) -> (mean: (state: Double, clean: Double), deviation: Double) {
        switch sampler {
        case .posterior:
            let posterior = process.posterior(from: time, to: next)
            return ((posterior.state, posterior.clean), posterior.deviation)
        case .sde, .ode:
            let drift = process.reverseDrift(at: time, share: sampler == .sde ? 1 : 0.5)
            let noise = process.noiseEstimate(at: time)
            let deviation = sampler == .sde ? -process.sigma[time] * process.dt.squareRoot() : 0
            return ((1 - drift.state - drift.noise * noise.state, -drift.noise * noise.clean), deviation)
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
