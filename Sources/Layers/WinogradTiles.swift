import CKernels
import Compute

/// The tiles of one call of a convolution by Winograd's filtering, and the kernels' work on runs of them.
///
/// Tiles are counted through all samples: along a row of tiles, then down, then the next sample. Layouts of what the functions
/// fill are those of `winograd.h`.
struct WinogradTiles {
    let call: ConvolutionCall
    let panels: PackedPanels
    /// Rows and columns of output a tile: 2 or 4.
    let outputs: Int
    let kernels: kernel_set
    /// As many as input channels.
    let zeros: Tensor
    /// A chunk of a panel's weights as they were before they were stored in 16 bits; nil where they weren't. A thread has its own.
    private let wide: Workspace.Scratch?

    init(_ call: ConvolutionCall, panels: PackedPanels, outputs: Int, in workspace: Workspace) {
        self.call = call
        self.panels = panels
        self.outputs = outputs
        kernels = workspace.kernels
        zeros = workspace.tensor(batch: 1, width: 1, channels: call.shape.inputChannels)
        zeros.base.update(repeating: 0, count: zeros.count)
        wide = panels.form == .halves ? workspace.scratch(floats: Self.taps * Self.chunk * PackedPanels.width) : nil
    }

    private static let taps = 9

    private var columns: Int { (call.output.width + outputs - 1) / outputs }
    private var countInSample: Int { columns * ((call.output.height + outputs - 1) / outputs) }
    /// Products an input channel, an output channel and a tile.
    private var planes: Int { (outputs + 2) * (outputs + 2) }

    var count: Int { call.output.batch * countInSample }
    /// The input's channels are multiplied in chunks.
    var chunks: Int { (call.shape.inputChannels + Self.chunk - 1) / Self.chunk }
    static let chunk = Int(KERNEL_WINOGRAD_CHUNK)

    func channels(in chunk: Int) -> Int { min(Self.chunk, call.shape.inputChannels - chunk * Self.chunk) }

    /// Numbers that the transformed input takes, for as many tiles.
    func valueFloats(tiles: Int) -> Int { chunks * chunkFloats(tiles: tiles) }
    private func chunkFloats(tiles: Int) -> Int { planes * kernel_winograd_plane(tiles * Self.chunk) }
    /// Of one panel's sums.
    func sumFloats(tiles: Int) -> Int { planes * kernel_winograd_plane(tiles * PackedPanels.width) }
    /// Of one panel's transformed weights for one chunk.
    var weightFloats: Int { planes * kernel_winograd_plane(Self.chunk * PackedPanels.width) }

    /// A block of tiles whose transformed input or sums stand together, with room for `capacity`.
    struct Block {
        let tiles: Range<Int>
        let capacity: Int
    }

    /// Where the transformed input stands as pairs of bfloat16, in pairs: plane by plane, tile by tile, all channels together.
    struct PairStrides {
        let tile: Int
        let plane: Int
    }

    /// Transforms the input of some of a block's tiles: padded, joined and doubled as the call asks for.
    ///
    /// - Parameter strides: for pairs of bfloat16.
    func transformInput(
        _ tiles: Range<Int>, of block: Block, into values: UnsafeMutablePointer<Float>, pairs strides: PairStrides? = nil
    ) {
        forEachSample(tiles, of: block) { sample, run in
            var job = kernel_winograd_input()
            job.tiles = run
            job.zoom = call.zoom
            job.padding = call.shape.padding
            job.zeros = UnsafePointer(zeros.base)
            job.values = values
            job.tile_stride = strides?.tile ?? 0
            job.plane_stride = strides?.plane ?? 0
            for source in call.sources {
                job.source = UnsafePointer(source.sample(sample))
                job.height = source.height
                job.width = source.width
                job.channels = source.channels
                if strides == nil { kernels.winograd_input(&job) } else { kernels.winograd_input_pairs(&job) }
                job.first_channel += source.channels
            }
        }
    }

    func transformWeights(panel: Int, chunk: Int, into weights: UnsafeMutablePointer<Float>, thread: Int) {
        var job = kernel_winograd_weights()
        job.outputs = outputs
        job.count = channels(in: chunk)
        if let wide {
            widen(panel: panel, chunk: chunk, into: wide[thread])
            job.weights = UnsafePointer(wide[thread])
            job.channels = job.count
        } else {
            job.weights = panels.panel(panel)
            job.channels = call.shape.inputChannels
            job.first_channel = chunk * Self.chunk
        }
        job.transformed = weights
        kernels.winograd_weights(&job)
    }

    /// Puts the rows of one chunk of a panel side by side, tap by tap.
    private func widen(panel: Int, chunk: Int, into wide: UnsafeMutablePointer<Float>) {
        let count = channels(in: chunk) * PackedPanels.width
        let halves = panels.halves(ofPanel: panel)
        for tap in 0..<Self.taps {
            let row = tap * call.shape.inputChannels + chunk * Self.chunk
            kernels.widen(halves + row * PackedPanels.width, wide + tap * count, count)
        }
    }

    /// Multiplies one chunk's values of some of a block's tiles by its weights for a panel; the first chunk begins the sums.
    ///
    /// - Parameter sums: has room for as many tiles as `tiles` are.
    func multiply(
        _ tiles: Range<Int>, of block: Block, values: UnsafePointer<Float>, panel: Int, chunk: Int,
        weights: UnsafePointer<Float>, sums: UnsafeMutablePointer<Float>, sumCapacity: Int
    ) {
        var job = kernel_winograd_product()
        job.outputs = outputs
        job.values =
            values + chunk * chunkFloats(tiles: block.capacity)
            + (tiles.lowerBound - block.tiles.lowerBound) * Self.chunk
        job.tiles = tiles.count
        job.value_capacity = block.capacity
        job.depth = channels(in: chunk)
        job.weights = weights
        job.columns = panels.columns(in: panel)
        job.accumulate = chunk > 0 ? 1 : 0
        job.sums = sums
        job.sum_capacity = sumCapacity
        kernels.winograd_product(&job)
    }

    /// Transforms a panel's sums back and stores them with what follows.
    func finish(_ block: Block, panel: Int, sums: UnsafePointer<Float>) {
        let column = panel * PackedPanels.width
        forEachSample(block.tiles, of: block) { sample, run in
            call.withEpilogue(sample: sample) { epilogue in
                var panelJob = kernel_panel()
                panelJob.columns = panels.columns(in: panel)
                panelJob.bias = epilogue.bias.map { $0 + column }
                panelJob.scale = epilogue.scale.map { $0 + column }
                panelJob.shift = epilogue.shift.map { $0 + column }
                panelJob.activation = epilogue.activation
                panelJob.residual = epilogue.residual.map { $0 + column }
                panelJob.residual_stride = call.shape.outputChannels
                panelJob.output = call.output.sample(sample) + column
                panelJob.output_stride = call.shape.outputChannels
                withUnsafePointer(to: panelJob) { panelJob in
                    var job = kernel_winograd_output()
                    job.tiles = run
                    job.sums = sums
                    job.epilogue = panelJob
                    job.height = call.output.height
                    job.width = call.output.width
                    kernels.winograd_output(&job)
                }
            }
        }
    }

    /// Calls a function with each part of a run of tiles that lies in one sample.
    private func forEachSample(
        _ tiles: Range<Int>, of block: Block, _ body: (_ sample: Int, _ run: kernel_winograd_tiles) -> Void
    ) {
        var first = tiles.lowerBound
        while first < tiles.upperBound {
            let (sample, tile) = first.quotientAndRemainder(dividingBy: countInSample)
            var run = kernel_winograd_tiles()
            run.outputs = outputs
            run.tile_columns = columns
            run.first_tile = tile
            run.tiles = min(countInSample - tile, tiles.upperBound - first)
            run.position = first - block.tiles.lowerBound
            run.capacity = block.capacity
            body(sample, run)
            first += run.tiles
        }
    }
}
