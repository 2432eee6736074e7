import CKernels
package import Compute

/// The two-layer perceptron of a transformer block, computed some rows at a time: its wide middle never exists whole.
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
        let share = max(1, (rows + workspace.team.size - 1) / workspace.team.size)
        let chunk = min(share, Linear.rowChunk(of: rows, threads: workspace.team.size))
        let width = input.channels
        let scratch = workspace.scratch(floats: chunk * (width + expand.outputs))
        let weights = expand.inputs * expand.outputs + contract.inputs * contract.outputs
        workspace.metered(.init("feed-forward \(width)", of: output, multiplyAdds: rows * weights)) {
            workspace.team.run((rows + chunk - 1) / chunk) { item, thread in
                let first = item * chunk
                apply(
                    input.base + first * width, to: output.base + first * width, rows: min(chunk, rows - first),
                    scratch: scratch[thread], kernels: workspace.kernels)
            }
        }
        return output
    }

    /// One thread's share; the scratch memory holds normalised rows, then the perceptron's middle.
    private func apply(
        _ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>, rows: Int,
        scratch: UnsafeMutablePointer<Float>, kernels: kernel_set
    ) {
        let width = contract.outputs
        let inner = scratch + rows * width
        norm.apply(
            source, inputStride: width, output: scratch, outputStride: width, rows: rows, kernels: kernels)
        let normalised = Linear.Rows(
            input: scratch, inputStride: width, output: inner, outputStride: expand.outputs)
        expand.apply(
            panelRange: 0..<expand.panels.count,
            to: expand.narrowed(normalised, count: rows, into: scratch, kernels: kernels), count: rows,
            activation: middle.activation, kernels: kernels)
        if middle == .gatedGELU { applyGate(inner, rows: rows, kernels: kernels) }
        let middles = Linear.Rows(
            input: inner, inputStride: expand.outputs, output: target, outputStride: width, residual: source,
            residualStride: width)
        contract.apply(
            panelRange: 0..<contract.panels.count,
            to: contract.narrowed(middles, count: rows, into: inner, stride: expand.outputs, kernels: kernels),
            count: rows, kernels: kernels)
    }

    private func applyGate(_ inner: UnsafeMutablePointer<Float>, rows: Int, kernels: kernel_set) {
        for row in 0..<rows {
            let line = inner + row * expand.outputs
            kernels.gated_gelu(line, line + contract.inputs, line, contract.inputs)
        }
    }
}
