import CKernels
package import Checkpoints
package import Compute

/// Scaled dot-product attention whose scores never exist whole: a panel of queries meets the keys block by block, a block's scores
/// become numerators of the softmax while they are in registers, and these are the weights that the block's values are multiplied
/// by. Queries may come from other tokens than keys and values.
package struct BlockedAttention: Sendable {
    package let heads: Int
    package let headWidth: Int
    /// Of the products; sums and what is made of them stay fp32.
    package let precision: Precision

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

    package init(heads: Int, headWidth: Int, precision: Precision = .fp32) {
        self.heads = heads
        self.headWidth = headWidth
        self.precision = precision
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
        let tokens = memories.reduce(0) { $0 + $1.count }
        let work = OperationMeter.Layer(
            "attention \(width)", of: output, multiplyAdds: 2 * queries.pixels * width * tokens)
        workspace.metered(work) { answer(queries, memories, output: output, in: workspace) }
        return output
    }

    /// Packed keys and values up to this size, in 32-bit elements, stay in a core's cache: one thread packs a head's and answers
    /// all queries, where there are enough heads.
    private static let cachedElements = 64 << 10

    private func answer(_ queries: Tensor, _ memories: [Memory], output: Tensor, in workspace: Workspace) {
        let (team, kernels) = (workspace.team, workspace.kernels)
        let panels = (queries.pixels + PackedPanels.width - 1) / PackedPanels.width
        let most = PackedMemory.Layout(self, tokens: memories.map(\.count).max() ?? 1)
        let work = PanelScratch.count(self)
        func pack(_ item: Int, to base: UnsafeMutablePointer<Float>) -> PackedMemory {
            let (sample, head) = item.quotientAndRemainder(dividingBy: heads)
            let packed = packed(item, at: base)
            packed.fill(memories[sample], head: head, kernels: kernels)
            return packed
        }
        func packed(_ item: Int, at base: UnsafeMutablePointer<Float>) -> PackedMemory {
            PackedMemory(PackedMemory.Layout(self, tokens: memories[item / heads].count), at: base)
        }
        func answer(_ panel: Int, of item: Int, _ packed: PackedMemory, _ scratch: UnsafeMutablePointer<Float>) {
            let (sample, head) = item.quotientAndRemainder(dividingBy: heads)
            let first = panel * PackedPanels.width
            let count = min(PackedPanels.width, queries.pixels - first)
            let source = queries.sample(sample) + first * queries.channels + head * headWidth
            let target = output.sample(sample) + first * output.channels + head * headWidth
            var answer = QueryPanel(self, memory: packed, scratch: PanelScratch(self, at: scratch), kernels: kernels)
            answer.take(source, stride: queries.channels, count: count)
            // Where the answers go, and the queries that this thread or another will take next.
            kernel_prefetch_rows(target, output.channels, count, headWidth)
            let following = min(PackedPanels.width, queries.pixels - first - count)
            kernel_prefetch_rows(source + count * queries.channels, queries.channels, following, headWidth)
            answer.meetMemory()
            answer.store(to: target, stride: output.channels)
        }
        let count = queries.batch * heads
        if count >= 4 * team.size, most.count <= Self.cachedElements {
            let scratch = workspace.scratch(floats: most.count + work)
            team.run(count) { item, thread in
                let packed = pack(item, to: scratch[thread])
                for panel in 0..<panels { answer(panel, of: item, packed, scratch[thread] + most.count) }
            }
            return
        }
        let memory = workspace.tensor(batch: 1, width: count, channels: most.count)
        team.run(count) { item, _ in _ = pack(item, to: memory.base + item * most.count) }
        let scratch = workspace.scratch(floats: work)
        team.run(count * panels) { place, thread in
            let (item, panel) = place.quotientAndRemainder(dividingBy: panels)
            answer(panel, of: item, packed(item, at: memory.base + item * most.count), scratch[thread])
        }
    }
}
