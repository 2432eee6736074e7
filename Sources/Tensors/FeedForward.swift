import CKernels

/// The two-layer perceptron of a transformer block, computed some rows at a time: its wide middle never exists whole.
package struct FeedForward: Sendable {
    package enum Gate: Sendable {
        /// W2 gelu(W1 x)
        case gelu
        /// GEGLU (Shazeer, 2020): W2 (a * gelu(b)), where W1 x = (a, b).
        case gatedGELU
    }

    let norm: LayerNorm
    let expand: Linear
    let contract: Linear
    let gate: Gate

    package init(norm: LayerNorm, expand: Linear, contract: Linear, gate: Gate) {
        precondition(expand.outputs == contract.inputs * (gate == .gatedGELU ? 2 : 1))
        self.norm = norm
        self.expand = expand
        self.contract = contract
        self.gate = gate
    }

    /// input + perceptron(norm(input))
    package func callAsFunction(_ input: Tensor, in workspace: Workspace) -> Tensor {
        let output = workspace.tensor(
            batch: input.batch, height: input.height, width: input.width, channels: input.channels)
        let rows = input.batch * input.pixels
        let chunk = max(1, min(224, (rows + workspace.team.size - 1) / workspace.team.size))
        let width = input.channels
        let scratch = workspace.scratch(floats: chunk * (width + expand.outputs))
        workspace.team.run((rows + chunk - 1) / chunk) { item, thread in
            let first = item * chunk
            let count = min(chunk, rows - first)
            let source = input.base + first * width
            let normalised = scratch[thread]
            let middle = normalised + chunk * width
            let kernels = workspace.kernels
            norm.apply(
                source, inputStride: width, output: normalised, outputStride: width, rows: count, kernels: kernels)
            expand.apply(
                panelRange: 0..<expand.panels.count,
                to: Linear.Rows(input: normalised, inputStride: width, output: middle, outputStride: expand.outputs),
                first: 0, count: count, activation: gate == .gelu ? .gelu : .none, kernels: kernels)
            if gate == .gatedGELU { applyGate(middle, rows: count, kernels: kernels) }
            contract.apply(
                panelRange: 0..<contract.panels.count,
                to: Linear.Rows(
                    input: middle, inputStride: expand.outputs, output: output.base + first * width,
                    outputStride: width, residual: UnsafePointer(source), residualStride: width),
                first: 0, count: count, activation: .none, kernels: kernels)
        }
        return output
    }

    private func applyGate(_ middle: UnsafeMutablePointer<Float>, rows: Int, kernels: kernel_set) {
        for row in 0..<rows {
            let line = middle + row * expand.outputs
            kernels.gated_gelu(line, line + contract.inputs, line, contract.inputs)
        }
    }
}
