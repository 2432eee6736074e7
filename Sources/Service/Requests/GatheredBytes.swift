/// Bytes that come in pieces and are wanted in one: copied into blocks, and once more into the whole. An array that
/// grows would move them again and again, and be up to twice as large as what it holds.
package struct GatheredBytes: Sendable {
    /// Bytes of a block, but for bodies that are declared to be shorter.
    package static let longestBlock = 262_144

    private let blockSize: Int
    private var blocks: [[UInt8]] = []
    package private(set) var count = 0
    /// Bytes moved so far, at most two for each that was appended.
    package private(set) var copiedCount = 0

    /// - Parameter expected: how many bytes come at most, where that is known.
    package init(expected: Int? = nil) {
        blockSize = min(max(expected ?? Self.longestBlock, 1024), Self.longestBlock)
    }

    /// The first block.
    package var beginning: [UInt8] { blocks.first ?? [] }

    /// Bytes of memory that the blocks take.
    package var capacity: Int { blocks.count * blockSize }

    /// Bytes of memory that appending so many bytes takes.
    package func growth(for count: Int) -> Int {
        (self.count + count + blockSize - 1) / blockSize * blockSize - capacity
    }

    package mutating func append(_ piece: ArraySlice<UInt8>) {
        var rest = piece
        while !rest.isEmpty {
            if count == capacity {
                blocks.append([])
                blocks[blocks.count - 1].reserveCapacity(blockSize)
            }
            let fitting = rest.prefix(capacity - count)
            blocks[blocks.count - 1] += fitting
            count += fitting.count
            copiedCount += fitting.count
            rest = rest.dropFirst(fitting.count)
        }
    }

    /// Bytes of memory that `join` takes beside the blocks.
    package var joiningCapacity: Int { blocks.count > 1 ? count : 0 }

    /// All bytes in one piece. The blocks are gone after it.
    package mutating func join() -> [UInt8] {
        var whole = blocks.first ?? []
        if blocks.count > 1 {
            whole = []
            whole.reserveCapacity(count)
            for block in blocks { whole += block }
            copiedCount += count
        }
        blocks = []
        return whole
    }
}
