/// What a checkpoint may ask of its reader. Real files of this project's kind stay far below each; a file that goes
/// past one is refused before anything is allocated for it.
package enum CheckpointLimits {
    /// Bytes of a safetensors header (the format's own limit).
    package static let headerBytes = 100_000_000
    /// Bytes of an archive's `data.pkl`.
    package static let pickleBytes = 64 << 20
    /// Bytes of one name or other string.
    package static let textBytes = 64 << 10
    /// Values and marks on the pickle's stack.
    package static let stackDepth = 10_000
    /// Values that a pickle keeps to refer to again.
    package static let memoEntries = 131_072
    /// Dimensions of a tensor.
    package static let rank = 32
    /// Tensors of a file, and entries of an archive.
    package static let tensors = 16_384
    /// Bytes that names, shapes and pickled values may take together in memory. The numbers themselves stay in the
    /// mapped file, so this bounds what reading a hostile file allocates.
    package static let bookkeepingBytes = 8 << 20
}

/// Counts down the memory that listing a checkpoint takes.
struct ParsingBudget {
    private(set) var remaining = CheckpointLimits.bookkeepingBytes

    /// - Throws: `overLimit` when the budget is spent.
    mutating func charge(_ bytes: Int) throws(CheckpointError) {
        guard bytes <= remaining else {
            throw .overLimit("bytes of names, shapes and pickled values", limit: CheckpointLimits.bookkeepingBytes)
        }
        remaining -= bytes
    }
}
