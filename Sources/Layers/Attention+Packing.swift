import CKernels
import Compute

/// What attention over packed keys and values does in any precision.
extension Attention {
    /// Fewer tokens are not worth the packing.
    static let fewestPackedTokens = 32
    /// Rows of the kernels' tiles.
    static let tileRows = 14
    /// A head's keys and values up to this size stay in a core's cache: one thread packs them and answers all queries.
    private static let cachedElements = 64 << 10

    /// Packs the keys and values of each head, and answers its queries block by block.
    ///
    /// - Parameters:
    ///   - packedFloats: that a head's keys and values take.
    ///   - scratchFloats: that a thread needs for a block.
    ///   - pack: a head's keys; its values stand behind them by the width of all heads.
    ///   - attend: a block of a head's queries, with what was packed of it; where the answers go.
    func answer(
        _ projections: Tensor, blockRows: Int, packedFloats: Int, scratchFloats: Int, in workspace: Workspace,
        output: Tensor, pack: (_ keys: UnsafePointer<Float>, _ packed: UnsafeMutablePointer<Float>) -> Void,
        attend: (
            _ queries: UnsafePointer<Float>, _ rows: Int, _ packed: UnsafePointer<Float>,
            _ scratch: UnsafeMutablePointer<Float>, _ output: UnsafeMutablePointer<Float>
        ) -> Void
    ) {
        let tokens = projections.pixels
        let count = projections.batch * heads
        let blocks = (tokens + blockRows - 1) / blockRows
        let width = heads * headWidth
        func packHead(_ item: Int, to packed: UnsafeMutablePointer<Float>) {
            let (sample, head) = item.quotientAndRemainder(dividingBy: heads)
            pack(projections.sample(sample) + width + head * headWidth, packed)
        }
        func answerBlock(
            _ block: Int, of item: Int, _ packed: UnsafePointer<Float>, _ scratch: UnsafeMutablePointer<Float>
        ) {
            let (sample, head) = item.quotientAndRemainder(dividingBy: heads)
            let first = block * blockRows
            attend(
                projections.sample(sample) + first * 3 * width + head * headWidth, min(blockRows, tokens - first), packed,
                scratch, output.sample(sample) + first * width + head * headWidth)
        }
        if count >= 4 * workspace.team.size, packedFloats <= Self.cachedElements {
            let scratch = workspace.scratch(floats: packedFloats + scratchFloats)
            workspace.team.run(count) { item, thread in
                let packed = scratch[thread]
                packHead(item, to: packed)
                for block in 0..<blocks { answerBlock(block, of: item, packed, packed + packedFloats) }
            }
            return
        }
        let packed = workspace.tensor(batch: 1, width: count, channels: packedFloats)
        workspace.team.run(count) { item, _ in packHead(item, to: packed.base + item * packedFloats) }
        let scratch = workspace.scratch(floats: scratchFloats)
        workspace.team.run(count * blocks) { item, thread in
            let (head, block) = item.quotientAndRemainder(dividingBy: blocks)
            answerBlock(block, of: head, packed.base + head * packedFloats, scratch[thread])
        }
    }

    /// The products of a job's operands and packed panels, side by side.
    ///
    /// - Parameters:
    ///   - panel: floats of one.
    ///   - columns: of all panels together.
    static func multiply(
        _ job: inout kernel_panel, _ form: PackedPanels.Form, by panels: UnsafePointer<Float>, panel: Int, columns: Int,
        into output: UnsafeMutablePointer<Float>, kernels: kernel_set
    ) {
        for (index, first) in stride(from: 0, to: columns, by: PackedPanels.width).enumerated() {
            job.weights = panels + index * panel
            job.columns = min(PackedPanels.width, columns - first)
            job.output = output + first
            kernels.multiply(&job, form)
        }
    }
}
