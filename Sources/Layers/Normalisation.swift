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
            let chunks = (input.pixels + Self.chunk - 1) / Self.chunk
            let sums = sums(of: input, chunks: chunks, in: workspace)
            let maps = (0..<input.batch).map { sample in
                affine(sums[sample * chunks..<(sample + 1) * chunks], pixels: input.pixels)
            }
            workspace.team.run(input.batch * chunks) { item, _ in
                let (sample, place) = item.quotientAndRemainder(dividingBy: chunks)
                let pixels = place * Self.chunk..<min(input.pixels, (place + 1) * Self.chunk)
                normalise(input.sample(sample), to: output.sample(sample), pixels: pixels, by: maps[sample])
            }
        }
        return output
    }

    /// Fixed, so that the order of the sums never depends on the number of threads.
    private static let chunk = 128

    private struct Sums {
        var values: [Double]
        var squares: [Double]
    }

    /// Of each channel in each run of pixels; in double, since there are many.
    private func sums(of input: Tensor, chunks: Int, in workspace: Workspace) -> [Sums] {
        let channels = gain.count
        let zeros = [Double](repeating: 0, count: channels)
        var result = [Sums](repeating: Sums(values: zeros, squares: zeros), count: input.batch * chunks)
        result.withUnsafeMutableBufferPointer { result in
            guard let parts = result.baseAddress else { return }
            workspace.team.run(input.batch * chunks) { item, _ in
                let (sample, place) = item.quotientAndRemainder(dividingBy: chunks)
                let first = place * Self.chunk
                let rows = input.sample(sample) + first * channels
                let count = min(Self.chunk, input.pixels - first)
                parts[item].values.withUnsafeMutableBufferPointer { values in
                    parts[item].squares.withUnsafeMutableBufferPointer { squares in
                        for pixel in 0..<count {
                            for channel in 0..<channels {
                                let value = Double(rows[pixel * channels + channel])
                                values[channel] += value
                                squares[channel] += value * value
                            }
                        }
                    }
                }
            }
        }
        return result
    }

    private func normalise(
        _ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>, pixels: Range<Int>,
        by map: (scale: [Float], shift: [Float])
    ) {
        map.scale.withUnsafeBufferPointer { scale in
            map.shift.withUnsafeBufferPointer { shift in
                for pixel in pixels {
                    let row = pixel * gain.count
                    for channel in 0..<gain.count {
                        target[row + channel] = source[row + channel] * scale[channel] + shift[channel]
                    }
                }
            }
        }
    }

    /// The map of each channel that normalises, scales and shifts at once.
    private func affine(_ parts: ArraySlice<Sums>, pixels: Int) -> (scale: [Float], shift: [Float]) {
        let channels = gain.count
        var sums = [Double](repeating: 0, count: channels)
        var squares = sums
        for part in parts {
            for channel in 0..<channels {
                sums[channel] += part.values[channel]
                squares[channel] += part.squares[channel]
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
