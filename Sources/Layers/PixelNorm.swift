import CKernels
package import Compute

/// LayerNorm over the channels of each pixel, as restoration networks have it: the gain and bias may be a sample's own, and
/// the mean may stay (Restormer's "bias-free" norm, which divides by the deviation only).
package struct PixelNorm: Sendable {
    /// One value a channel, or one a channel for each sample of a batch.
    package let gain: [Float]
    /// As many as `gain`.
    package let bias: [Float]?
    package let channels: Int
    package let epsilon: Float
    package let keepsMean: Bool

    /// - Precondition: as many values as channels.
    package init(gain: [Float], bias: [Float]?, epsilon: Float, keepsMean: Bool = false) {
        self.init(gain: gain, bias: bias, channels: gain.count, epsilon: epsilon, keepsMean: keepsMean)
    }

    private init(gain: [Float], bias: [Float]?, channels: Int, epsilon: Float, keepsMean: Bool) {
        precondition(bias == nil || bias?.count == gain.count)
        self.gain = gain
        self.bias = bias
        self.channels = channels
        self.epsilon = epsilon
        self.keepsMean = keepsMean
    }

    /// norm(x) * (scale + 1) + shift, the modulation being each sample's own.
    ///
    /// - Parameters:
    ///   - scales: a row of `channels` values for each sample; likewise `shifts`.
    package func modulated(scales: [[Float]], shifts: [[Float]]) -> PixelNorm {
        var (gains, biases): ([Float], [Float]) = ([], [])
        for (scale, shift) in zip(scales, shifts) {
            for channel in 0..<channels {
                gains.append(gain[channel] * (scale[channel] + 1))
                biases.append((bias?[channel] ?? 0) * (scale[channel] + 1) + shift[channel])
            }
        }
        return PixelNorm(gain: gains, bias: biases, channels: channels, epsilon: epsilon, keepsMean: keepsMean)
    }

    package func callAsFunction(_ input: Tensor, in workspace: Workspace) -> Tensor {
        operands(input, form: .single, in: workspace)
    }

    /// The norm of all pixels as weights of such a form take it: pairs stand in half as many elements.
    func operands(_ input: Tensor, form: PackedPanels.Form, in workspace: Workspace) -> Tensor {
        let width = form.elements(of: channels)
        let output = workspace.tensor(batch: input.batch, height: input.height, width: input.width, channels: width)
        let chunk = 512
        let chunks = (input.pixels + chunk - 1) / chunk
        workspace.metered(.init("pixel norm \(channels)", of: output)) {
            workspace.team.run(input.batch * chunks) { item, _ in
                let (sample, index) = item.quotientAndRemainder(dividingBy: chunks)
                let first = index * chunk
                apply(
                    input.sample(sample) + first * channels, to: output.sample(sample) + first * width, form: form,
                    rows: min(chunk, input.pixels - first), ofSample: sample, kernels: workspace.kernels)
            }
        }
        return output
    }

    /// Rows of one sample, each right behind the other.
    ///
    /// - Parameter form: of the results, which may be what weights of pairs are multiplied with.
    func apply(
        _ input: UnsafePointer<Float>, to output: UnsafeMutablePointer<Float>, form: PackedPanels.Form = .single, rows: Int,
        ofSample sample: Int, kernels: kernel_set
    ) {
        let normalise = form == .pairs ? kernels.pixels.pointee.normalise_pairs : kernels.pixels.pointee.normalise
        let own = gain.count > channels ? sample * channels : 0
        gain.withUnsafeBufferPointer { gain in
            bias.withOptionalPointer { bias in
                guard let gain = gain.baseAddress else { return }
                normalise?(
                    input, channels, output, form.elements(of: channels), rows, channels, gain + own, bias.map { $0 + own },
                    epsilon, keepsMean ? 1 : 0)
            }
        }
    }
}
