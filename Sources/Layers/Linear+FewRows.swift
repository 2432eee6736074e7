import CKernels
import Compute

/// A layer of few rows costs what reading its weights costs: panels of them are shared among the threads, never rows, so that
/// each is read once; and what the rows are turned into first, all threads share.
extension Linear {
    /// Whether to do so; never a matter of results.
    static func sharesPanels(rows: Int, in workspace: Workspace) -> Bool {
        (rows + rowChunk - 1) / rowChunk < 2 * workspace.team.size
    }

    /// Rows as the weights take them, in memory that all threads read.
    struct Operands {
        let memory: Tensor
        let count: Int
        /// In 32-bit elements.
        let stride: Int
    }

    /// Of operands that a thread multiplies at a time, in its second-level cache beside two panels, in 32-bit elements.
    private static let cachedElements = 128 << 10

    /// A distance of rows of so many elements at which those of a tile don't compete for the same places in a cache.
    static func spread(_ elements: Int) -> Int { elements % 256 == 0 ? elements + 16 : elements }

    /// Room for a layer's operands.
    static func operands(rows: Int, elements: Int, in workspace: Workspace) -> Operands {
        let stride = spread(elements)
        return Operands(memory: workspace.tensor(batch: 1, width: rows, channels: stride), count: rows, stride: stride)
    }

    /// Rows of values, normalised where there is a norm, as this layer takes them.
    func operands(
        _ input: UnsafePointer<Float>, stride: Int, count: Int, norm: LayerNorm?, in workspace: Workspace
    ) -> Operands {
        let result = Self.operands(rows: count, elements: panels.rows, in: workspace)
        let pieces = min(count, workspace.team.size)
        let most = (count + workspace.team.size - 1) / workspace.team.size
        let scratch = workspace.scratch(floats: norm != nil && panels.form == .pairs ? most * inputs : 0)
        workspace.team.run(pieces) { piece, thread in
            let first = count * piece / pieces
            let rows = count * (piece + 1) / pieces - first
            var values = Rows(
                input: input + first * stride, inputStride: stride, output: result.memory.base + first * result.stride,
                outputStride: result.stride)
            if let norm {
                if panels.form == .pairs { values.output = scratch[thread] }
                let width = panels.form == .pairs ? inputs : result.stride
                norm.apply(
                    values.input, inputStride: stride, output: values.output, outputStride: width, rows: rows,
                    kernels: workspace.kernels)
                values.input = UnsafePointer(values.output)
                values.inputStride = width
            }
            let target = result.memory.base + first * result.stride
            switch panels.form {
            case .pairs: _ = narrowed(values, count: rows, into: target, stride: result.stride, kernels: workspace.kernels)
            case .single where norm == nil:
                for row in 0..<rows { (target + row * result.stride).update(from: values.input + row * stride, count: inputs) }
            case .single, .halves, .filtered: break
            }
        }
        return result
    }

    /// The layer on operands, panels shared among the threads.
    ///
    /// - Parameters:
    ///   - output: where the first row's results go; in pairs of bfloat16 where `narrows`.
    ///   - outputStride: in 32-bit elements.
    func apply(
        to operands: Operands, output: UnsafeMutablePointer<Float>, outputStride: Int, activation: Activation = .none,
        narrows: Bool = false, residual: UnsafePointer<Float>? = nil, residualStride: Int = 0, in workspace: Workspace
    ) {
        let all = Rows(
            input: operands.memory.base, inputStride: operands.stride, output: output, outputStride: outputStride,
            residual: residual, residualStride: residualStride)
        let most = max(28, Self.cachedElements / max(1, operands.stride))
        let chunks = (operands.count + most - 1) / most
        // Chunk by chunk, so that neighbours are panels of the same rows.
        workspace.team.runNeighbours(chunks * panels.count) { item, next in
            let (chunk, panel) = item.quotientAndRemainder(dividingBy: panels.count)
            let first = operands.count * chunk / chunks
            apply(
                panelRange: panel..<panel + 1, to: all.dropping(first),
                count: operands.count * (chunk + 1) / chunks - first, activation: activation, narrows: narrows,
                next: next.map { $0 % panels.count }, kernels: workspace.kernels)
        }
    }
}
