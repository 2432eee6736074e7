import CKernels
package import Compute

/// y = W x + b on every pixel or token: a linear layer, or a 1x1 convolution.
package struct Linear: Sendable {
    package let inputs: Int
    package let outputs: Int
    let panels: PackedPanels
    let bias: [Float]?

    /// - Parameters:
    ///   - weight: `outputs` rows of `inputs`.
    ///   - bias: `outputs` values.
    package init(weight: [Float], bias: [Float]?, inputs: Int, outputs: Int) {
        precondition(weight.count == inputs * outputs && (bias?.count ?? outputs) == outputs)
        self.inputs = inputs
        self.outputs = outputs
        self.bias = bias
        panels = weight.withUnsafeBufferPointer { weight in
            PackedPanels(rows: inputs, columns: outputs) { weight[$1 * inputs + $0] }
        }
    }

    /// The layer applied to each pixel of `input`, with an optional residual added after the activation.
    package func callAsFunction(
        _ input: Tensor, activation: Activation = .none, adding residual: Tensor? = nil, in workspace: Workspace
    ) -> Tensor {
        let output = workspace.tensor(
            batch: input.batch, height: input.height, width: input.width, channels: outputs)
        let operands = Rows(
            input: input.base, inputStride: input.channels, output: output.base, outputStride: outputs,
            residual: residual.map { UnsafePointer($0.base) }, residualStride: residual?.channels ?? 0)
        workspace.metered(.init("linear \(inputs) to \(outputs)", of: output, multiplyAdds: output.count * inputs)) {
            apply(to: operands, count: input.batch * input.pixels, activation: activation, in: workspace)
        }
        return output
    }

    struct Rows {
        let input: UnsafePointer<Float>
        let inputStride: Int
        let output: UnsafeMutablePointer<Float>
        let outputStride: Int
        var residual: UnsafePointer<Float>?
        var residualStride = 0
    }

    /// Shares rows and panels among the team: rows where there are many, else panels.
    private func apply(to rows: Rows, count: Int, activation: Activation, in workspace: Workspace) {
        let rowChunk = 224
        let rowChunks = (count + rowChunk - 1) / rowChunk
        let panelChunks = rowChunks >= 2 * workspace.team.size ? 1 : min(panels.count, 4 * workspace.team.size)
        workspace.team.run(rowChunks * panelChunks) { item, _ in
            let first = item / panelChunks * rowChunk
            let chunk = item % panelChunks
            let range = panels.count * chunk / panelChunks..<panels.count * (chunk + 1) / panelChunks
            apply(
                panelRange: range, to: rows, first: first, count: min(rowChunk, count - first), activation: activation,
                kernels: workspace.kernels)
        }
    }

    /// One thread's share; `first` is the first row.
    func apply(
        panelRange: Range<Int>, to rows: Rows, first: Int, count: Int, activation: Activation, kernels: kernel_set
    ) {
        var taps: UnsafePointer<Float>? = rows.input + first * rows.inputStride
        withUnsafePointer(to: &taps) { taps in
            bias.withOptionalPointer { bias in
                for index in panelRange {
                    let column = index * PackedPanels.width
                    var job = kernel_panel()
                    job.taps = taps
                    job.tap_count = 1
                    job.depth = inputs
                    job.depth_stride = 1
                    job.pixel_stride = rows.inputStride
                    job.pixels = count
                    job.weights = panels.panel(index)
                    job.columns = panels.columns(in: index)
                    job.bias = bias.map { $0 + column }
                    job.activation = activation.kernel
                    job.residual = rows.residual.map { $0 + first * rows.residualStride + column }
                    job.residual_stride = rows.residualStride
                    job.output = rows.output + first * rows.outputStride + column
                    job.output_stride = rows.outputStride
                    kernels.panel(&job)
                }
            }
        }
    }
}

extension Optional where Wrapped == [Float] {
    /// The elements' address for the duration of a call; nil for no array.
    func withOptionalPointer<R>(_ body: (UnsafePointer<Float>?) -> R) -> R {
        switch self {
        case nil: body(nil)
        case let array?: array.withUnsafeBufferPointer { body($0.baseAddress) }
        }
    }
}
