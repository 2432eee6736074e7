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
    ///   - pack: a head, counted through all samples.
    ///   - attend: a block of a head's queries, with what was packed of it.
    func answer(
        _ projections: Tensor, blockRows: Int, packedFloats: Int, scratchFloats: Int, in workspace: Workspace,
        pack: (_ item: Int, _ packed: UnsafeMutablePointer<Float>) -> Void,
        attend: (
            _ rows: Range<Int>, _ item: Int, _ packed: UnsafePointer<Float>, _ scratch: UnsafeMutablePointer<Float>
        ) -> Void
    ) {
        let tokens = projections.pixels
        let count = projections.batch * heads
        let blocks = (tokens + blockRows - 1) / blockRows
        func rows(of block: Int) -> Range<Int> { block * blockRows..<min(tokens, (block + 1) * blockRows) }
        if count >= 4 * workspace.team.size, packedFloats <= Self.cachedElements {
            let scratch = workspace.scratch(floats: packedFloats + scratchFloats)
            workspace.team.run(count) { item, thread in
                let packed = scratch[thread]
                pack(item, packed)
                for block in 0..<blocks { attend(rows(of: block), item, packed, packed + packedFloats) }
            }
            return
        }
        let packed = workspace.tensor(batch: 1, width: count, channels: packedFloats)
        workspace.team.run(count) { item, _ in pack(item, packed.base + item * packedFloats) }
        let scratch = workspace.scratch(floats: scratchFloats)
        workspace.team.run(count * blocks) { item, thread in
            let (head, block) = item.quotientAndRemainder(dividingBy: blocks)
            attend(rows(of: block), head, packed.base + head * packedFloats, scratch[thread])
        }
    }
}
