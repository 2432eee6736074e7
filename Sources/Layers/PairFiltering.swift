import CKernels
import Compute

/// A 3x3 convolution of stride 1 by Winograd's filtering on tiles of 2x2 outputs, with products of pairs of bfloat16: 4.5 times
/// fewer than in fp32 as the definition reads. Weights were transformed when they were packed.
///
/// Half of what goes through the caches for tiles of 4x4 in fp32, and no weights to transform, which few pixels of many channels would
/// spend their time on. Each sum over channels is one chain in their order: results depend neither on threads nor on batches.
struct PairFiltering {
    let call: ConvolutionCall
    let panels: PackedPanels

    private static let planes = 16
    /// Of transformed input that all threads share, in the last-level cache, in pairs.
    private static let sharedElements = 2 << 20
    /// The most tiles whose sums stay in a core's cache, and the fewest that a panel is worth reading for.
    private static let panelTiles = 32...128

    /// Tiles whose transformed input a thread keeps in its second-level cache while it reads all weights, and how much of it that
    /// may be, in pairs. What is larger all threads share.
    private static let blockTiles = 64
    private static let blockElements = 192 << 10

    func run(in workspace: Workspace) {
        let tiles = WinogradTiles(call, panels: panels, outputs: 2, in: workspace)
        let tileStride = Linear.spread(panels.form.elements(of: call.shape.inputChannels))
        if tiles.count >= Self.blockTiles * 2 * workspace.team.size, Self.planes * tileStride * Self.blockTiles <= Self.blockElements {
            runByTiles(tiles, tileStride: tileStride, in: workspace)
        } else {
            runByPanels(tiles, tileStride: tileStride, in: workspace)
        }
    }

    /// Blocks of tiles, each by one thread from input to output.
    private func runByTiles(_ tiles: WinogradTiles, tileStride: Int, in workspace: Workspace) {
        let blocks = (tiles.count + Self.blockTiles - 1) / Self.blockTiles
        let capacity = (tiles.count + blocks - 1) / blocks
        let strides = WinogradTiles.PairStrides(tile: tileStride, plane: capacity * tileStride + 16)
        let valueElements = Self.planes * strides.plane
        let scratch = workspace.scratch(floats: valueElements + tiles.sumFloats(tiles: capacity))
        workspace.team.run(blocks) { item, thread in
            let block = WinogradTiles.Block(tiles: part(item, of: blocks, 0..<tiles.count), capacity: capacity)
            let (values, sums) = (scratch[thread], scratch[thread] + valueElements)
            tiles.transformInput(block.tiles, of: block, into: values, pairs: strides)
            for panel in 0..<panels.count {
                multiply(
                    values, strides, tiles: block.tiles.count, panel: panel, sums: sums, capacity: capacity,
                    kernels: workspace.kernels)
                tiles.finish(block, panel: panel, sums: sums)
            }
        }
    }

    /// All threads transform the input of many tiles, then share out panels of outputs.
    private func runByPanels(_ tiles: WinogradTiles, tileStride: Int, in workspace: Workspace) {
        let most = max(Self.panelTiles.upperBound, Self.sharedElements / (Self.planes * tileStride))
        let rounds = (tiles.count + most - 1) / most
        let capacity = (tiles.count + rounds - 1) / rounds
        // A power of two would put all planes into one set of the cache.
        let strides = WinogradTiles.PairStrides(tile: tileStride, plane: capacity * tileStride + 16)
        let values = workspace.tensor(batch: 1, width: 1, channels: Self.planes * strides.plane)
        for round in 0..<rounds {
            let block = WinogradTiles.Block(tiles: part(round, of: rounds, 0..<tiles.count), capacity: capacity)
            let pieces = min(block.tiles.count, workspace.team.size * 4)
            workspace.team.run(pieces) { piece, _ in
                tiles.transformInput(part(piece, of: pieces, block.tiles), of: block, into: values.base, pairs: strides)
            }
            sharePanels(block, values: values.base, strides, tiles, in: workspace)
        }
    }

    /// Shares panels of outputs, with a part of a block's tiles each.
    private func sharePanels(
        _ block: WinogradTiles.Block, values: UnsafePointer<Float>, _ strides: WinogradTiles.PairStrides, _ tiles: WinogradTiles,
        in workspace: Workspace
    ) {
        let wanted = (workspace.team.size * 2 + panels.count - 1) / panels.count
        let least = (block.tiles.count + Self.panelTiles.upperBound - 1) / Self.panelTiles.upperBound
        let pieces = max(least, min(wanted, block.tiles.count / Self.panelTiles.lowerBound))
        let capacity = (block.tiles.count + pieces - 1) / pieces
        let scratch = workspace.scratch(floats: tiles.sumFloats(tiles: capacity))
        // Panel by panel, so that its weights are still in a cache for the next part of the tiles.
        workspace.team.run(panels.count * pieces) { item, thread in
            let (panel, piece) = item.quotientAndRemainder(dividingBy: pieces)
            let part = part(piece, of: pieces, block.tiles)
            let first = values + (part.lowerBound - block.tiles.lowerBound) * strides.tile
            multiply(
                first, strides, tiles: part.count, panel: panel, sums: scratch[thread], capacity: capacity,
                kernels: workspace.kernels)
            tiles.finish(.init(tiles: part, capacity: capacity), panel: panel, sums: scratch[thread])
        }
    }

    /// A panel's sums of some tiles, of which there may be as many as the capacity.
    private func multiply(
        _ values: UnsafePointer<Float>, _ strides: WinogradTiles.PairStrides, tiles: Int, panel: Int,
        sums: UnsafeMutablePointer<Float>, capacity: Int, kernels: kernel_set
    ) {
        let sumPlane = kernel_winograd_plane(capacity * PackedPanels.width)
        let depth = panels.rows / Self.planes
        let weights = panels.panel(panel)
        for plane in 0..<Self.planes {
            kernel_panel.ofRows(values + plane * strides.plane, stride: strides.tile, count: tiles, depth: depth) { job in
                job.weights = weights + plane * depth * PackedPanels.width
                job.next = plane + 1 < Self.planes ? job.weights + depth * PackedPanels.width : nil
                job.columns = panels.columns(in: panel)
                job.output = sums + plane * sumPlane
                job.output_stride = PackedPanels.width
                kernels.pair_panel(&job)
            }
        }
    }

    /// One of `parts` even parts of a range.
    private func part(_ index: Int, of parts: Int, _ range: Range<Int>) -> Range<Int> {
        range.lowerBound + range.count * index / parts..<range.lowerBound + range.count * (index + 1) / parts
    }
}
