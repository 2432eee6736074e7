import Glibc

/// Memory for activations: 64-byte aligned fp32 buffers out of one range of addresses, whose pages are kept from one evaluation
/// to the next, since fresh pages cost more than the layers that fill them.
///
/// Belongs to one `Workspace` and is used by one thread at a time.
package final class BufferPool {
    /// Bytes handed out now.
    package private(set) var liveBytes = 0
    /// The most bytes from the first in use to the last, gaps between buffers included, since the last `resetPeak()`: what an
    /// evaluation needs.
    package private(set) var peakBytes = 0

    private let range: AddressRange?
    private var free = FreeList()
    /// Where pages may be kept, from the beginning.
    private var keptBytes = 0

    /// Addresses, of which there are more than a machine has memory: a workspace never moves, and never grows by pieces.
    private static let mostAddresses = 1 << 36
    private static let leastAddresses = 1 << 26
    private static let alignment = 64

    package init() {
        range = AddressRange(most: Self.mostAddresses, least: Self.leastAddresses)
    }

    package func resetPeak() {
        peakBytes = free.end
    }

    /// Gives back pages beyond a number of bytes, as far as nothing in use lies there.
    package func limit(to bytes: Int) {
        discard(beyond: bytes)
    }

    /// Gives back all pages that lie behind what is in use.
    package func trim() {
        discard(beyond: 0)
    }

    private func discard(beyond bytes: Int) {
        let start = max(bytes, free.end)
        guard start < keptBytes else { return }
        range?.discard(start..<keptBytes)
        keptBytes = start
    }

    func take(floats: Int) -> UnsafeMutableRawBufferPointer {
        let count = max(Self.alignment, floats * MemoryLayout<Float>.stride)
        liveBytes += count
        let whole = Self.aligned(count)
        guard let range, whole <= range.byteCount - free.end else {
            peakBytes = max(peakBytes, free.end + liveBytes)
            return .allocate(byteCount: count, alignment: Self.alignment)
        }
        let offset = free.take(whole)
        keptBytes = max(keptBytes, free.end)
        peakBytes = max(peakBytes, free.end)
        return UnsafeMutableRawBufferPointer(start: range.base + offset, count: count)
    }

    func giveBack(_ buffer: UnsafeMutableRawBufferPointer) {
        liveBytes -= buffer.count
        guard let range, let start = buffer.baseAddress, start >= range.base,
            start < range.base + range.byteCount
        else { return buffer.deallocate() }
        let offset = start - range.base
        free.giveBack(offset..<offset + Self.aligned(buffer.count))
    }

    private static func aligned(_ count: Int) -> Int { (count + alignment - 1) / alignment * alignment }
}
