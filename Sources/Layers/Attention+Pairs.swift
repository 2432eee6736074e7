import CKernels
import Compute

/// Attention's products over pairs of bfloat16: each head's keys and values are packed as weights once, then blocks of queries
/// meet all of them. A head's channels need not fill whole panels: what is left of the last one is not computed.
extension Attention {
    /// Scores held at a time by a thread, in floats; at least one tile of the kernel's rows.
    private static let scoreBudget = 64 << 10

    /// Whether the products are computed so: by the shape alone, neither by the batch nor by threads.
    func takesPairs(tokens: Int) -> Bool {
        precision == .bf16 && !causal && headWidth % 2 == 0 && tokens >= Self.fewestPackedTokens
    }

    /// Where a head's packed keys and values lie, in 32-bit elements.
    private struct Layout {
        let tokens: Int
        let headWidth: Int

        var keyPanels: Int { (tokens + PackedPanels.width - 1) / PackedPanels.width }
        var keyPanel: Int { headWidth / 2 * PackedPanels.width }
        var valuePanels: Int { (headWidth + PackedPanels.width - 1) / PackedPanels.width }
        var valuePanel: Int { valueRows * PackedPanels.width }
        var valueRows: Int { (tokens + 1) / 2 }
        /// Channels of a head in one of the values' panels.
        func columns(in valuePanel: Int) -> Int { min(PackedPanels.width, headWidth - valuePanel * PackedPanels.width) }
        /// Behind the keys.
        var values: Int { keyPanels * keyPanel }
        /// Behind the values: the greatest squared length of a key.
        var greatest: Int { values + valuePanels * valuePanel }
        /// With that, and as much room behind it as makes what follows begin where a panel does.
        var count: Int { greatest + PackedPanels.width }
        /// Whether numerators may be made of scores as these come, in pairs, which are half as long.
        var takesPowers: Bool { tokens % PackedPanels.width == 0 }
        /// Pairs from row to row of such numerators: a power of two would put all rows of a tile into one set of the cache.
        var powerStride: Int { tokens / 2 + 16 }
        /// Queries that a thread answers at a time.
        var block: Int {
            let rows = scoreBudget * (takesPowers ? 2 : 1) / max(1, tokens) / tileRows * tileRows
            return max(1, min(tokens, max(tileRows, min(rows, 4 * tileRows))))
        }
        /// Between a block's rows of scores.
        var scoreStride: Int { Linear.spread(keyPanels * PackedPanels.width) }
        /// Of a thread: scores, queries, factors and partial sums of a block.
        var scratch: Int { block * (scoreStride + headWidth + 1 + (takesPowers ? PackedPanels.width : 0)) }
    }

    func attendPairs(_ projections: Tensor, output: Tensor, in workspace: Workspace) {
        let layout = Layout(tokens: projections.pixels, headWidth: headWidth)
        let kernels = workspace.kernels
        answer(
            projections, blockRows: layout.block, packedFloats: layout.count, scratchFloats: layout.scratch, in: workspace,
            output: output, pack: { keys, packed in pack(keys, to: packed, layout, kernels: kernels) },
            attend: { queries, rows, packed, scratch, output in
                attend(queries, rows: rows, packed: packed, layout, scratch: scratch, output: output, kernels: kernels)
            })
    }

    /// The keys of a head and the values behind them.
    private func pack(
        _ keys: UnsafePointer<Float>, to packed: UnsafeMutablePointer<Float>, _ layout: Layout, kernels: kernel_set
    ) {
        let width = heads * headWidth
        let values = keys + width
        packed[layout.greatest] = kernels.greatest_square(keys, 3 * width, layout.tokens, headWidth)
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
            let (source, target) = (values + panel * PackedPanels.width, packed + layout.values + panel * layout.valuePanel)
            if layout.columns(in: panel) == PackedPanels.width {
                kernels.interleave(source, 3 * width, layout.tokens, target)
            } else {
                interleave(source, columns: layout.columns(in: panel), tokens: layout.tokens, to: target, kernels: kernels)
            }
        }
    }

    /// A panel that a head doesn't fill: what stands behind it are the next one's numbers, or none.
    private func interleave(
        _ values: UnsafePointer<Float>, columns: Int, tokens: Int, to target: UnsafeMutablePointer<Float>, kernels: kernel_set
    ) {
        let stride = 3 * heads * headWidth
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * PackedPanels.width) { rows in
            guard let base = rows.baseAddress else { return }
            rows.initialize(repeating: 0)
            for token in Swift.stride(from: 0, to: tokens, by: 2) {
                let count = min(2, tokens - token)
                for row in 0..<count {
                    (base + row * PackedPanels.width).update(from: values + (token + row) * stride, count: columns)
                }
                kernels.interleave(base, PackedPanels.width, count, target + token / 2 * PackedPanels.width)
            }
        }
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
        let scale = 1 / Float(headWidth).squareRoot()
        let bound = scale * (kernels.greatest_square(queries, 3 * width, rows, headWidth) * packed[layout.greatest]).squareRoot()
        var job = kernel_panel()
        job.tap_count = 1
        job.depth_stride = 1
        job.pixels = rows
        var (numeratorStride, taps) = (stride, UnsafePointer<Float>?.some(UnsafePointer(narrowed)))
        withUnsafePointer(to: &taps) { taps in
            job.taps = taps
            job.depth = headWidth / 2
            job.pixel_stride = headWidth / 2
            if layout.takesPowers, bound <= Self.safeScore {
                numeratorStride = layout.powerStride
                job.output_stride = numeratorStride
                weighByPowers(&job, packed, layout, scale: scale, into: scratch, totals: factors + rows, factors, kernels: kernels)
                return
            }
            job.output_stride = stride
            Self.multiply(
                &job, .pairs, by: packed, panel: layout.keyPanel, columns: layout.tokens, into: scratch, kernels: kernels)
            kernels.softmax_pairs(scratch, rows, stride, layout.tokens, scale, factors)
            // A maximum passes over what is no number; what comes of one must not look like an answer.
            if bound.isNaN { factors.update(repeating: .nan, count: rows) }
        }
        taps = UnsafePointer(scratch)
        withUnsafePointer(to: &taps) { taps in
            job.taps = taps
            job.depth = layout.valueRows
            job.pixel_stride = numeratorStride
            job.output_stride = width
            Self.multiply(
                &job, .pairs, by: packed + layout.values, panel: layout.valuePanel, columns: headWidth, into: output,
                kernels: kernels)
        }
        kernels.scale_rows(output, rows, width, headWidth, factors)
    }

    /// Scores up to this, either way, need no maximum taken off: their exponentials and the sum of those are far from what fp32
    /// and bfloat16 can't hold. No score is greater than the lengths of its query and its key tell.
    private static let safeScore: Float = 60

    /// The numerators of some queries' softmax, and one over their sums.
    ///
    /// - Parameter totals: scratch memory, a panel's width a query.
    private func weighByPowers(
        _ job: inout kernel_panel, _ packed: UnsafePointer<Float>, _ layout: Layout, scale: Float,
        into numerators: UnsafeMutablePointer<Float>, totals: UnsafeMutablePointer<Float>,
        _ factors: UnsafeMutablePointer<Float>, kernels: kernel_set
    ) {
        let rows = job.pixels
        totals.update(repeating: 0, count: rows * PackedPanels.width)
        let halves = UnsafeMutableRawPointer(numerators).assumingMemoryBound(to: UInt16.self)
        for panel in 0..<layout.keyPanels {
            job.weights = packed + panel * layout.keyPanel
            job.columns = PackedPanels.width
            kernels.power_panel(&job, scale * Self.binaryLogarithmOfE, halves + panel * PackedPanels.width, totals)
        }
        for row in 0..<rows {
            let lanes = totals + row * PackedPanels.width
            factors[row] = 1 / (0..<PackedPanels.width).reduce(0) { $0 + lanes[$1] }
        }
    }

    private static let binaryLogarithmOfE: Float = 1.442695
}
