// The stepper on arrays, for whoever holds its states in them.

extension SamplerPlan {
    /// The first state of a picture.
    ///
    /// - Parameters:
    ///   - mu: the degraded picture.
    ///   - noise: standard normal numbers, as many.
    package func startState(mu: [Float], noise: [Float]) -> [Float] {
        [Float](unsafeUninitializedCapacity: mu.count) { state, count in
            state.initialize(repeating: 0)
            mu.withUnsafeBufferPointer { mu in
                noise.withUnsafeBufferPointer { start(state, mu: mu, noise: $0) }
            }
            count = mu.count
        }
    }
}

extension SamplerStep {
    /// Takes a state through this step.
    ///
    /// - Parameters:
    ///   - noise: standard normal numbers; may be nil where `usesNoise` is false.
    ///   - kept: the clean estimate of the step before, zeros before the first step; then this step's. May be empty where
    ///     `usesEstimates` is false.
    package func advance(
        _ state: inout [Float], mu: [Float], output: [Float], noise: [Float]?, keeping kept: inout [Float]
    ) {
        output.withUnsafeBufferPointer { advance(&state, mu: mu, output: $0, noise: noise, keeping: &kept) }
    }

    /// The same, of what the network said where it stands.
    package func advance(
        _ state: inout [Float], mu: [Float], output: UnsafeBufferPointer<Float>, noise: [Float]?,
        keeping kept: inout [Float]
    ) {
        state.withUnsafeMutableBufferPointer { state in
            kept.withUnsafeMutableBufferPointer { kept in
                mu.withUnsafeBufferPointer { mu in
                    if let noise {
                        noise.withUnsafeBufferPointer {
                            advance(state, mu: mu, output: output, noise: $0, keeping: kept)
                        }
                    } else {
                        advance(state, mu: mu, output: output, noise: nil, keeping: kept)
                    }
                }
            }
        }
    }
}
