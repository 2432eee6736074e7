import CKernels
import CSystem
package import Compute
import Glibc

/// Scaled dot-product attention with a running softmax (Milakov and Gimelshein, 2018, "Online normalizer calculation for
/// softmax"): a block of queries meets the keys block by block, so that neither a matrix of scores nor a row of one exists
/// whole, and queries may come from other tokens than keys and values.
package struct BlockedAttention: Sendable {
    package let heads: Int
    package let headWidth: Int

    /// What the queries of a sample look at: keys and values of all heads, token by token. Valid while their owner is.
    package struct Memory {
        package let keys: UnsafePointer<Float>
        package let values: UnsafePointer<Float>
        /// Between tokens, in floats.
        package let stride: Int
        /// Tokens, at least one.
        package let count: Int

        package init(keys: UnsafePointer<Float>, values: UnsafePointer<Float>, stride: Int, count: Int) {
            self.keys = keys
            self.values = values
            self.stride = stride
            self.count = count
        }
    }

    /// Queries of a block: columns of a panel.
    private static let queryBlock = PackedPanels.width
    private static let keyBlock = 256

    package init(heads: Int, headWidth: Int) {
        self.heads = heads
        self.headWidth = headWidth
    }

    /// softmax(q k^T / sqrt(headWidth)) v of tokens with one another.
    ///
    /// - Parameter projections: queries, keys and values side by side: 3 x heads x headWidth channels.
    package func callAsFunction(_ projections: Tensor, in workspace: Workspace) -> Tensor {
        let width = heads * headWidth
        precondition(projections.channels == 3 * width)
        let memories = (0..<projections.batch).map { sample in
            Memory(
                keys: UnsafePointer(projections.sample(sample) + width),
                values: UnsafePointer(projections.sample(sample) + 2 * width), stride: 3 * width, count: projections.pixels)
        }
        return self(projections, memories, in: workspace)
    }

    /// - Parameters:
    ///   - queries: the first heads x headWidth channels are meant.
    ///   - memories: one a sample.
    /// - Returns: heads x headWidth channels.
    package func callAsFunction(_ queries: Tensor, _ memories: [Memory], in workspace: Workspace) -> Tensor {
        let width = heads * headWidth
        precondition(queries.channels >= width && memories.count == queries.batch)
        let output = workspace.tensor(
            batch: queries.batch, height: queries.height, width: queries.width, channels: width)
        let blocks = (queries.pixels + Self.queryBlock - 1) / Self.queryBlock
        let scratch = workspace.scratch(floats: Scratch.floats(headWidth: headWidth))
        let keys = memories.reduce(0) { $0 + $1.count }
        let work = OperationMeter.Layer(
            "attention \(width)", of: output, multiplyAdds: 2 * queries.pixels * width * keys)
        workspace.metered(work) {
            workspace.team.run(queries.batch * heads * blocks) { item, thread in
                let (rest, block) = item.quotientAndRemainder(dividingBy: blocks)
                let (sample, head) = rest.quotientAndRemainder(dividingBy: heads)
                let first = block * Self.queryBlock
                attend(
                    queries.sample(sample) + first * queries.channels + head * headWidth, stride: queries.channels,
                    rows: min(Self.queryBlock, queries.pixels - first), memory: memories[sample], head: head,
                    scratch: Scratch(scratch[thread], headWidth: headWidth),
                    output: output.sample(sample) + first * width + head * headWidth, kernels: workspace.kernels)
            }
        }
        return output
    }

    /// A thread's own memory.
    private struct Scratch {
        /// Queries as a panel: headWidth rows.
        let packed: UnsafeMutablePointer<Float>
        /// A row a key.
        let scores: UnsafeMutablePointer<Float>
        /// A row a query: numerators times values, summed.
        let sums: UnsafeMutablePointer<Float>
        /// Rows of a number a query.
        let maxima, blockMaxima, totals, blockTotals, factors: UnsafeMutablePointer<Float>
        /// A number a channel.
        let scales: UnsafeMutablePointer<Float>

        static func floats(headWidth: Int) -> Int {
            queryBlock * (2 * headWidth + keyBlock + 5) + headWidth
        }

        init(_ base: UnsafeMutablePointer<Float>, headWidth: Int) {
            packed = base
            scores = packed + headWidth * queryBlock
            sums = scores + keyBlock * queryBlock
            maxima = sums + headWidth * queryBlock
            blockMaxima = maxima + queryBlock
            totals = blockMaxima + queryBlock
            blockTotals = totals + queryBlock
            factors = blockTotals + queryBlock
            scales = factors + queryBlock
        }
    }

    private func attend(
        _ queries: UnsafePointer<Float>, stride: Int, rows: Int, memory: Memory, head: Int, scratch: Scratch,
        output: UnsafeMutablePointer<Float>, kernels: kernel_set
    ) {
        let block = Self.queryBlock
        kernel_pack_panel(queries, stride, rows, headWidth, 1, scratch.packed)
        scratch.scales.update(repeating: 1 / Float(headWidth).squareRoot(), count: headWidth)
        kernels.scale_rows(scratch.packed, headWidth, block, block, scratch.scales)
        for first in Swift.stride(from: 0, to: memory.count, by: Self.keyBlock) {
            let count = min(Self.keyBlock, memory.count - first)
            let offset = first * memory.stride + head * headWidth
            score(memory.keys + offset, stride: memory.stride, count: count, scratch, kernels: kernels)
            weigh(count: count, isFirst: first == 0, scratch, kernels: kernels)
            cblas_sgemm(
                CblasRowMajor, CblasTrans, CblasNoTrans, blasint(block), blasint(headWidth), blasint(count), 1,
                scratch.scores, blasint(block), memory.values + offset, blasint(memory.stride), first == 0 ? 0 : 1,
                scratch.sums, blasint(headWidth))
        }
        for query in 0..<block { scratch.factors[query] = 1 / scratch.totals[query] }
        kernels.scale_rows(scratch.sums, rows, headWidth, headWidth, scratch.factors)
        for query in 0..<rows {
            (output + query * heads * headWidth).update(from: scratch.sums + query * headWidth, count: headWidth)
        }
    }

    /// The scores of a block of keys: a row a key, a column a query.
    private func score(
        _ keys: UnsafePointer<Float>, stride: Int, count: Int, _ scratch: Scratch, kernels: kernel_set
    ) {
        var taps: UnsafePointer<Float>? = keys
        withUnsafePointer(to: &taps) { taps in
            var job = kernel_panel()
            job.taps = taps
            job.tap_count = 1
            job.depth = headWidth
            job.depth_stride = 1
            job.pixel_stride = stride
            job.pixels = count
            job.weights = UnsafePointer(scratch.packed)
            job.columns = Self.queryBlock
            job.output = scratch.scores
            job.output_stride = Self.queryBlock
            kernels.panel(&job)
        }
    }

    /// Turns scores into numerators over the maximum so far, and what was summed before into sums over the same.
    private func weigh(count: Int, isFirst: Bool, _ scratch: Scratch, kernels: kernel_set) {
        let block = Self.queryBlock
        kernels.column_maximum(scratch.scores, count, scratch.blockMaxima)
        if isFirst {
            scratch.maxima.update(from: scratch.blockMaxima, count: block)
            kernels.column_exponential(scratch.scores, count, scratch.maxima, scratch.totals)
            return
        }
        for query in 0..<block {
            let maximum = max(scratch.maxima[query], scratch.blockMaxima[query])
            scratch.factors[query] = exp(scratch.maxima[query] - maximum)
            scratch.maxima[query] = maximum
        }
        kernels.column_exponential(scratch.scores, count, scratch.maxima, scratch.blockTotals)
        for query in 0..<block {
            scratch.totals[query] = scratch.totals[query] * scratch.factors[query] + scratch.blockTotals[query]
        }
        kernels.scale_rows(scratch.sums, block, headWidth, headWidth, scratch.factors)
    }
}
