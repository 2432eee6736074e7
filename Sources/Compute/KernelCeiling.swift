import CKernels

/// What the panel kernel reaches on data in the first-level cache: the ceiling that whole layers are measured against.
package enum KernelCeiling {
    private static let depth = 128
    private static let pixels = 28
    private static let repetitions = 2_000
    private static let rounds = 9

    /// GFLOP/s of all threads of the workspace together; the median of several rounds.
    package static func measure(_ form: PackedPanels.Form, in workspace: Workspace) -> Double {
        let threads = workspace.team.size
        let operands = (0..<threads).map { _ in Operands(workspace) }
        let flops = Double(2 * depth * pixels * PackedPanels.width) * Double(repetitions * threads)
        var rates: [Double] = []
        for _ in 0..<rounds {
            let start = ContinuousClock.now
            workspace.team.run(threads) { item, _ in operands[item].multiply(workspace.kernels, form) }
            let duration = (ContinuousClock.now - start) / .seconds(1)
            rates.append(flops / duration / 1e9)
        }
        return rates.sorted()[rounds / 2]
    }

    private struct Operands {
        let input: Tensor
        let weights: Tensor
        let output: Tensor

        init(_ workspace: Workspace) {
            input = workspace.tensor(batch: 1, width: pixels, channels: depth)
            weights = workspace.tensor(batch: 1, width: depth, channels: PackedPanels.width)
            output = workspace.tensor(batch: 1, width: pixels, channels: PackedPanels.width)
            for tensor in [input, weights] { tensor.base.update(repeating: 0.5, count: tensor.count) }
        }

        func multiply(_ kernels: kernel_set, _ form: PackedPanels.Form) {
            let elements = form.elements(of: depth)
            kernel_panel.ofRows(UnsafePointer(input.base), stride: elements, count: pixels, depth: elements) { job in
                job.weights = UnsafePointer(weights.base)
                job.columns = PackedPanels.width
                job.output = output.base
                job.output_stride = PackedPanels.width
                for _ in 0..<repetitions { kernels.multiply(&job, form) }
            }
        }
    }
}
