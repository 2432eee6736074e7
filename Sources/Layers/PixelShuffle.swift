import CKernels
package import Checkpoints
package import Compute

/// A 1x1 convolution to four times the channels of its result, which are then laid out as a map twice as high and wide
/// (pixel shuffle): channel 4c + 2i + j of a pixel is channel c of the pixel in row 2y + i and column 2x + j. Nothing is laid
/// out afterwards: each of the four parts stores straight where it belongs, and what is there already is added.
package struct DoublingProjection: Sendable {
    package let inputs: Int
    package let outputs: Int
    /// By 2i + j.
    private let parts: [Linear]

    /// - Parameters:
    ///   - weight: a row of `inputs` for each of the 4 x `outputs` channels, in the order above.
    ///   - precision: of the products.
    package init(weight: [Float], inputs: Int, outputs: Int, precision: Precision = .fp32) {
        precondition(weight.count == 4 * outputs * inputs)
        self.inputs = inputs
        self.outputs = outputs
        parts = (0..<4).map { part in
            let rows = (0..<outputs).flatMap { (channel: Int) -> ArraySlice<Float> in
                let first = (4 * channel + part) * inputs
                return weight[first..<first + inputs]
            }
            return Linear(weight: rows, bias: nil, inputs: inputs, outputs: outputs, precision: precision)
        }
    }

    /// - Parameter output: what is added to, twice as high and wide as the input; its place is the result's. A new tensor,
    ///   to which nothing was added, where nil.
    package func callAsFunction(_ input: Tensor, addingTo output: Tensor?, in workspace: Workspace) -> Tensor {
        let result = output ?? workspace.tensor(
            batch: input.batch, height: 2 * input.height, width: 2 * input.width, channels: outputs)
        precondition(result.height == 2 * input.height && result.width == 2 * input.width && result.channels == outputs)
        workspace.metered(.init("1x1 \(inputs) to \(outputs), doubled", of: result, multiplyAdds: result.count * inputs)) {
            let scratch = workspace.scratch(floats: input.width * inputs)
            workspace.team.run(input.batch * input.height) { item, thread in
                let (sample, row) = item.quotientAndRemainder(dividingBy: input.height)
                let rows = Linear.Rows(
                    input: input.sample(sample) + row * input.width * inputs, inputStride: inputs,
                    output: result.sample(sample) + 2 * row * result.width * outputs, outputStride: 2 * outputs)
                let operands = parts[0].narrowed(
                    rows, count: input.width, into: scratch[thread], kernels: workspace.kernels)
                for part in parts.indices {
                    store(part, of: operands, width: result.width, count: input.width, adds: output != nil, workspace.kernels)
                }
            }
        }
        return result
    }

    /// One of the four parts of a row, every other pixel of one of two rows of the result.
    private func store(
        _ part: Int, of rows: Linear.Rows, width: Int, count: Int, adds: Bool, _ kernels: kernel_set
    ) {
        var own = rows
        own.output += (part / 2 * width + part % 2) * outputs
        own.residual = adds ? UnsafePointer(own.output) : nil
        own.residualStride = 2 * outputs
        parts[part].apply(panelRange: 0..<parts[part].panels.count, to: own, count: count, kernels: kernels)
    }
}

/// Lays channels out as pixels, or pixels as channels, in the order of `DoublingProjection`.
package enum PixelShuffle {
    /// Four channels become a square of two by two pixels.
    ///
    /// - Precondition: the channels divide by four.
    package static func channelsToPixels(_ input: Tensor, in workspace: Workspace) -> Tensor {
        precondition(input.channels % 4 == 0)
        let output = workspace.tensor(
            batch: input.batch, height: 2 * input.height, width: 2 * input.width, channels: input.channels / 4)
        forEachRow(ofCoarse: input, fine: output, in: workspace) { coarse, fine in fine.pointee = coarse.pointee }
        return output
    }

    /// A square of two by two pixels becomes four channels.
    ///
    /// - Precondition: height and width are even.
    package static func pixelsToChannels(_ input: Tensor, in workspace: Workspace) -> Tensor {
        precondition(input.height % 2 == 0 && input.width % 2 == 0)
        let output = workspace.tensor(
            batch: input.batch, height: input.height / 2, width: input.width / 2, channels: input.channels * 4)
        forEachRow(ofCoarse: output, fine: input, in: workspace) { coarse, fine in coarse.pointee = fine.pointee }
        return output
    }

    /// Calls `move` for each element of the coarse map and its place in the fine one.
    private static func forEachRow(
        ofCoarse coarse: Tensor, fine: Tensor, in workspace: Workspace,
        move: (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>) -> Void
    ) {
        let channels = fine.channels
        workspace.team.run(coarse.batch * coarse.height) { item, _ in
            let (sample, row) = item.quotientAndRemainder(dividingBy: coarse.height)
            let source = coarse.sample(sample) + row * coarse.width * coarse.channels
            for part in 0..<4 {
                let target = fine.sample(sample) + ((2 * row + part / 2) * fine.width + part % 2) * channels
                for column in 0..<coarse.width {
                    for channel in 0..<channels {
                        move(
                            source + column * coarse.channels + 4 * channel + part,
                            target + 2 * column * channels + channel)
                    }
                }
            }
        }
    }
}
