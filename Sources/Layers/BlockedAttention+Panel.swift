import CKernels
import Compute

extension BlockedAttention {
    /// A thread's own memory for a panel of queries.
    struct PanelScratch {
        /// Queries as weights.
        let queries: UnsafeMutablePointer<Float>
        /// Of a block: scores where a maximum is looked for, else numerators.
        let scores: UnsafeMutablePointer<Float>
        /// A row a channel: numerators times values, summed.
        let sums: UnsafeMutablePointer<Float>
        /// A number a query.
        let totals, offsets, maxima: UnsafeMutablePointer<Float>

        static func count(_ attention: BlockedAttention) -> Int {
            PackedPanels.width * (2 * attention.headWidth + PackedMemory.Layout.blockTokens(attention.form) + 3)
        }

        init(_ attention: BlockedAttention, at base: UnsafeMutablePointer<Float>) {
            let width = PackedPanels.width
            queries = base
            scores = queries + attention.headWidth * width
            sums = scores + PackedMemory.Layout.blockTokens(attention.form) * width
            totals = sums + attention.headWidth * width
            offsets = totals + width
            maxima = offsets + width
        }
    }

    /// Up to 32 queries of a head, which meet all its keys and values. What is computed of a query doesn't depend on how many
    /// others there are, but may on what they hold (`bound`).
    struct QueryPanel {
        private let layout: PackedMemory.Layout
        private let memory: PackedMemory
        private let scratch: PanelScratch
        private let kernels: kernel_set
        private var count = 0
        /// No score is greater than this, by the lengths of queries and keys.
        private var bound: Float = 0
        /// What makes scores of products: exponents of 2.
        private let scale: Float

        init(_ attention: BlockedAttention, memory: PackedMemory, scratch: PanelScratch, kernels: kernel_set) {
            layout = memory.layout
            scale = Self.binaryLogarithmOfE / Float(attention.headWidth).squareRoot()
            (self.memory, self.scratch, self.kernels) = (memory, scratch, kernels)
        }

        /// Scores up to this, either way, need no maximum taken off: their powers and the sum of those are far from what
        /// fp32 and bfloat16 can't hold.
        private static let safeScore: Float = 86

        private static let binaryLogarithmOfE: Float = 1.442695

        /// As many columns as the kernels compute: all of a panel or half of it.
        private var columns: Int { count > PackedPanels.width / 2 ? PackedPanels.width : PackedPanels.width / 2 }

        mutating func take(_ queries: UnsafePointer<Float>, stride: Int, count: Int) {
            self.count = count
            let (width, rows) = (PackedPanels.width, layout.headWidth)
            bound = scale * (kernels.greatest_square(queries, stride, count, rows) * memory.greatestSquare).squareRoot()
            if count < width { scratch.queries.update(repeating: 0, count: rows * width) }
            kernels.turn_rows(queries, stride, count, rows, 1, nil, scratch.queries, width)
            if layout.form == .pairs { kernels.interleave(scratch.queries, width, rows, scratch.queries) }
        }

        func meetMemory() {
            scratch.totals.update(repeating: 0, count: PackedPanels.width)
            scratch.offsets.update(repeating: 0, count: PackedPanels.width)
            if !(bound <= Self.safeScore) { findMaxima() }
            for block in 0..<layout.blocks {
                weigh(block)
                addValues(of: block)
            }
        }

        /// The queries' scores of a block's keys, as a job whose columns they are.
        private func withScores(of block: Int, _ body: (inout kernel_panel) -> Void) {
            kernel_panel.ofRows(
                memory.keys(ofBlock: block), stride: layout.keyElements, count: layout.tokens(ofBlock: block),
                depth: layout.keyElements
            ) { job in
                job.weights = UnsafePointer(scratch.queries)
                job.columns = columns
                job.output = scratch.scores
                job.output_stride = PackedPanels.width
                body(&job)
            }
        }

        /// Each query's greatest score, to be taken off all of its scores. (Scaling keeps an order of products.)
        private func findMaxima() {
            for block in 0..<layout.blocks {
                withScores(of: block) { job in
                    kernels.multiply(&job, layout.form)
                    kernels.column_maximum(scratch.scores, job.pixels, block == 0 ? scratch.offsets : scratch.maxima)
                }
                if block > 0 {
                    for query in 0..<PackedPanels.width {
                        scratch.offsets[query] = max(scratch.offsets[query], scratch.maxima[query])
                    }
                }
            }
            for query in 0..<PackedPanels.width { scratch.offsets[query] *= scale }
        }

        /// Puts a block's numerators into the place of its scores, as weights for the values.
        private func weigh(_ block: Int) {
            withScores(of: block) { job in
                job.bias = UnsafePointer(scratch.offsets)
                if layout.form == .pairs {
                    kernels.numerator_pairs(&job, scale, scratch.totals)
                } else {
                    kernels.numerators(&job, scale, scratch.totals)
                }
            }
        }

        private func addValues(of block: Int) {
            kernel_panel.ofRows(
                memory.values(ofBlock: block), stride: PackedMemory.Layout.rowElements, count: layout.headWidth,
                depth: layout.form.elements(of: layout.tokens(ofBlock: block))
            ) { job in
                job.weights = UnsafePointer(scratch.scores)
                job.columns = columns
                job.output = scratch.sums
                job.output_stride = PackedPanels.width
                job.residual = block == 0 ? nil : UnsafePointer(scratch.sums)
                job.residual_stride = PackedPanels.width
                kernels.multiply(&job, layout.form)
            }
        }

        /// Stores the answers: sums over totals. A maximum passes over what is no number; what comes of one must not look like an
        /// answer.
        func store(to output: UnsafeMutablePointer<Float>, stride: Int) {
            for query in 0..<count { scratch.totals[query] = bound.isNaN ? .nan : 1 / scratch.totals[query] }
            kernels.turn_rows(scratch.sums, PackedPanels.width, layout.headWidth, count, 1, scratch.totals, output, stride)
        }
    }
}
