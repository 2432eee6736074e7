import CKernels
import Compute

/// Attention's products in fp32 by the kernels of the layers: each head's keys and values are packed as weights once, then blocks
/// of queries meet all of them.
extension Attention {
    /// Scores held at a time by a thread, in floats; at least one tile of the kernel's rows.
    private static let scoreBudget = 112 << 10

    /// Whether the products are computed so: by the shape alone, neither by the batch nor by threads.
    func takesPanels(tokens: Int) -> Bool {
        precision == .fp32 && !causal && tokens >= Self.fewestPackedTokens
    }

    /// Where a head's packed keys and values lie, in floats.
    private struct Layout {
        let tokens: Int
        let headWidth: Int

        var keyPanels: Int { (tokens + PackedPanels.width - 1) / PackedPanels.width }
        var keyPanel: Int { headWidth * PackedPanels.width }
        var valuePanels: Int { (headWidth + PackedPanels.width - 1) / PackedPanels.width }
        var valuePanel: Int { tokens * PackedPanels.width }
        /// Channels of a head in one of the values' panels.
        func columns(in valuePanel: Int) -> Int { min(PackedPanels.width, headWidth - valuePanel * PackedPanels.width) }
        /// Behind the keys.
        var values: Int { keyPanels * keyPanel }
        var count: Int { values + valuePanels * valuePanel }
        /// Between a block's rows of scores.
        var scoreStride: Int { Linear.spread(keyPanels * PackedPanels.width) }
        /// Queries that a thread answers at a time.
        var block: Int {
            let rows = scoreBudget / max(1, tokens) / tileRows * tileRows
            return max(1, min(tokens, max(tileRows, min(rows, 8 * tileRows))))
        }
        /// Of a thread: scores and queries of a block.
        var scratch: Int { block * (scoreStride + headWidth) }
    }

    func attendPanels(_ projections: Tensor, output: Tensor, in workspace: Workspace) {
        let layout = Layout(tokens: projections.pixels, headWidth: headWidth)
        let kernels = workspace.kernels
        answer(
            projections, blockRows: layout.block, packedFloats: layout.count, scratchFloats: layout.scratch, in: workspace,
            output: output, pack: { keys, packed in pack(keys, to: packed, layout) },
            attend: { queries, rows, packed, scratch, output in
                attend(queries, rows: rows, packed: packed, layout, scratch: scratch, output: output, kernels: kernels)
            })
    }

    /// The keys of a head and the values behind them.
    private func pack(_ keys: UnsafePointer<Float>, to packed: UnsafeMutablePointer<Float>, _ layout: Layout) {
        let width = heads * headWidth
        for panel in 0..<layout.keyPanels {
            let first = panel * PackedPanels.width
            kernel_pack_panel(
                keys + first * 3 * width, 3 * width, min(PackedPanels.width, layout.tokens - first), headWidth, 1,
                packed + panel * layout.keyPanel)
        }
        for panel in 0..<layout.valuePanels {
            let source = keys + width + panel * PackedPanels.width
            let target = packed + layout.values + panel * layout.valuePanel
            let columns = layout.columns(in: panel)
            for token in 0..<layout.tokens {
                let row = target + token * PackedPanels.width
                row.update(from: source + token * 3 * width, count: columns)
                (row + columns).update(repeating: 0, count: PackedPanels.width - columns)
            }
        }
    }

    /// The answers to some queries: their scores, the softmax of these, and that times the values.
    private func attend(
        _ queries: UnsafePointer<Float>, rows: Int, packed: UnsafePointer<Float>, _ layout: Layout,
        scratch: UnsafeMutablePointer<Float>, output: UnsafeMutablePointer<Float>, kernels: kernel_set
    ) {
        let width = heads * headWidth
        let stride = layout.scoreStride
        let scaled = scratch + layout.block * stride
        let scale = 1 / Float(headWidth).squareRoot()
        for row in 0..<rows {
            for channel in 0..<headWidth {
                scaled[row * headWidth + channel] = queries[row * 3 * width + channel] * scale
            }
        }
        var job = kernel_panel()
        job.tap_count = 1
        job.depth_stride = 1
        job.pixels = rows
        var taps: UnsafePointer<Float>? = UnsafePointer(scaled)
        withUnsafePointer(to: &taps) { taps in
            job.taps = taps
            job.depth = headWidth
            job.pixel_stride = headWidth
            job.output_stride = stride
            Self.multiply(
                &job, .single, by: packed, panel: layout.keyPanel, columns: layout.tokens, into: scratch, kernels: kernels)
        }
        kernels.softmax(scratch, rows, stride, layout.tokens, 1)
        taps = UnsafePointer(scratch)
        withUnsafePointer(to: &taps) { taps in
            job.taps = taps
            job.depth = layout.tokens
            job.pixel_stride = stride
            job.output_stride = width
            Self.multiply(
                &job, .single, by: packed + layout.values, panel: layout.valuePanel, columns: headWidth, into: output,
                kernels: kernels)
        }
    }
}
