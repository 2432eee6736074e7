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

    func apply(
        _ input: UnsafePointer<Float>, inputStride: Int, output: UnsafeMutablePointer<Float>, outputStride: Int,
        rows: Int, kernels: kernel_set
    ) {
        gain.withUnsafeBufferPointer { gain in
            bias.withOptionalPointer { bias in
                kernels.layer_norm(
                    input, inputStride, output, outputStride, rows, gain.count, gain.baseAddress, bias, epsilon)
            }
        }
    }
}

/// GroupNorm: statistics over all pixels of a sample and the channels of a group.
package struct GroupNorm: Sendable {
    package let groups: Int
    package let gain: [Float]
    package let bias: [Float]
    package let epsilon: Float

    /// - Precondition: the channels divide into the groups.
    package init(groups: Int, gain: [Float], bias: [Float], epsilon: Float) {
        precondition(gain.count == bias.count && gain.count % groups == 0)
        self.groups = groups
        self.gain = gain
        self.bias = bias
        self.epsilon = epsilon
    }

    package func callAsFunction(_ input: Tensor, in workspace: Workspace) -> Tensor {
        let output = workspace.tensor(
            batch: input.batch, height: input.height, width: input.width, channels: input.channels)
        workspace.metered(.init("group norm \(input.channels)", of: output)) {
            workspace.team.run(input.batch) { sample, _ in
                normalise(input.sample(sample), to: output.sample(sample), pixels: input.pixels)
            }
        }
        return output
    }

    private func normalise(_ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>, pixels: Int) {
        let (scale, shift) = affine(source, pixels: pixels)
        for pixel in 0..<pixels {
            let row = pixel * gain.count
            for channel in 0..<gain.count {
                target[row + channel] = source[row + channel] * scale[channel] + shift[channel]
            }
        }
    }

    /// The map of each channel that normalises, scales and shifts at once; sums in double, since there are many.
    private func affine(_ values: UnsafePointer<Float>, pixels: Int) -> (scale: [Float], shift: [Float]) {
        let channels = gain.count
        var sums = [Double](repeating: 0, count: channels)
        var squares = sums
        for pixel in 0..<pixels {
            for channel in 0..<channels {
                let value = Double(values[pixel * channels + channel])
                sums[channel] += value
                squares[channel] += value * value
            }
        }
        let width = channels / groups
        let count = Double(pixels * width)
        var scale = [Float](repeating: 0, count: channels)
        var shift = scale
        for group in 0..<groups {
            let members = group * width..<(group + 1) * width
            let mean = members.reduce(0) { $0 + sums[$1] } / count
            let variance = max(0, members.reduce(0) { $0 + squares[$1] } / count - mean * mean)
            let factor = 1 / (variance + Double(epsilon)).squareRoot()
            for channel in members {
                scale[channel] = Float(factor * Double(gain[channel]))
                shift[channel] = Float(Double(bias[channel]) - mean * factor * Double(gain[channel]))
            }
        }
        return (scale, shift)
    }
}
