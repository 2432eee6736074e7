import CKernels
import Compute

/// Finds for each block of a picture the place of a reference that is most like it (README, "Blocks"): nine samples of the
/// block, at several distances, against all places of the reference's coarsest features.
struct CoarseMatching {
    let configuration: GuidanceConfiguration
    private var side: Int { configuration.blockSide }

    struct Result {
        /// A place of the reference for each block, row by row, in pixels of its coarsest features.
        var rows: [Int]
        var columns: [Int]
        /// Sums of cosines.
        var scores: [Float]
    }

    /// - Parameters:
    ///   - features: of the picture, the coarsest level; `sample` of them. Sides are multiples of the blocks'.
    ///   - reference: likewise.
    func callAsFunction(
        _ features: Tensor, sample: Int, reference: ReferenceFeatures.Level, squares: [Double], in workspace: Workspace
    ) -> Result {
        let blocks = features.height / side * (features.width / side)
        let margin = configuration.dilations.max() ?? 1
        let search = Search(
            products: PatchProducts(channels: features.channels), blocks: blocks, reference: reference, margin: margin,
            padded: padded(reference, margin: margin, in: workspace),
            packed: packed(features, sample: sample, blocks: blocks, in: workspace), squares: squares)
        let best = workspace.tensor(batch: 2, height: reference.height, width: blocks, channels: 1)
        let products = search.products
        let scratch = workspace.scratch(floats: 2 * reference.width * PatchProducts.most)
        let work = OperationMeter.Layer(
            "coarse matching \(products.channels)", of: features,
            multiplyAdds: configuration.dilations.count * blocks * reference.height * reference.width * products.depth)
        workspace.metered(work) {
            workspace.team.run(reference.height) { row, thread in
                searchRow(row, search, scratch[thread], best: best, kernels: workspace.kernels)
            }
        }
        return merged(best, blocks: blocks, rows: reference.height)
    }

    private struct Search {
        let products: PatchProducts
        let blocks: Int
        let reference: ReferenceFeatures.Level
        let margin: Int
        /// The reference with zeros around it.
        let padded: Tensor
        /// By distance, then by 32 blocks.
        let packed: Tensor
        let squares: [Double]

        var panels: Int { (blocks + PatchProducts.most - 1) / PatchProducts.most }
    }

    private func padded(_ reference: ReferenceFeatures.Level, margin: Int, in workspace: Workspace) -> Tensor {
        let channels = reference.channels
        let result = workspace.tensor(
            batch: 1, height: reference.height + 2 * margin, width: reference.width + 2 * margin, channels: channels)
        let line = result.width * channels
        reference.values.withUnsafeBufferPointer { values in
            guard let source = values.baseAddress else { return }
            workspace.team.run(result.height) { row, _ in
                let target = result.base + row * line
                target.update(repeating: 0, count: line)
                guard row >= margin, row < margin + reference.height else { return }
                (target + margin * channels).update(
                    from: source + (row - margin) * reference.width * channels, count: reference.width * channels)
            }
        }
        return result
    }

    /// The blocks' samples, each distance's of length one.
    private func packed(_ features: Tensor, sample: Int, blocks: Int, in workspace: Workspace) -> Tensor {
        let products = PatchProducts(channels: features.channels)
        let panels = (blocks + PatchProducts.most - 1) / PatchProducts.most
        let dilations = configuration.dilations
        let result = workspace.tensor(
            batch: dilations.count, height: panels, width: 1, channels: products.packedCount)
        let scratch = workspace.scratch(floats: products.packedCount)
        workspace.team.run(dilations.count * panels) { item, thread in
            let (distance, panel) = item.quotientAndRemainder(dividingBy: panels)
            let first = panel * PatchProducts.most
            let count = min(PatchProducts.most, blocks - first)
            for index in 0..<count {
                let patch = scratch[thread] + index * products.depth
                gather(features, sample: sample, block: first + index, distance: dilations[distance], to: patch)
                PatchProducts.normalise(patch, count: products.depth)
            }
            products.pack(scratch[thread], count: count, to: result.base + item * products.packedCount)
        }
        return result
    }

    /// Nine samples of a block, which has a margin of one; beyond the picture its edge is repeated.
    private func gather(
        _ features: Tensor, sample: Int, block: Int, distance: Int, to patch: UnsafeMutablePointer<Float>
    ) {
        let (row, column) = block.quotientAndRemainder(dividingBy: features.width / side)
        let centre = GuidanceConfiguration.centre(ofBlock: side) - 1
        var target = patch
        for y in [-distance, 0, distance] {
            for x in [-distance, 0, distance] {
                copy(
                    features, sample: sample, row: row * side + centre + y, column: column * side + centre + x, to: target)
                target += features.channels
            }
        }
    }

    private func searchRow(
        _ row: Int, _ search: Search, _ scratch: UnsafeMutablePointer<Float>, best: Tensor, kernels: kernel_set
    ) {
        let (width, channels, panel) = (search.reference.width, search.products.channels, PatchProducts.most)
        let (products, sums) = (scratch, scratch + width * panel)
        let (scores, columns) = (best.sample(0) + row * search.blocks, best.sample(1) + row * search.blocks)
        for number in 0..<search.panels {
            let count = min(panel, search.blocks - number * panel)
            sums.update(repeating: 0, count: width * panel)
            for (index, distance) in configuration.dilations.enumerated() {
                let corner = search.padded.base
                    + ((row + search.margin - distance) * search.padded.width + search.margin - distance) * channels
                let samples = (0..<9).map { tap in
                    UnsafePointer(corner + (tap / 3 * search.padded.width + tap % 3) * distance * channels)
                }
                search.products.multiply(
                    search.packed.base + (index * search.panels + number) * search.products.packedCount, count: count,
                    samples: samples, pixels: width, to: products, kernels: kernels)
                for column in 0..<width {
                    let factor = Float(PatchProducts.reciprocalLength(squares(row, column, distance, search)))
                    for block in column * panel..<column * panel + count { sums[block] += products[block] * factor }
                }
            }
            for block in 0..<count {
                var (greatest, place) = (-Float.infinity, 0)
                for column in 0..<width where sums[column * panel + block] > greatest {
                    (greatest, place) = (sums[column * panel + block], column)
                }
                scores[number * panel + block] = greatest
                columns[number * panel + block] = Float(place)
            }
        }
    }

    /// The sum of the squares of a place's nine samples.
    private func squares(_ row: Int, _ column: Int, _ distance: Int, _ search: Search) -> Double {
        var sum = 0.0
        for y in stride(from: row - distance, through: row + distance, by: distance)
        where y >= 0 && y < search.reference.height {
            for x in stride(from: column - distance, through: column + distance, by: distance)
            where x >= 0 && x < search.reference.width {
                sum += search.squares[y * search.reference.width + x]
            }
        }
        return sum
    }

    /// The first of the best.
    private func merged(_ best: Tensor, blocks: Int, rows: Int) -> Result {
        var result = Result(
            rows: [Int](repeating: 0, count: blocks), columns: [Int](repeating: 0, count: blocks),
            scores: [Float](repeating: -.infinity, count: blocks))
        for row in 0..<rows {
            let (scores, columns) = (best.sample(0) + row * blocks, best.sample(1) + row * blocks)
            for block in 0..<blocks where scores[block] > result.scores[block] {
                result.scores[block] = scores[block]
                (result.rows[block], result.columns[block]) = (row, Int(columns[block]))
            }
        }
        return result
    }
}

/// A pixel's channels; beyond the picture those of its nearest one.
func copy(
    _ features: Tensor, sample: Int, row: Int, column: Int, to target: UnsafeMutablePointer<Float>
) {
    let (y, x) = (min(max(row, 0), features.height - 1), min(max(column, 0), features.width - 1))
    target.update(
        from: features.sample(sample) + (y * features.width + x) * features.channels, count: features.channels)
}
