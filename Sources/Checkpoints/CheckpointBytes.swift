import Glibc

/// The bytes of a checkpoint, mapped from a file or held in memory. Read-only, and the one owner of the memory: who
/// keeps tensors of the file keeps this object.
///
/// The file must not be shortened while it is mapped (the kernel would end the process with SIGBUS on the next look
/// at what is gone); replace weight files by renaming.
///
/// Sendable because nothing ever writes to the memory after `init`, and it lives as long as the object.
package final class CheckpointBytes: @unchecked Sendable {
    package let count: Int
    private let base: UnsafeRawPointer
    private let isMapped: Bool

    /// Maps a regular file.
    ///
    /// - Throws: `unreadable` with the system's reason, also for folders, pipes and devices; `unrecognised` for an
    ///   empty file.
    package init(contentsOf path: String) throws(CheckpointError) {
        // Not blocking: opening a pipe that nobody writes to would wait for ever.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .unreadable(String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .unreadable(String(cString: strerror(errno))) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .unreadable("not a regular file") }
        guard status.st_size > 0 else { throw .unrecognised("an empty file") }
        guard let address = mmap(nil, status.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0), address != MAP_FAILED
        else { throw .unreadable(String(cString: strerror(errno))) }
        base = UnsafeRawPointer(address)
        count = status.st_size
        isMapped = true
    }

    /// Holds a copy.
    package init(_ bytes: [UInt8]) {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(bytes.count, 1), alignment: 64)
        memory.copyBytes(from: bytes)
        base = UnsafeRawPointer(memory.baseAddress.unsafelyUnwrapped)
        count = bytes.count
        isMapped = false
    }

    deinit {
        let memory = UnsafeMutableRawPointer(mutating: base)
        if isMapped { munmap(memory, count) } else { memory.deallocate() }
    }

    /// Nil past the end.
    func byte(at offset: Int) -> UInt8? {
        offset >= 0 && offset < count ? base.load(fromByteOffset: offset, as: UInt8.self) : nil
    }

    /// An integer stored with its lowest byte first; nil where it would reach past the end.
    func littleEndian<Integer: FixedWidthInteger & BitwiseCopyable>(_ type: Integer.Type, at offset: Int) -> Integer? {
        let size = MemoryLayout<Integer>.size
        guard offset >= 0, count >= size, offset <= count - size else { return nil }
        return Integer(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: Integer.self))
    }

    /// Text in UTF-8; nil where it isn't, or reaches past the end.
    func text(in range: Range<Int>) -> String? {
        guard range.lowerBound >= 0, range.upperBound <= count else { return nil }
        return withBytes(in: range) { String(validating: $0, as: UTF8.self) }
    }

    /// Says that a range won't be looked at again soon: the pages of a mapped file that lie in it as a whole leave this
    /// process's memory, and come back from the file where they are looked at after all.
    ///
    /// - Precondition: the range is within the bytes.
    package func leaveMemory(_ range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        guard isMapped else { return }
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let (start, end) = ((range.lowerBound + page - 1) / page * page, range.upperBound / page * page)
        if start < end { madvise(UnsafeMutableRawPointer(mutating: base + start), end - start, MADV_DONTNEED) }
    }

    /// - Precondition: the range is within the bytes.
    package func withBytes<R>(in range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        return try withExtendedLifetime(self) {
            try body(UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count))
        }
    }
}
