import CKernels
import Compute

/// Finds for each pixel of a picture's coarsest features the one of a reference whose neighbourhood is most like its own, within
/// the window of the pixel's block (README, "Pixels").
struct FineMatching {
    let configuration: GuidanceConfiguration
    private var side: Int { configuration.blockSide }

    /// A block's cells that are looked for together.
    private static let most = PatchProducts.most

    /// - Parameters:
    ///   - features: of the picture, the coarsest level; `sample` of them.
    ///   - coarse: where each block was found.
    func callAsFunction(
        _ features: Tensor, sample: Int, reference: ReferenceFeatures.Level, squares: [Double],
        coarse: CoarseMatching.Result, in workspace: Workspace
    ) -> Matches {
        let (rows, columns) = (features.height / side, features.width / side)
        let share = configuration.windowShare
        let search = Search(
            products: PatchProducts(channels: features.channels), features: features, sample: sample,
            reference: reference, squares: squares,
            down: coarse.rows.map { SearchWindow(around: $0, size: reference.height, blocks: rows, share: share) },
            across: coarse.columns.map { SearchWindow(around: $0, size: reference.width, blocks: columns, share: share) })
        let parts = (side * side + Self.most - 1) / Self.most
        let found = workspace.tensor(batch: 3, height: features.height, width: features.width, channels: 1)
        let layout = Layout(search)
        let scratch = workspace.scratch(floats: layout.count)
        let candidates = SearchWindow.places(size: reference.height, blocks: rows, share: share)
            * SearchWindow.places(size: reference.width, blocks: columns, share: share)
        let work = OperationMeter.Layer(
            "fine matching \(features.channels)", of: features,
            multiplyAdds: features.pixels * candidates * search.products.depth)
        workspace.metered(work) {
            workspace.team.run(rows * columns * parts) { item, thread in
                let (block, part) = item.quotientAndRemainder(dividingBy: parts)
                let cells = part * Self.most..<min(side * side, (part + 1) * Self.most)
                find(cells, ofBlock: block, search, layout, scratch[thread], found: found, kernels: workspace.kernels)
            }
        }
        return Matches(found)
    }

    private struct Search {
        let products: PatchProducts
        let features: Tensor
        let sample: Int
        let reference: ReferenceFeatures.Level
        let squares: [Double]
        /// Of each block.
        let down: [SearchWindow]
        let across: [SearchWindow]
    }

    /// A thread's memory: patches, the same packed, the window, and products of one of its rows.
    private struct Layout {
        let packed: Int
        let window: Int
        let products: Int
        let count: Int

        init(_ search: Search) {
            let rows = search.down.map { $0.distinctPlaces(size: search.reference.height) }.max() ?? 0
            let columns = search.across.map { $0.distinctPlaces(size: search.reference.width) }.max() ?? 0
            // Multiples of a vector's length, as packed patches are.
            packed = search.products.packedCount
            window = 2 * search.products.packedCount
            products = window + ((rows + 2) * (columns + 2) * search.products.channels + 15) / 16 * 16
            count = products + columns * PatchProducts.most
        }
    }

    private func find(
        _ cells: Range<Int>, ofBlock block: Int, _ search: Search, _ layout: Layout,
        _ scratch: UnsafeMutablePointer<Float>, found: Tensor, kernels: kernel_set
    ) {
        let reference = search.reference
        let (down, across) = (search.down[block], search.across[block])
        let rows = down.distinctPlaces(size: reference.height), columns = across.distinctPlaces(size: reference.width)
        pack(cells, ofBlock: block, search, patches: scratch, to: scratch + layout.packed)
        let window = scratch + layout.window
        copyWindow(search, down.start..<down.start + rows + 2, across.start..<across.start + columns + 2, to: window)
        let channels = search.products.channels
        let line = (columns + 2) * channels
        var best = [(score: Float, row: Int, column: Int)](repeating: (-.infinity, 0, 0), count: cells.count)
        for row in 0..<rows {
            let samples = (0..<9).map { tap in UnsafePointer(window + (row + tap / 3) * line + tap % 3 * channels) }
            let products = scratch + layout.products
            search.products.multiply(
                scratch + layout.packed, count: cells.count, samples: samples, pixels: columns, to: products,
                kernels: kernels)
            for column in 0..<columns {
                let factor = Float(PatchProducts.reciprocalLength(
                    squares(down.start + row, across.start + column, search)))
                let own = products + column * PatchProducts.most
                for cell in 0..<cells.count where own[cell] * factor > best[cell].score {
                    best[cell] = (own[cell] * factor, row, column)
                }
            }
        }
        store(best, cells, ofBlock: block, search, found: found)
    }

    /// Patches of a block's cells, each of length one; beyond the picture its edge is repeated.
    private func pack(
        _ cells: Range<Int>, ofBlock block: Int, _ search: Search, patches: UnsafeMutablePointer<Float>,
        to packed: UnsafeMutablePointer<Float>
    ) {
        let features = search.features
        let (blockRow, blockColumn) = block.quotientAndRemainder(dividingBy: features.width / side)
        for (index, cell) in cells.enumerated() {
            let patch = patches + index * search.products.depth
            let (row, column) = (blockRow * side + cell / side, blockColumn * side + cell % side)
            for tap in 0..<9 {
                copy(
                    features, sample: search.sample, row: row + tap / 3 - 1, column: column + tap % 3 - 1,
                    to: patch + tap * features.channels)
            }
            PatchProducts.normalise(patch, count: search.products.depth)
        }
        search.products.pack(patches, count: cells.count, to: packed)
    }

    private func copyWindow(
        _ search: Search, _ rows: Range<Int>, _ columns: Range<Int>, to window: UnsafeMutablePointer<Float>
    ) {
        let (reference, channels) = (search.reference, search.products.channels)
        reference.values.withUnsafeBufferPointer { values in
            guard let source = values.baseAddress else { return }
            var target = window
            for row in rows {
                let line = source + SearchWindow.wrapped(row, reference.height) * reference.width * channels
                for column in columns {
                    target.update(
                        from: line + SearchWindow.wrapped(column, reference.width) * channels, count: channels)
                    target += channels
                }
            }
        }
    }

    /// The sum of the squares of a patch of the window, whose first row and column are given.
    private func squares(_ row: Int, _ column: Int, _ search: Search) -> Double {
        var sum = 0.0
        for y in row..<row + 3 {
            let line = SearchWindow.wrapped(y, search.reference.height) * search.reference.width
            for x in column..<column + 3 {
                sum += search.squares[line + SearchWindow.wrapped(x, search.reference.width)]
            }
        }
        return sum
    }

    private func store(
        _ best: [(score: Float, row: Int, column: Int)], _ cells: Range<Int>, ofBlock block: Int, _ search: Search,
        found: Tensor
    ) {
        let width = search.features.width
        let (blockRow, blockColumn) = block.quotientAndRemainder(dividingBy: width / side)
        for (index, cell) in cells.enumerated() {
            let place = (blockRow * side + cell / side) * width + blockColumn * side + cell % side
            found.sample(0)[place] = best[index].score
            found.sample(1)[place] = Float(search.down[block].start + best[index].row)
            found.sample(2)[place] = Float(search.across[block].start + best[index].column)
        }
    }
}

/// For each pixel of a picture's coarsest features the best place of its reference.
struct Matches: Sendable {
    let height: Int
    let width: Int
    /// Cosines.
    let scores: [Float]
    /// The first row and column of the 3x3 patch: perhaps negative, and to be taken as going round.
    let rows: [Int32]
    let columns: [Int32]

    fileprivate init(_ found: Tensor) {
        (height, width) = (found.height, found.width)
        func values(_ index: Int) -> UnsafeBufferPointer<Float> {
            UnsafeBufferPointer(start: found.sample(index), count: found.pixels)
        }
        scores = Array(values(0))
        rows = values(1).map { Int32($0) }
        columns = values(2).map { Int32($0) }
    }
}
