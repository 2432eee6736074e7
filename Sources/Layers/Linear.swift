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
    ///
    /// - Parameter norm: applied to each pixel first.
    package func callAsFunction(
        _ input: Tensor, norm: LayerNorm? = nil, activation: Activation = .none, adding residual: Tensor? = nil,
        in workspace: Workspace
    ) -> Tensor {
        let count = input.batch * input.pixels
        let sharesPanels = Self.sharesPanels(rows: count, in: workspace)
        if let norm, !sharesPanels {
            return self(norm(input, in: workspace), activation: activation, adding: residual, in: workspace)
        }
        let output = workspace.tensor(
            batch: input.batch, height: input.height, width: input.width, channels: outputs)
        workspace.metered(.init("linear \(inputs) to \(outputs)", of: output, multiplyAdds: output.count * inputs)) {
            if sharesPanels {
                let operands = operands(
                    input.base, stride: input.channels, count: count, norm: norm, in: workspace)
                apply(
                    to: operands, output: output.base, outputStride: outputs, activation: activation,
                    residual: residual.map { UnsafePointer($0.base) }, residualStride: residual?.channels ?? 0,
                    in: workspace)
            } else {
                let rows = Rows(
                    input: input.base, inputStride: input.channels, output: output.base, outputStride: outputs,
                    residual: residual.map { UnsafePointer($0.base) }, residualStride: residual?.channels ?? 0)
                apply(to: rows, count: count, activation: activation, in: workspace)
            }
        }
        return output
    }

    /// - Parameter inputs: as many as a row of the operands has, whatever stands for them in the weights.
    init(panels: PackedPanels, bias: [Float]?, inputs: Int, outputs: Int) {
        self.inputs = inputs
        self.outputs = outputs
        self.panels = panels
        self.bias = bias
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

    /// Rows that a thread works on at a time, where there are many.
    static let rowChunk = 224

    /// Even chunks of at most that many rows, as many for each thread.
    static func rowChunks(of count: Int, in workspace: Workspace) -> Int {
        let threads = workspace.team.size
        let rounds = (count + rowChunk * threads - 1) / (rowChunk * threads)
        return min(count, rounds * threads)
    }

    /// Shares rows among the team.
    private func apply(to rows: Rows, count: Int, activation: Activation, in workspace: Workspace) {
        let chunks = Self.rowChunks(of: count, in: workspace)
        let scratch = panels.form == .single ? nil : workspace.scratch(floats: Self.rowChunk * panels.rows)
        workspace.team.run(chunks) { item, thread in
            let first = count * item / chunks
            var part = rows.dropping(first)
            let length = count * (item + 1) / chunks - first
            if let scratch {
                part = narrowed(part, count: length, into: scratch[thread], kernels: workspace.kernels)
            }
            apply(
                panelRange: 0..<panels.count, to: part, count: length, activation: activation, kernels: workspace.kernels)
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
    ///
    /// - Parameters:
    ///   - narrows: whether results are stored as bfloat16, in pairs.
    ///   - next: the panel that the thread will take afterwards.
    func apply(
        panelRange: Range<Int>, to rows: Rows, count: Int, activation: Activation = .none, narrows: Bool = false,
        next: Int? = nil, kernels: kernel_set
    ) {
        kernel_panel.ofRows(rows.input, stride: rows.inputStride, count: count, depth: panels.rows) { job in
            bias.withOptionalPointer { bias in
                for index in panelRange {
                    let column = index * PackedPanels.width
                    job.weights = panels.panel(index)
                    job.next = index + 1 < panelRange.upperBound ? panels.panel(index + 1) : next.map(panels.panel)
                    job.columns = panels.columns(in: index)
                    job.bias = bias.map { $0 + column }
                    job.activation = activation.kernel
                    job.residual = rows.residual.map { $0 + column }
                    job.residual_stride = rows.residualStride
                    job.output = rows.output + (narrows ? column / 2 : column)
                    job.narrows = narrows ? 1 : 0
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
