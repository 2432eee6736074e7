/// One step of a sampler of latent diffusion: what the network is asked, and how its answer changes the state.
///
/// In every sampler here the clean estimate is a linear combination of the state and the answer, and the next state one of the
/// state, the estimate, that of the step before, and fresh noise. Factors are worked out in double and applied in single
/// precision, number by number: neither batch nor tile changes a bit. Nothing is clamped.
package struct LatentSamplerStep: Sendable, Equatable {
    /// That the network is given, 0...999 and between.
    package let time: Float
    /// What the state is multiplied by before the network sees it.
    package let inputScale: Float
    /// Factors of the clean estimate on the state and on the answer.
    private let estimateState, estimateAnswer: Float
    /// Factors of the next state.
    private let state, clean: Float
    /// The factor on the clean estimate of the step before.
    package let previous: Float
    /// The factor on fresh noise.
    package let deviation: Float

    /// Whether fresh noise has any influence; else a draw may be skipped.
    package var usesNoise: Bool { deviation != 0 }

    /// Of a sampler whose state is z_t.
    ///
    /// - Parameters:
    ///   - signal: a_t.
    ///   - state: the factor on the state; the others likewise.
    init(
        time: Double, signal: Double, prediction: LatentSamplerPlan.Prediction, state: Double, clean: Double,
        deviation: Double
    ) {
        let (root, noise) = (signal.squareRoot(), (1 - signal).squareRoot())
        let isNoise = prediction == .noise
        self.init(
            time: time, inputScale: 1, estimate: isNoise ? (1 / root, -noise / root) : (root, -noise), state: state,
            clean: clean, previous: 0, deviation: deviation)
    }

    /// Of a sampler whose state is z_0 plus noise of a deviation.
    init(
        sigma: Double, time: Double, prediction: LatentSamplerPlan.Prediction, state: Double, clean: Double,
        previous: Double = 0, deviation: Double
    ) {
        let root = (sigma * sigma + 1).squareRoot()
        let isNoise = prediction == .noise
        self.init(
            time: time, inputScale: 1 / root, estimate: isNoise ? (1, -sigma) : (1 / (root * root), -sigma / root),
            state: state, clean: clean, previous: previous, deviation: deviation)
    }

    private init(
        time: Double, inputScale: Double, estimate: (state: Double, answer: Double), state: Double, clean: Double,
        previous: Double, deviation: Double
    ) {
        self.time = Float(time)
        self.inputScale = Float(inputScale)
        (estimateState, estimateAnswer) = (Float(estimate.state), Float(estimate.answer))
        (self.state, self.clean) = (Float(state), Float(clean))
        self.previous = Float(previous)
        self.deviation = Float(deviation)
    }

    /// The clean latent that a state and the network's answer imply.
    package func estimate(_ state: [Float], answer: [Float]) -> [Float] {
        zip(state, answer).map { estimateState * $0 + estimateAnswer * $1 }
    }

    /// Replaces the state by the next one. All have one layout.
    ///
    /// - Parameters:
    ///   - state: before, then after.
    ///   - answer: what the network said of the scaled state, guidance included.
    ///   - noise: standard normal numbers of this step; may be nil where `usesNoise` is false.
    ///   - kept: the clean estimate of the step before, then this step's; empty where the plan keeps none.
    package func advance(_ state: inout [Float], answer: [Float], noise: [Float]?, keeping kept: inout [Float]) {
        precondition(answer.count == state.count && (noise.map { $0.count == state.count } ?? !usesNoise))
        precondition(kept.isEmpty ? previous == 0 : kept.count == state.count)
        let count = state.count
        state.withUnsafeMutableBufferPointer { state in
            answer.withUnsafeBufferPointer { answer in
                for index in 0..<count {
                    let estimate = estimateState * state[index] + estimateAnswer * answer[index]
                    var next = self.state * state[index] + clean * estimate
                    if !kept.isEmpty {
                        next += previous * kept[index]
                        kept[index] = estimate
                    }
                    state[index] = next
                }
            }
            guard usesNoise, let noise else { return }
            noise.withUnsafeBufferPointer { noise in
                for index in 0..<count { state[index] += deviation * noise[index] }
            }
        }
    }
}
