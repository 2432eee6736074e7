import Glibc

/// Memory for activations: 64-byte aligned fp32 buffers that are handed out again instead of being returned to the
/// system, since fresh pages cost more than the layers that fill them.
///
/// Belongs to one `Workspace` and is used by one thread at a time.
package final class BufferPool {
    /// Bytes handed out now.
    package private(set) var liveBytes = 0
    /// The most that was handed out at once since the last `resetPeak()`.
    package private(set) var peakBytes = 0
    private var idleBytes = 0
    /// What may be held in all, unless more is in use.
    private var ceiling = Int.max
    private var idle: [UnsafeMutableRawBufferPointer] = []

    private static let pageBytes = Int(sysconf(Int32(_SC_PAGESIZE)))

    package init() {}

    deinit {
        trim()
    }

    package func resetPeak() {
        peakBytes = liveBytes
    }

    /// Keeps idle buffers only as far as all together stay within a number of bytes, until told otherwise.
    package func limit(to bytes: Int) {
        ceiling = bytes
        makeRoom(for: 0)
    }

    /// Returns idle buffers to the system.
    package func trim() {
        for buffer in idle { Self.free(buffer) }
        idle.removeAll()
        idleBytes = 0
    }

    func take(floats: Int) -> UnsafeMutableRawBufferPointer {
        let needed = max(64, floats * MemoryLayout<Float>.stride)
        let buffer = takeIdle(needed) ?? allocate(needed)
        liveBytes += buffer.count
        peakBytes = max(peakBytes, liveBytes)
        return buffer
    }

    func giveBack(_ buffer: UnsafeMutableRawBufferPointer) {
        liveBytes -= buffer.count
        idle.append(buffer)
        idleBytes += buffer.count
    }

    /// The smallest idle buffer that fits without wasting more than a quarter.
    private func takeIdle(_ needed: Int) -> UnsafeMutableRawBufferPointer? {
        var best: Int?
        for (index, buffer) in idle.enumerated() where buffer.count >= needed && buffer.count - needed <= needed / 4 {
            if best.map({ buffer.count < idle[$0].count }) ?? true { best = index }
        }
        guard let best else { return nil }
        let buffer = idle.remove(at: best)
        idleBytes -= buffer.count
        return buffer
    }

    /// Keeps what is held within the peak: idle buffers of sizes no longer asked for make room for the new one.
    private func allocate(_ bytes: Int) -> UnsafeMutableRawBufferPointer {
        makeRoom(for: bytes)
        return .allocate(byteCount: bytes, alignment: bytes < Self.pageBytes ? 64 : Self.pageBytes)
    }

    /// Gives its pages back first: malloc keeps freed blocks as long as anything behind them lives. With shapes in turn
    /// that were 30 MiB beyond what pools held.
    private static func free(_ buffer: UnsafeMutableRawBufferPointer) {
        let wholePages = buffer.count / pageBytes * pageBytes
        if wholePages > 0 { madvise(buffer.baseAddress, wholePages, MADV_DONTNEED) }
        buffer.deallocate()
    }

    private func makeRoom(for bytes: Int) {
        while !idle.isEmpty, liveBytes + idleBytes + bytes > min(peakBytes, ceiling) {
            let oldest = idle.removeFirst()
            idleBytes -= oldest.count
            Self.free(oldest)
        }
    }
}
