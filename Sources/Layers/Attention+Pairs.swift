import CKernels
import Compute

/// Attention's products over pairs of bfloat16: each head's keys and values are packed as weights once, then blocks of queries
/// meet all of them.
extension Attention {
    /// Fewer tokens are not worth the packing.
    private static let fewestTokens = 32
    /// Scores held at a time by a thread, in floats; at least one tile of the kernel's rows.
    private static let scoreBudget = 64 << 10
    private static let tileRows = 14
    /// A head's keys and values up to this size stay in a core's cache: one thread packs them and answers all queries.
    private static let cachedElements = 64 << 10

    /// Whether the products are computed so: by the shape alone, neither by the batch nor by threads.
    func takesPairs(tokens: Int) -> Bool {
        precision == .bf16 && !causal && headWidth % PackedPanels.width == 0 && tokens >= Self.fewestTokens
    }

    /// Where a head's packed keys and values lie, in 32-bit elements.
    private struct Layout {
        let tokens: Int
        let headWidth: Int

        var keyPanels: Int { (tokens + PackedPanels.width - 1) / PackedPanels.width }
        var keyPanel: Int { headWidth / 2 * PackedPanels.width }
        var valuePanels: Int { headWidth / PackedPanels.width }
        var valuePanel: Int { valueRows * PackedPanels.width }
        var valueRows: Int { (tokens + 1) / 2 }
        /// Behind the keys.
        var values: Int { keyPanels * keyPanel }
        var count: Int { values + valuePanels * valuePanel }
        /// Queries that a thread answers at a time.
        var block: Int {
            let rows = scoreBudget / max(1, tokens) / tileRows * tileRows
            return max(1, min(tokens, max(tileRows, min(rows, 4 * tileRows))))
        }
        var blocks: Int { (tokens + block - 1) / block }
        /// Between a block's rows of scores.
        var scoreStride: Int { Linear.spread(keyPanels * PackedPanels.width) }
        /// Of a thread: scores, queries and factors of a block.
        var scratch: Int { block * (scoreStride + headWidth + 1) }
    }

    func attendPairs(_ projections: Tensor, output: Tensor, in workspace: Workspace) {
        let layout = Layout(tokens: projections.pixels, headWidth: headWidth)
        let count = projections.batch * heads
        if count >= 4 * workspace.team.size, layout.count <= Self.cachedElements {
            let scratch = workspace.scratch(floats: layout.count + layout.scratch)
            workspace.team.run(count) { item, thread in
                let packed = scratch[thread]
                pack(item, of: projections, to: packed, layout, kernels: workspace.kernels)
                for block in 0..<layout.blocks {
                    attend(
                        block, item, of: projections, packed: packed, layout, scratch: packed + layout.count, output: output,
                        kernels: workspace.kernels)
                }
            }
            return
        }
        let packed = workspace.tensor(batch: 1, width: count, channels: layout.count)
        workspace.team.run(count) { item, _ in
            pack(item, of: projections, to: packed.base + item * layout.count, layout, kernels: workspace.kernels)
        }
        let scratch = workspace.scratch(floats: layout.scratch)
        workspace.team.run(count * layout.blocks) { item, thread in
            let (head, block) = item.quotientAndRemainder(dividingBy: layout.blocks)
            attend(
                block, head, of: projections, packed: packed.base + head * layout.count, layout, scratch: scratch[thread],
                output: output, kernels: workspace.kernels)
        }
    }

    /// - Parameter item: the head, counted through all samples.
    private func pack(
        _ item: Int, of projections: Tensor, to packed: UnsafeMutablePointer<Float>, _ layout: Layout, kernels: kernel_set
    ) {
        let (sample, head) = item.quotientAndRemainder(dividingBy: heads)
        let width = heads * headWidth
        let keys = projections.sample(sample) + width + head * headWidth
        let values = keys + width
        for panel in 0..<layout.keyPanels {
            let first = panel * PackedPanels.width
            let count = min(PackedPanels.width, layout.tokens - first)
            withUnsafeTemporaryAllocation(of: Float.self, capacity: PackedPanels.width * headWidth / 2) { rounded in
                guard let base = rounded.baseAddress else { return }
                kernels.narrowRows(
                    keys + first * 3 * width, stride: 3 * width, to: base, targetStride: headWidth / 2, rows: count,
                    width: headWidth)
                kernel_pack_words(
                    UnsafeRawPointer(base).assumingMemoryBound(to: UInt32.self), headWidth / 2, count, headWidth / 2,
                    UnsafeMutableRawPointer(packed + panel * layout.keyPanel).assumingMemoryBound(to: UInt32.self))
            }
        }
        for panel in 0..<layout.valuePanels {
            kernels.interleave(
                values + panel * PackedPanels.width, 3 * width, layout.tokens,
                packed + layout.values + panel * layout.valuePanel)
        }
    }

    /// A block of a head's queries.
    private func attend(
        _ block: Int, _ item: Int, of projections: Tensor, packed: UnsafePointer<Float>, _ layout: Layout,
        scratch: UnsafeMutablePointer<Float>, output: Tensor, kernels: kernel_set
    ) {
        let (sample, head) = item.quotientAndRemainder(dividingBy: heads)
        let rows = block * layout.block..<min(layout.tokens, (block + 1) * layout.block)
        let width = heads * headWidth
        attend(
            projections.sample(sample) + rows.lowerBound * 3 * width + head * headWidth, rows: rows.count, packed: packed,
            layout, scratch: scratch, output: output.sample(sample) + rows.lowerBound * width + head * headWidth,
            kernels: kernels)
    }

    /// The answers to some queries: their scores, the numerators of their softmax, and these times the values.
    private func attend(
        _ queries: UnsafePointer<Float>, rows: Int, packed: UnsafePointer<Float>, _ layout: Layout,
        scratch: UnsafeMutablePointer<Float>, output: UnsafeMutablePointer<Float>, kernels: kernel_set
    ) {
        let width = heads * headWidth
        let stride = layout.scoreStride
        let narrowed = scratch + layout.block * stride
        let factors = narrowed + layout.block * headWidth
        kernels.narrowRows(
            queries, stride: 3 * width, to: narrowed, targetStride: headWidth / 2, rows: rows, width: headWidth)
        var job = kernel_panel()
        job.tap_count = 1
        job.depth_stride = 1
        job.pixels = rows
        var taps: UnsafePointer<Float>? = UnsafePointer(narrowed)
        withUnsafePointer(to: &taps) { taps in
            job.taps = taps
            job.depth = headWidth / 2
            job.pixel_stride = headWidth / 2
            job.output_stride = stride
            for panel in 0..<layout.keyPanels {
                job.weights = packed + panel * layout.keyPanel
                job.columns = min(PackedPanels.width, layout.tokens - panel * PackedPanels.width)
                job.output = scratch + panel * PackedPanels.width
                kernels.pair_panel(&job)
            }
        }
        let scale = 1 / Float(headWidth).squareRoot()
        kernels.softmax_pairs(scratch, rows, stride, layout.tokens, scale, factors)
        taps = UnsafePointer(scratch)
        withUnsafePointer(to: &taps) { taps in
            job.taps = taps
            job.depth = layout.valueRows
            job.pixel_stride = stride
            job.output_stride = width
            job.columns = PackedPanels.width
            for panel in 0..<layout.valuePanels {
                job.weights = packed + layout.values + panel * layout.valuePanel
                job.output = output + panel * PackedPanels.width
                kernels.pair_panel(&job)
            }
        }
        kernels.scale_rows(output, rows, width, headWidth, factors)
    }
}
