import CKernels
package import Checkpoints
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
    package init(weight: WeightMatrix, bias: [Float]?, inputs: Int, outputs: Int, precision: Precision = .fp32) {
        precondition(
            weight.outputs == outputs && weight.count == inputs * outputs && (bias?.count ?? outputs) == outputs)
        self.inputs = inputs
        self.outputs = outputs
        self.bias = bias
        panels = PackedPanels(inputs: inputs, outputs: outputs, form: .init(precision)) { weight.read($0, into: $1) }
        weight.leaveMemory()
    }

    package init(weight: [Float], bias: [Float]?, inputs: Int, outputs: Int, precision: Precision = .fp32) {
        self.init(
            weight: WeightMatrix(weight, outputs: outputs), bias: bias, inputs: inputs, outputs: outputs,
            precision: precision)
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
        /// Values, or pairs where the weights are such.
        var input: UnsafePointer<Float>
        /// In 32-bit elements.
        var inputStride: Int
        var output: UnsafeMutablePointer<Float>
        let outputStride: Int
        var residual: UnsafePointer<Float>?
        var residualStride = 0

        func dropping(_ count: Int) -> Rows {
            var rest = self
            rest.input += count * inputStride
            rest.output += count * outputStride
            rest.residual = residual.map { $0 + count * residualStride }
            return rest
        }
    }

    /// Rows that a thread takes at a time: as many for each, of what stays in its cache.
    static func rowChunk(of count: Int, threads: Int) -> Int {
        let most = 224
        guard count > most else { return most }
        let shares = (count + most * threads - 1) / (most * threads) * threads
        return (count + shares - 1) / shares
    }

    /// Shares rows and panels among the team: rows where there are many, else panels.
    private func apply(to rows: Rows, count: Int, activation: Activation, in workspace: Workspace) {
        let rowChunk = Self.rowChunk(of: count, threads: workspace.team.size)
        let rowChunks = (count + rowChunk - 1) / rowChunk
        let panelChunks = rowChunks >= 2 * workspace.team.size ? 1 : min(panels.count, 4 * workspace.team.size)
        let scratch = panels.form == .single ? nil : workspace.scratch(floats: rowChunk * panels.rows)
        workspace.team.run(rowChunks * panelChunks) { item, thread in
            let first = item / panelChunks * rowChunk
            let chunk = item % panelChunks
            let range = panels.count * chunk / panelChunks..<panels.count * (chunk + 1) / panelChunks
            var part = rows.dropping(first)
            let length = min(rowChunk, count - first)
            if let scratch {
                part = narrowed(part, count: length, into: scratch[thread], kernels: workspace.kernels)
            }
            apply(panelRange: range, to: part, count: length, activation: activation, kernels: workspace.kernels)
        }
    }

    /// Rows as weights of pairs take them; in place where the scratch memory is the input itself.
    func narrowed(
        _ rows: Rows, count: Int, into scratch: UnsafeMutablePointer<Float>, stride: Int? = nil, kernels: kernel_set
    ) -> Rows {
        guard panels.form == .pairs else { return rows }
        var result = rows
        result.input = UnsafePointer(scratch)
        result.inputStride = stride ?? panels.rows
        kernels.narrowRows(
            rows.input, stride: rows.inputStride, to: scratch, targetStride: result.inputStride, rows: count,
            width: inputs)
        return result
    }

    /// One thread's share.
    func apply(
        panelRange: Range<Int>, to rows: Rows, count: Int, activation: Activation = .none, kernels: kernel_set
    ) {
        var taps: UnsafePointer<Float>? = rows.input
        withUnsafePointer(to: &taps) { taps in
            bias.withOptionalPointer { bias in
                for index in panelRange {
                    let column = index * PackedPanels.width
                    var job = kernel_panel()
                    job.taps = taps
                    job.tap_count = 1
                    job.depth = panels.rows
                    job.depth_stride = 1
                    job.pixel_stride = rows.inputStride
                    job.pixels = count
                    job.weights = panels.panel(index)
                    job.columns = panels.columns(in: index)
                    job.bias = bias.map { $0 + column }
                    job.activation = activation.kernel
                    job.residual = rows.residual.map { $0 + column }
                    job.residual_stride = rows.residualStride
                    job.output = rows.output + column
                    job.output_stride = rows.outputStride
                    kernels.multiply(&job, panels.form)
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
