/// One step of a sampler: what to ask the network, and how its answer changes the state.
///
/// In every sampler here the next state is a linear combination of the state, mu, fresh noise and either the network's
/// output or the clean estimate, clamped to 0...1; in second order also of the clean estimate of the step before. The
/// factors are computed in double and applied in single precision, value by value: any layout will do, and neither batch
/// nor tile size changes a bit. NaN stays NaN.
package struct SamplerStep: Sendable, Equatable {
    /// t, in the plan's tables.
    package let time: Int
    /// The time that the network is given: t T / T_sample.
    package let networkTime: Float
    /// Whether fresh noise has any influence. Officially every step draws some, the last one too; where this is false
    /// the draw may be skipped, since draws are counted by step and not by call.
    package let usesNoise: Bool
    /// Whether this step draws on the clean estimate of the step before, or leaves its own to the next one.
    package internal(set) var usesEstimates = false
    /// Whether `next` is applied to the clamped clean estimate, else to the output as it is.
    let clamps: Bool
    /// The clean estimate from state, mu and output.
    let estimate: Combination
    /// The next state, without noise, from state, mu and the clamped clean estimate or the output.
    let next: Combination
    /// The factor on the clean estimate of the step before.
    let previous: Float
    /// The factor on fresh noise.
    let deviation: Float

    /// Factors on the state, on mu and on what the network said.
    struct Combination: Sendable, Equatable {
        var state, mu, answer: Float

        /// - Parameters: factors on x - mu, on answer - mu (or on the answer alone where it is noise) and on the clean
        ///   estimate of the step before, less mu.
        init(state: Double, answer: Double, previous: Double = 0, answerIsNoise: Bool = false) {
            self.state = Float(state)
            self.mu = Float(answerIsNoise ? 1 - state : 1 - state - answer - previous)
            self.answer = Float(answer)
        }
    }

    /// How a sampler goes from one state to the next: the mean less mu as factors on x_t - mu, on x_0 - mu and on the
    /// clean estimate of the step before, less mu; and the deviation.
    struct Transition {
        var state, clean: Double
        var previous = 0.0
        var deviation = 0.0

        /// The same, with the clean estimate continued by a share of its change over the step before.
        func extrapolated(by share: Double) -> Transition {
            Transition(state: state, clean: clean * (1 + share), previous: -clean * share, deviation: deviation)
        }
    }

    /// - Parameters:
    ///   - time: t, at least 1.
    ///   - clamps: whether the clean estimate is clamped to 0...1; needed where the step before has a factor.
    init(
        time: Int, of process: MeanRevertingSDE, _ transition: Transition, prediction: DiffusionConfiguration.Prediction,
        clamps: Bool
    ) {
        precondition(clamps || transition.previous == 0, "an estimate that isn't clamped is not kept")
        let deviation = transition.deviation
        // The posterior's variance has a floor of 1e-20 dt, far below what single precision or a picture shows.
        let noise = abs(deviation) > 1e-9 ? Float(deviation) : 0
        self.time = time
        self.networkTime = Float(Double(time) * process.timeScale)
        self.usesNoise = noise != 0
        self.deviation = noise
        self.clamps = clamps
        previous = Float(transition.previous)

        switch prediction {
        case .clean:
            estimate = Combination(state: 0, answer: 1)
        case .noise:
            let factors = process.cleanEstimate(at: time)
            estimate = Combination(state: factors.state, answer: factors.noise, answerIsNoise: true)
            if !clamps {
                next = Combination(
                    state: transition.state + transition.clean * factors.state, answer: transition.clean * factors.noise,
                    answerIsNoise: true)
                return
            }
        }
        next = Combination(state: transition.state, answer: transition.clean, previous: transition.previous)
    }
}

// MARK: - Taking the step

extension SamplerStep {
    /// Replaces the state by the next one. All buffers hold the same values of one sample in the same layout.
    ///
    /// - Parameters:
    ///   - state: x_t, then x_s.
    ///   - mu: the degraded picture, 0...1.
    ///   - output: what the network said of x_t at `networkTime`.
    ///   - noise: standard normal numbers of this step; may be nil where `usesNoise` is false.
    ///   - kept: the clean estimate of the step before, zeros before the first step; then this step's. May be nil
    ///     where `usesEstimates` is false.
    package func advance(
        _ state: UnsafeMutableBufferPointer<Float>, mu: UnsafeBufferPointer<Float>, output: UnsafeBufferPointer<Float>,
        noise: UnsafeBufferPointer<Float>?, keeping kept: UnsafeMutableBufferPointer<Float>? = nil
    ) {
        precondition(mu.count == state.count && output.count == state.count, "state, mu and output differ in length")
        precondition(noise.map { $0.count == state.count } ?? !usesNoise, "a step without its noise")
        precondition(!usesEstimates || kept?.count == state.count, "a step without the one before")
        if usesEstimates, let kept {
            return advance(state, mu: mu, output: output, noise: usesNoise ? noise : nil, replacing: kept)
        }
        let (next, estimate, deviation) = (next, estimate, deviation)
        switch (clamps, usesNoise ? noise : nil) {
        case (false, let noise?):
            for index in state.indices {
                state[index] = next.apply(state[index], mu[index], output[index]) + deviation * noise[index]
            }
        case (false, nil):
            for index in state.indices {
                state[index] = next.apply(state[index], mu[index], output[index])
            }
        case (true, let noise?):
            for index in state.indices {
                let clean = estimate.apply(state[index], mu[index], output[index]).clampedToPicture
                state[index] = next.apply(state[index], mu[index], clean) + deviation * noise[index]
            }
        case (true, nil):
            for index in state.indices {
                let clean = estimate.apply(state[index], mu[index], output[index]).clampedToPicture
                state[index] = next.apply(state[index], mu[index], clean)
            }
        }
    }

    private func advance(
        _ state: UnsafeMutableBufferPointer<Float>, mu: UnsafeBufferPointer<Float>, output: UnsafeBufferPointer<Float>,
        noise: UnsafeBufferPointer<Float>?, replacing kept: UnsafeMutableBufferPointer<Float>
    ) {
        let (next, estimate, deviation, previous) = (next, estimate, deviation, previous)
        for index in state.indices {
            let clean = estimate.apply(state[index], mu[index], output[index]).clampedToPicture
            state[index] = next.apply(state[index], mu[index], clean) + previous * kept[index]
            kept[index] = clean
        }
        guard let noise else { return }
        for index in state.indices { state[index] += deviation * noise[index] }
    }
}

extension SamplerStep.Combination {
    @inline(__always)
    fileprivate func apply(_ state: Float, _ mu: Float, _ answer: Float) -> Float {
        self.state * state + self.mu * mu + self.answer * answer
    }
}

extension Float {
    /// 0...1; NaN stays NaN, for whoever checks results.
    @inline(__always)
    fileprivate var clampedToPicture: Float { self < 0 ? 0 : self > 1 ? 1 : self }
}
