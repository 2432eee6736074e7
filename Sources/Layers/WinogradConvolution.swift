import CKernels
import Compute

/// A 3x3 convolution of stride 1 with 4 (2.25) times fewer multiplications, on tiles of 4x4 (2x2) outputs.
///
/// Weights are transformed at each call, not at load: transformed they take four times the memory, and reading that much costs
/// more than making it from what the panels hold wherever it comes from beyond the second-level cache. Each weight is
/// transformed once a call (few times in large batches), so that this costs a few tiles' products.
///
/// Sums over channels are one chain in their order, whatever the blocks: results depend neither on threads nor on batches.
struct WinogradConvolution {
    let call: ConvolutionCall
    let panels: PackedPanels
    /// Rows and columns of output a tile: 2 or 4.
    let outputs: Int

    /// Transformed weights up to this size are made before all tiles: they stay in the caches. Larger ones are made where they are
    /// multiplied, a chunk of a panel at a time.
    private static let cachedWeightFloats = 1 << 20
    /// Of transformed input that one thread works on, in its second-level cache.
    private static let blockFloats = 192 << 10
    private static let blockTiles = 28
    /// Of transformed input that all threads share, in the last-level cache.
    private static let sharedFloats = 2 << 20
    /// The fewest and the most tiles that weights are transformed for, where there are as many: their sums stay in the second-level
    /// cache, beside the weights of a chunk.
    private static let panelTiles = 32...98

    func run(in workspace: Workspace) {
        let tiles = WinogradTiles(call, panels: panels, outputs: outputs, in: workspace)
        if panels.count * tiles.chunks * tiles.weightFloats <= Self.cachedWeightFloats {
            runByTiles(tiles, in: workspace)
        } else {
            runByPanels(tiles, in: workspace)
        }
    }

    /// First all weights, then blocks of tiles, each by one thread from input to output.
    private func runByTiles(_ tiles: WinogradTiles, in workspace: Workspace) {
        let weights = workspace.tensor(batch: 1, width: panels.count * tiles.chunks, channels: tiles.weightFloats)
        func place(_ panel: Int, _ chunk: Int) -> UnsafeMutablePointer<Float> {
            weights.base + (panel * tiles.chunks + chunk) * tiles.weightFloats
        }
        workspace.team.run(panels.count * tiles.chunks) { item, thread in
            let (panel, chunk) = item.quotientAndRemainder(dividingBy: tiles.chunks)
            tiles.transformWeights(panel: panel, chunk: chunk, into: place(panel, chunk), thread: thread)
        }
        let shared = max(1, tiles.count / (workspace.team.size * 2))
        let cached = max(1, Self.blockFloats / tiles.valueFloats(tiles: 1))
        let capacity = min(Self.blockTiles, shared, cached)
        let blocks = (tiles.count + capacity - 1) / capacity
        let valueFloats = tiles.valueFloats(tiles: capacity)
        let scratch = workspace.scratch(floats: valueFloats + tiles.sumFloats(tiles: capacity))
        workspace.team.run(blocks) { item, thread in
            let block = WinogradTiles.Block(tiles: Self.part(item, of: blocks, 0..<tiles.count), capacity: capacity)
            let (values, sums) = (scratch[thread], scratch[thread] + valueFloats)
            tiles.transformInput(block.tiles, of: block, into: values)
            for panel in 0..<panels.count {
                for chunk in 0..<tiles.chunks {
                    tiles.multiply(
                        block.tiles, of: block, values: values, panel: panel, chunk: chunk, weights: place(panel, chunk),
                        sums: sums, sumCapacity: capacity)
                }
                tiles.finish(block, panel: panel, sums: sums)
            }
        }
    }

    /// All threads transform the input of many tiles, then share out panels of outputs, with a part of those tiles each.
    private func runByPanels(_ tiles: WinogradTiles, in workspace: Workspace) {
        let most = max(Self.panelTiles.upperBound, Self.sharedFloats / tiles.valueFloats(tiles: 1))
        let rounds = (tiles.count + most - 1) / most
        let capacity = (tiles.count + rounds - 1) / rounds
        let values = workspace.tensor(batch: 1, width: 1, channels: tiles.valueFloats(tiles: capacity))
        for round in 0..<rounds {
            let block = WinogradTiles.Block(tiles: Self.part(round, of: rounds, 0..<tiles.count), capacity: capacity)
            let pieces = min(block.tiles.count, workspace.team.size * 4)
            workspace.team.run(pieces) { piece, _ in
                tiles.transformInput(Self.part(piece, of: pieces, block.tiles), of: block, into: values.base)
            }
            multiply(block, values: values.base, tiles, in: workspace)
        }
    }

    private func multiply(
        _ block: WinogradTiles.Block, values: UnsafePointer<Float>, _ tiles: WinogradTiles, in workspace: Workspace
    ) {
        let wanted = (workspace.team.size * 2 + panels.count - 1) / panels.count
        let least = (block.tiles.count + Self.panelTiles.upperBound - 1) / Self.panelTiles.upperBound
        let pieces = max(least, min(wanted, block.tiles.count / Self.panelTiles.lowerBound))
        let capacity = (block.tiles.count + pieces - 1) / pieces
        let scratch = workspace.scratch(floats: tiles.weightFloats + tiles.sumFloats(tiles: capacity))
        workspace.team.run(pieces * panels.count) { item, thread in
            let (piece, panel) = item.quotientAndRemainder(dividingBy: panels.count)
            let part = Self.part(piece, of: pieces, block.tiles)
            let (weights, sums) = (scratch[thread], scratch[thread] + tiles.weightFloats)
            for chunk in 0..<tiles.chunks {
                tiles.transformWeights(panel: panel, chunk: chunk, into: weights, thread: thread)
                tiles.multiply(
                    part, of: block, values: values, panel: panel, chunk: chunk, weights: weights, sums: sums,
                    sumCapacity: capacity)
            }
            tiles.finish(WinogradTiles.Block(tiles: part, capacity: capacity), panel: panel, sums: sums)
        }
    }

    /// One of `parts` even parts of a range.
    private static func part(_ index: Int, of parts: Int, _ range: Range<Int>) -> Range<Int> {
        range.lowerBound + range.count * index / parts..<range.lowerBound + range.count * (index + 1) / parts
    }
}
