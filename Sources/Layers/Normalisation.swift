import CKernels
package import Compute

/// LayerNorm over the channels of each pixel or token (biased variance).
package struct LayerNorm: Sendable {
    package let gain: [Float]
    package let bias: [Float]?
    package let epsilon: Float

    package init(gain: [Float], bias: [Float]?, epsilon: Float = 1e-5) {
        precondition(bias == nil || bias?.count == gain.count)
        self.gain = gain
        self.bias = bias
        self.epsilon = epsilon
    }

    package func callAsFunction(_ input: Tensor, in workspace: Workspace) -> Tensor {
        let output = workspace.tensor(
            batch: input.batch, height: input.height, width: input.width, channels: input.channels)
        let rows = input.batch * input.pixels
        let chunk = 512
        workspace.metered(.init("layer norm \(input.channels)", of: output)) {
            workspace.team.run((rows + chunk - 1) / chunk) { item, _ in
                let first = item * chunk
                apply(
                    input.base + first * input.channels, inputStride: input.channels,
                    output: output.base + first * input.channels, outputStride: input.channels,
                    rows: min(chunk, rows - first), kernels: workspace.kernels)
            }
        }
        return output
    }

    /// - Parameters:
    ///   - output: the input itself, or elsewhere.
    ///   - form: of the results: values, or pairs of bfloat16.
    ///   - outputStride: in 32-bit elements.
    func apply(
        _ input: UnsafePointer<Float>, inputStride: Int, output: UnsafeMutablePointer<Float>, outputStride: Int,
        rows: Int, form: PackedPanels.Form = .single, kernels: kernel_set
    ) {
        let pixels = kernels.pixels.pointee
        gain.withUnsafeBufferPointer { gain in
            bias.withOptionalPointer { bias in
                guard let base = gain.baseAddress else { return }
                if form == .pairs {
                    pixels.normalise_pairs(
                        input, inputStride, output, outputStride, rows, gain.count, base, bias, epsilon, 0)
                } else if gain.count <= Self.narrowRow {
                    pixels.normalise(input, inputStride, output, outputStride, rows, gain.count, base, bias, epsilon, 0)
                } else {
                    kernels.layer_norm(input, inputStride, output, outputStride, rows, gain.count, base, bias, epsilon)
                }
            }
        }
    }

    /// Up to so many channels several rows are normalised at once, which stay in the first-level cache.
    private static let narrowRow = 256
}
