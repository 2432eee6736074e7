import CKernels
import Compute

extension BlockedAttention {
    /// Of the products: values, or pairs of bfloat16.
    var form: PackedPanels.Form { .init(precision) }

    /// A head's keys and values as its queries meet them: keys token by token; values block by block, in each of them a row a
    /// channel. In 32-bit elements.
    struct PackedMemory {
        let layout: Layout
        private let base: UnsafeMutablePointer<Float>

        struct Layout {
            let tokens: Int
            let headWidth: Int
            let form: PackedPanels.Form

            /// Elements of a channel's values in a block: an odd number of cache lines, so that those of a tile's channels don't
            /// compete for the same places. The numerators of a block, as many rows of a panel, stay in the first-level cache.
            static let rowElements = 112

            init(_ attention: BlockedAttention, tokens: Int) {
                (self.tokens, headWidth, form) = (tokens, attention.headWidth, attention.form)
            }

            /// Tokens of a block.
            static func blockTokens(_ form: PackedPanels.Form) -> Int { form == .pairs ? 2 * rowElements : rowElements }
            var blockTokens: Int { Self.blockTokens(form) }
            var blocks: Int { (tokens + blockTokens - 1) / blockTokens }
            func tokens(ofBlock block: Int) -> Int { min(blockTokens, tokens - block * blockTokens) }
            /// Of a key.
            var keyElements: Int { form.elements(of: headWidth) }
            /// Where the values begin.
            var values: Int { tokens * keyElements }
            var blockElements: Int { headWidth * Self.rowElements }
            /// Behind the values: the greatest squared length of a key.
            var greatest: Int { values + blocks * blockElements }
            /// With that, and as much room behind it as makes what follows begin where a panel does.
            var count: Int { (greatest + 1 + PackedPanels.width - 1) / PackedPanels.width * PackedPanels.width }
        }

        init(_ layout: Layout, at base: UnsafeMutablePointer<Float>) { (self.layout, self.base) = (layout, base) }

        func keys(ofBlock block: Int) -> UnsafePointer<Float> {
            UnsafePointer(base + block * layout.blockTokens * layout.keyElements)
        }

        func values(ofBlock block: Int) -> UnsafePointer<Float> {
            UnsafePointer(base + layout.values + block * layout.blockElements)
        }

        /// No number where a key has none.
        var greatestSquare: Float { base[layout.greatest] }

        func fill(_ memory: Memory, head: Int, kernels: kernel_set) {
            let offset = head * layout.headWidth
            let (keys, values) = (memory.keys + offset, memory.values + offset)
            base[layout.greatest] = kernels.greatest_square(keys, memory.stride, layout.tokens, layout.headWidth)
            if layout.form == .pairs {
                kernels.narrowRows(
                    keys, stride: memory.stride, to: base, targetStride: layout.keyElements, rows: layout.tokens,
                    width: layout.headWidth)
            } else {
                for token in 0..<layout.tokens {
                    (base + token * layout.keyElements).update(from: keys + token * memory.stride, count: layout.headWidth)
                }
            }
            for block in 0..<layout.blocks {
                fillValues(values + block * layout.blockTokens * memory.stride, stride: memory.stride, block, kernels: kernels)
            }
        }

        private func fillValues(_ values: UnsafePointer<Float>, stride: Int, _ block: Int, kernels: kernel_set) {
            let target = base + layout.values + block * layout.blockElements
            let (tokens, width) = (layout.tokens(ofBlock: block), layout.headWidth)
            if layout.form == .pairs {
                kernels.turn_pairs(values, stride, tokens, width, target, Layout.rowElements)
            } else {
                kernels.turn_rows(values, stride, tokens, width, 1, nil, target, Layout.rowElements)
            }
        }
    }
}
