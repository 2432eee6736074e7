import CKernels
import Compute

/// A convolution as its definition reads, of any kernel, stride and padding.
///
/// A thread gathers a band of input rows with its padding in scratch memory that stays in its cache, then runs the panel kernel
/// along each output row: with channels last, the kernel's width times the input channels is one contiguous run.
struct DirectConvolution {
    let call: ConvolutionCall
    let panels: PackedPanels

    func run(in workspace: Workspace) {
        let plan = BandPlan(call, threads: workspace.team.size)
        let scratch = workspace.scratch(floats: plan.scratchFloats)
        workspace.team.run(plan.count) { item, thread in
            let band = plan.band(item)
            call.gather(band, into: scratch[thread])
            call.withEpilogue(sample: band.sample) { epilogue in
                multiply(scratch[thread], band: band, epilogue: epilogue, kernels: workspace.kernels)
            }
        }
    }

    private func multiply(
        _ scratch: UnsafeMutablePointer<Float>, band: ConvolutionCall.Area, epilogue: EpilogueAddresses,
        kernels: kernel_set
    ) {
        let (shape, output) = (call.shape, call.output)
        let line = shape.inputExtent(band.columns.count) * shape.inputChannels
        withUnsafeTemporaryAllocation(of: UnsafePointer<Float>?.self, capacity: shape.kernel) { taps in
            var job = kernel_panel()
            job.taps = UnsafePointer(taps.baseAddress)
            job.tap_count = shape.kernel
            job.depth = shape.kernel * shape.inputChannels
            job.depth_stride = 1
            job.pixel_stride = shape.stride * shape.inputChannels
            job.pixels = band.columns.count
            job.activation = epilogue.activation
            job.residual_stride = shape.outputChannels
            job.output_stride = shape.outputChannels
            for panel in 0..<panels.count {
                let column = panel * PackedPanels.width
                job.weights = panels.panel(panel)
                job.columns = panels.columns(in: panel)
                job.bias = epilogue.bias.map { $0 + column }
                job.scale = epilogue.scale.map { $0 + column }
                job.shift = epilogue.shift.map { $0 + column }
                for row in band.rows {
                    let top = (row - band.rows.lowerBound) * shape.stride
                    for tap in 0..<shape.kernel { taps[tap] = UnsafePointer(scratch + (top + tap) * line) }
                    let pixel = (row * output.width + band.columns.lowerBound) * shape.outputChannels + column
                    job.output = output.sample(band.sample) + pixel
                    job.residual = epilogue.residual.map { $0 + pixel }
                    kernels.panel(&job)
                }
            }
        }
    }
}

/// How the output is cut into bands: their input should stay in a core's cache, and each thread should get several.
private struct BandPlan {
    private static let cacheFloats = 128 << 10
    private static let longestRun = 256

    private let shape: ConvolutionShape
    private let height: Int
    private let width: Int
    private let columns: Int
    private let rows: Int
    private let rowBands: Int
    private let columnBands: Int
    let count: Int

    init(_ call: ConvolutionCall, threads: Int) {
        shape = call.shape
        height = call.output.height
        width = call.output.width
        columnBands = (width + Self.longestRun - 1) / Self.longestRun
        columns = (width + columnBands - 1) / columnBands
        let line = shape.inputExtent(columns) * shape.inputChannels
        let cached = max(1, (Self.cacheFloats / max(1, line) - shape.kernel) / shape.stride + 1)
        let shared = max(1, height * call.output.batch * columnBands / (threads * 4))
        rows = min(height, cached, shared)
        rowBands = (height + rows - 1) / max(1, rows)
        count = call.output.batch * rowBands * columnBands
    }

    var scratchFloats: Int { shape.inputExtent(rows) * shape.inputExtent(columns) * shape.inputChannels }

    func band(_ item: Int) -> ConvolutionCall.Area {
        let (rest, column) = item.quotientAndRemainder(dividingBy: columnBands)
        let (sample, row) = rest.quotientAndRemainder(dividingBy: rowBands)
        return ConvolutionCall.Area(
            sample: sample, rows: row * rows..<min(height, (row + 1) * rows),
            columns: width * column / columnBands..<width * (column + 1) / columnBands)
    }
}
