import CKernels
import Compute

/// A convolution whose kernels lie side by side: a linear layer of patches, with the sums of the other ways in their order. Where
/// patches are few, reading the weights costs the most: they are shared among the threads as `Linear` shares them.
struct PatchConvolution {
    let call: ConvolutionCall
    let panels: PackedPanels

    static func takes(_ call: ConvolutionCall, in workspace: Workspace) -> Bool {
        let shape = call.shape
        return shape.kernel > 1 && shape.kernel == shape.stride && shape.padding == 0 && call.zoom == 1
            && call.sources.count == 1 && call.epilogue.scale == nil && call.epilogue.shift == nil
            && Linear.sharesPanels(rows: call.output.batch * call.output.pixels, in: workspace)
    }

    func run(in workspace: Workspace) {
        let output = call.output
        let patches = Linear.operands(rows: output.batch * output.pixels, elements: panels.rows, in: workspace)
        workspace.team.run(output.batch * output.height) { item, _ in
            let (sample, row) = item.quotientAndRemainder(dividingBy: output.height)
            for tap in 0..<call.shape.kernel {
                gather(
                    call.sources[0], sample: sample, y: row * call.shape.kernel + tap,
                    to: patches.memory.base + item * output.width * patches.stride + tap * panels.rows / call.shape.kernel,
                    stride: patches.stride, kernels: workspace.kernels)
            }
        }
        let layer = Linear(panels: panels, bias: call.bias, inputs: panels.rows, outputs: call.shape.outputChannels)
        layer.apply(
            to: patches, output: output.base, outputStride: output.channels, activation: call.epilogue.activation,
            residual: call.epilogue.residual.map { UnsafePointer($0.base) }, residualStride: output.channels, in: workspace)
    }

    /// One row of pixels, a kernel's width of it to each patch.
    private func gather(
        _ source: Tensor, sample: Int, y: Int, to target: UnsafeMutablePointer<Float>, stride: Int, kernels: kernel_set
    ) {
        let (channels, pixels) = (source.channels, call.shape.kernel)
        let count = pixels * channels
        let line = source.sample(sample) + y * source.width * channels
        switch panels.form {
        case .single, .halves, .filtered:
            for patch in 0..<call.output.width { (target + patch * stride).update(from: line + patch * count, count: count) }
        case .pairs:
            let pixel = 2 * panels.form.elements(of: channels)
            withUnsafeTemporaryAllocation(of: UInt16.self, capacity: count + 1) { rounded in
                guard let rounded = rounded.baseAddress else { return }
                for patch in 0..<call.output.width {
                    kernels.narrow(line + patch * count, count, rounded, count, 1, count)
                    let halves = UnsafeMutableRawPointer(target + patch * stride)
                    for index in 0..<pixels {
                        for channel in 0..<pixel {
                            let value = channel < channels ? rounded[index * channels + channel] : 0
                            halves.storeBytes(of: value, toByteOffset: 2 * (index * pixel + channel), as: UInt16.self)
                        }
                    }
                }
            }
        }
    }
}
