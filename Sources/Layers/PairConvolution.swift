import CKernels
import Compute

/// A convolution over pairs of bfloat16, as its definition reads, of any kernel, stride and padding: as `DirectConvolution`,
/// with operands rounded while they are gathered.
struct PairConvolution {
    let call: ConvolutionCall
    let panels: PackedPanels

    /// Outputs of at most so many pixels, whose weights take more bytes than this, are shared out by panels: else each thread would
    /// read all weights, which no cache holds, for every few pixels.
    private static let fewPixels = 256
    private static let manyWeights = 1 << 20

    func run(in workspace: Workspace) {
        if call.output.height * call.output.width <= Self.fewPixels, panels.bytes > Self.manyWeights {
            return runByPanels(in: workspace)
        }
        let plan = BlockPlan(call, threads: workspace.team.size)
        let scratch = workspace.scratch(floats: plan.scratchElements)
        workspace.team.run(plan.count) { item, thread in
            let area = plan.area(item)
            call.gatherPairs(area, into: scratch[thread], kernels: workspace.kernels)
            call.withEpilogue(sample: area.sample) { epilogue in
                multiply(
                    scratch[thread], area: area, panelRange: 0..<panels.count, epilogue: epilogue, kernels: workspace.kernels)
            }
        }
    }

    private func runByPanels(in workspace: Workspace) {
        let (shape, output) = (call.shape, call.output)
        let areas = (0..<output.batch).map {
            ConvolutionCall.Area(sample: $0, rows: 0..<output.height, columns: 0..<output.width)
        }
        let gathered = workspace.tensor(
            batch: output.batch, height: shape.inputExtent(output.height), width: shape.inputExtent(output.width),
            channels: call.pairsOfPixel)
        workspace.team.run(areas.count) { item, _ in
            call.gatherPairs(areas[item], into: gathered.sample(item), kernels: workspace.kernels)
        }
        workspace.team.run(panels.count) { panel, _ in
            for area in areas {
                call.withEpilogue(sample: area.sample) { epilogue in
                    multiply(
                        gathered.sample(area.sample), area: area, panelRange: panel..<panel + 1, epilogue: epilogue,
                        kernels: workspace.kernels)
                }
            }
        }
    }

    private func multiply(
        _ scratch: UnsafeMutablePointer<Float>, area: ConvolutionCall.Area, panelRange: Range<Int>,
        epilogue: EpilogueAddresses, kernels: kernel_set
    ) {
        let (shape, output) = (call.shape, call.output)
        let pixel = call.pairsOfPixel
        let line = shape.inputExtent(area.columns.count) * pixel
        withUnsafeTemporaryAllocation(of: UnsafePointer<Float>?.self, capacity: shape.kernel) { taps in
            var job = kernel_panel()
            job.taps = UnsafePointer(taps.baseAddress)
            job.tap_count = shape.kernel
            job.depth = shape.kernel * pixel
            job.depth_stride = 1
            job.pixel_stride = shape.stride * pixel
            job.pixels = area.columns.count
            job.activation = epilogue.activation
            job.residual_stride = shape.outputChannels
            job.output_stride = shape.outputChannels
            for panel in panelRange {
                let column = panel * PackedPanels.width
                job.weights = panels.panel(panel)
                job.columns = panels.columns(in: panel)
                job.bias = epilogue.bias.map { $0 + column }
                job.scale = epilogue.scale.map { $0 + column }
                job.shift = epilogue.shift.map { $0 + column }
                for row in area.rows {
                    let top = (row - area.rows.lowerBound) * shape.stride
                    for tap in 0..<shape.kernel { taps[tap] = UnsafePointer(scratch + (top + tap) * line) }
                    let first = (row * output.width + area.columns.lowerBound) * shape.outputChannels + column
                    job.output = output.sample(area.sample) + first
                    job.residual = epilogue.residual.map { $0 + first }
                    kernels.pair_panel(&job)
                }
            }
        }
    }
}

extension ConvolutionCall {
    /// Elements of 32 bits that the channels of a gathered pixel take.
    var pairsOfPixel: Int { PackedPanels.Form.pairs.elements(of: shape.inputChannels) }

    /// As `gather`, in pairs of bfloat16; an odd number of channels is followed by a zero.
    func gatherPairs(_ area: Area, into scratch: UnsafeMutablePointer<Float>, kernels: kernel_set) {
        let (inputRows, inputWidth) = (shape.inputExtent(area.rows.count), shape.inputExtent(area.columns.count))
        let pixel = pairsOfPixel
        let (height, width) = (sources[0].height * zoom, sources[0].width * zoom)
        let left = area.columns.lowerBound * shape.stride - shape.padding
        let first = min(max(0, -left), inputWidth)
        let last = min(max(first, width - left), inputWidth)
        for row in 0..<inputRows {
            let y = area.rows.lowerBound * shape.stride - shape.padding + row
            let target = scratch + row * inputWidth * pixel
            guard y >= 0, y < height else {
                target.update(repeating: 0, count: inputWidth * pixel)
                continue
            }
            target.update(repeating: 0, count: first * pixel)
            (target + last * pixel).update(repeating: 0, count: (inputWidth - last) * pixel)
            let halves = UnsafeMutableRawPointer(target + first * pixel).assumingMemoryBound(to: UInt16.self)
            if sources.count > 1, sources.contains(where: { $0.channels % 2 != 0 }) {
                narrowJoined(sample: area.sample, y: y, from: left + first, count: last - first, to: halves, kernels)
                continue
            }
            var place = halves
            for source in sources {
                let line = source.sample(area.sample) + (y / zoom) * source.width * source.channels
                narrow(line, source.channels, from: left + first, count: last - first, to: place, kernels)
                place += source.channels
            }
        }
    }

    /// Rounds pixels of a row whose sources were joined before: the zero that follows an odd number of channels would take the
    /// place of a neighbour's value.
    private func narrowJoined(
        sample: Int, y: Int, from x: Int, count: Int, to halves: UnsafeMutablePointer<UInt16>, _ kernels: kernel_set
    ) {
        let channels = shape.inputChannels
        withUnsafeTemporaryAllocation(of: Float.self, capacity: max(1, count * channels)) { joined in
            guard let base = joined.baseAddress else { return }
            for index in 0..<count {
                var target = base + index * channels
                for source in sources {
                    let pixel = (y / zoom) * source.width + (x + index) / zoom
                    target.update(from: source.sample(sample) + pixel * source.channels, count: source.channels)
                    target += source.channels
                }
            }
            kernels.narrow(base, channels, halves, 2 * pairsOfPixel, count, channels)
        }
    }

    /// Rounds pixels `from` and on of a row, as they are after doubling.
    private func narrow(
        _ line: UnsafePointer<Float>, _ channels: Int, from x: Int, count: Int, to target: UnsafeMutablePointer<UInt16>,
        _ kernels: kernel_set
    ) {
        let stride = 2 * pairsOfPixel
        if zoom == 1, channels == stride {
            // Nothing stands between pixels.
            kernels.narrow(line + x * channels, count * channels, target, count * channels, 1, count * channels)
            return
        }
        for phase in 0..<min(zoom, count) {
            let pixels = (count - phase + zoom - 1) / zoom
            kernels.narrow(
                line + (x + phase) / zoom * channels, channels, target + phase * stride, zoom * stride, pixels, channels)
        }
    }
}

/// How the output is cut into blocks, so that a block's input stays in a core's cache, little of it is gathered twice, and
/// each thread gets several. The cut doesn't touch results: each is one sum, whatever block it stands in.
private struct BlockPlan {
    private static let cacheElements = 80 << 10

    private let shape: ConvolutionShape
    private let height: Int
    private let width: Int
    private let pixel: Int
    private let rows: Int
    private let rowBlocks: Int
    private let columnBlocks: Int
    let count: Int

    init(_ call: ConvolutionCall, threads: Int) {
        (shape, height, width) = (call.shape, call.output.height, call.output.width)
        pixel = call.pairsOfPixel
        var best: (cost: Double, rows: Int, columnBlocks: Int)?
        for columnBlocks in 1...max(1, width / 28) {
            let columns = (width + columnBlocks - 1) / columnBlocks
            let line = call.shape.inputExtent(columns) * pixel
            let cached = (Self.cacheElements / max(1, line) - shape.kernel) / shape.stride + 1
            let shared = height * call.output.batch * columnBlocks / (threads * 4)
            let rows = max(1, min(height, cached, shared))
            let gathered = Double(shape.inputExtent(rows) * line) / Double(rows * columns)
            if best.map({ gathered < $0.cost }) ?? true { best = (gathered, rows, columnBlocks) }
        }
        (rows, columnBlocks) = best.map { ($0.rows, $0.columnBlocks) } ?? (1, 1)
        rowBlocks = (height + rows - 1) / rows
        count = call.output.batch * rowBlocks * columnBlocks
    }

    var scratchElements: Int {
        shape.inputExtent(rows) * shape.inputExtent((width + columnBlocks - 1) / columnBlocks) * pixel
    }

    func area(_ item: Int) -> ConvolutionCall.Area {
        let (rest, column) = item.quotientAndRemainder(dividingBy: columnBlocks)
        let (sample, row) = rest.quotientAndRemainder(dividingBy: rowBlocks)
        return .init(
            sample: sample, rows: row * rows..<min(height, (row + 1) * rows),
            columns: width * column / columnBlocks..<width * (column + 1) / columnBlocks)
    }
}
