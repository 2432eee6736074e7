import CKernels
package import Compute

/// The two-layer perceptron of a transformer block, computed some rows at a time: of many rows, the wide middle never exists
/// whole.
package struct FeedForward: Sendable {
    package enum Middle: Sendable, Equatable {
        /// W2 activation(W1 x)
        case activation(Activation)
        /// GEGLU (Shazeer, 2020): W2 (a * gelu(b)), where W1 x = (a, b).
        case gatedGELU

        /// What follows each sum of the first layer.
        var activation: Activation {
            if case .activation(let activation) = self { activation } else { .none }
        }
    }

    let norm: LayerNorm
    let expand: Linear
    let contract: Linear
    let middle: Middle

    package init(norm: LayerNorm, expand: Linear, contract: Linear, middle: Middle) {
        precondition(expand.outputs == contract.inputs * (middle == .gatedGELU ? 2 : 1))
        self.norm = norm
        self.expand = expand
        self.contract = contract
        self.middle = middle
    }

    /// input + perceptron(norm(input))
    package func callAsFunction(_ input: Tensor, in workspace: Workspace) -> Tensor {
        let output = workspace.tensor(
            batch: input.batch, height: input.height, width: input.width, channels: input.channels)
        let rows = input.batch * input.pixels
        let weights = expand.inputs * expand.outputs + contract.inputs * contract.outputs
        let work = OperationMeter.Layer("feed-forward \(input.channels)", of: output, multiplyAdds: rows * weights)
        if middle != .gatedGELU, contract.inputs % 2 == 0, Linear.sharesPanels(rows: rows, in: workspace) {
            workspace.metered(work) { applyByPanels(input, to: output, rows: rows, in: workspace) }
            return output
        }
        let chunks = Linear.rowChunks(of: rows, in: workspace)
        let width = input.channels
        let scratch = workspace.scratch(floats: Scratch(self, rows: (rows + chunks - 1) / max(1, chunks)).count)
        workspace.metered(work) {
            workspace.team.run(chunks) { item, thread in
                let first = rows * item / chunks
                apply(
                    input.base + first * width, to: output.base + first * width,
                    rows: rows * (item + 1) / chunks - first, scratch: scratch[thread], kernels: workspace.kernels)
            }
        }
        return output
    }

    /// Few rows: their middle exists whole, in the form that the second layer takes.
    private func applyByPanels(_ input: Tensor, to output: Tensor, rows: Int, in workspace: Workspace) {
        let width = input.channels
        let normalised = expand.operands(input.base, stride: width, count: rows, norm: norm, in: workspace)
        let inner = Linear.operands(rows: rows, elements: contract.panels.rows, in: workspace)
        expand.apply(
            to: normalised, output: inner.memory.base, outputStride: inner.stride, activation: middle.activation,
            narrows: contract.panels.form == .pairs, in: workspace)
        contract.apply(
            to: inner, output: output.base, outputStride: width, residual: UnsafePointer(input.base),
            residualStride: width, in: workspace)
    }

    /// What a thread holds of some rows, in 32-bit elements: normalised, the perceptron's middle, and a panel of it with its gate.
    private struct Scratch {
        let middle: Int
        let middleStride: Int
        let panel: Int
        let gate: Int
        let count: Int

        init(_ layer: FeedForward, rows: Int) {
            middle = rows * layer.expand.inputs
            // Values as they come out of the first layer are turned into what the second one takes in their place.
            middleStride = layer.gatesByPanels ? Linear.spread(layer.contract.panels.rows) : layer.expand.outputs
            panel = middle + rows * middleStride
            gate = panel + (layer.gatesByPanels ? rows * PackedPanels.width : 0)
            count = gate + (layer.gatesByPanels ? rows * PackedPanels.width : 0)
        }
    }

    /// Whether a panel of the middle meets its gate while both are in the cache.
    private var gatesByPanels: Bool { middle == .gatedGELU && contract.inputs % PackedPanels.width == 0 }

    /// One thread's share.
    private func apply(
        _ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>, rows: Int,
        scratch: UnsafeMutablePointer<Float>, kernels: kernel_set
    ) {
        let width = contract.outputs
        let layout = Scratch(self, rows: rows)
        let inner = scratch + layout.middle
        norm.apply(
            source, inputStride: width, output: scratch, outputStride: width, rows: rows, kernels: kernels)
        let normalised = expand.narrowed(
            Linear.Rows(input: scratch, inputStride: width, output: inner, outputStride: expand.outputs), count: rows,
            into: scratch, kernels: kernels)
        var middles = Linear.Rows(
            input: inner, inputStride: layout.middleStride, output: target, outputStride: width, residual: source,
            residualStride: width)
        if gatesByPanels {
            expandByPanels(normalised, rows: rows, scratch: scratch, layout, kernels: kernels)
        } else {
            expand.apply(
                panelRange: 0..<expand.panels.count, to: normalised, count: rows, activation: middle.activation,
                kernels: kernels)
            if middle == .gatedGELU { applyGate(inner, rows: rows, kernels: kernels) }
            middles = contract.narrowed(middles, count: rows, into: inner, stride: expand.outputs, kernels: kernels)
        }
        contract.apply(panelRange: 0..<contract.panels.count, to: middles, count: rows, kernels: kernels)
    }

    /// GEGLU's middle, a panel at a time.
    private func expandByPanels(
        _ normalised: Linear.Rows, rows: Int, scratch: UnsafeMutablePointer<Float>, _ layout: Scratch, kernels: kernel_set
    ) {
        let width = PackedPanels.width
        let panels = contract.inputs / width
        let (panel, gate) = (scratch + layout.panel, scratch + layout.gate)
        /// A panel's columns land at `output + index * 32`: the base is shifted so that they start at `target`.
        func multiply(_ index: Int, to target: UnsafeMutablePointer<Float>, next: Int) {
            let operands = Linear.Rows(
                input: normalised.input, inputStride: normalised.inputStride, output: target - index * width,
                outputStride: width)
            expand.apply(panelRange: index..<index + 1, to: operands, count: rows, next: next, kernels: kernels)
        }
        for index in 0..<panels {
            multiply(index, to: panel, next: panels + index)
            multiply(panels + index, to: gate, next: min(index + 1, panels - 1))
            kernels.gated_gelu(panel, gate, panel, rows * width)
            let target = scratch + layout.middle + contract.panels.form.elements(of: index * width)
            switch contract.panels.form {
            case .pairs:
                kernels.narrowRows(
                    panel, stride: width, to: target, targetStride: layout.middleStride, rows: rows, width: width)
            case .single, .halves, .filtered:
                for row in 0..<rows { (target + row * layout.middleStride).update(from: panel + row * width, count: width) }
            }
        }
    }

    private func applyGate(_ inner: UnsafeMutablePointer<Float>, rows: Int, kernels: kernel_set) {
        for row in 0..<rows {
            let line = inner + row * expand.outputs
            kernels.gated_gelu(line, line + contract.inputs, line, contract.inputs)
        }
    }
}
