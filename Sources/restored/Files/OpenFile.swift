import Glibc

/// Why a system call failed.
struct SystemFault: Error {
    let number: Int32

    /// The last call's.
    static var last: SystemFault { SystemFault(number: errno) }

    /// In the system's words: `No space left on device`.
    var reason: String { String(cString: strerror(number)) }
}

/// Owns an open file, or borrows one that the program was started with. Calls that are interrupted go on; a descriptor that
/// is not ready, because someone else made it so, is waited for.
struct OpenFile: ~Copyable {
    let descriptor: Int32
    private let isOwned: Bool

    /// - Parameter descriptor: which stays open.
    init(borrowing descriptor: Int32) {
        self.descriptor = descriptor
        isOwned = false
    }

    /// - Parameter flags: of `open`; `O_CLOEXEC` is added, and `O_NOCTTY`.
    init(_ path: FilePath, _ flags: Int32, mode: mode_t = 0) throws(SystemFault) {
        var number: Int32
        repeat {
            number = path.withCString { open($0, flags | O_CLOEXEC | O_NOCTTY, mode) }
        } while number < 0 && errno == EINTR
        guard number >= 0 else { throw .last }
        descriptor = number
        isOwned = true
    }

    deinit {
        if isOwned { close(descriptor) }
    }

    func status() throws(SystemFault) -> FileStatus {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .last }
        return FileStatus(status)
    }

    /// Writes all of the bytes.
    func write(_ bytes: [UInt8]) throws(SystemFault) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                let rest = UnsafeRawBufferPointer(rebasing: buffer.dropFirst(written))
                return Glibc.write(descriptor, rest.baseAddress, rest.count)
            }
            if count < 0 { try waitAfterFailure(for: POLLOUT) }
            written += max(0, count)
        }
    }

    /// Reads to the end, as long as `goesOn` wants more; it is asked after each piece.
    func read(reserving expected: Int = 0, while goesOn: ([UInt8]) -> Bool) throws(SystemFault) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(expected)
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = piece.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count < 0 { try waitAfterFailure(for: POLLIN) }
            guard count != 0 else { return bytes }
            guard count > 0 else { continue }
            bytes += piece[..<count]
            guard goesOn(bytes) else { return bytes }
        }
    }

    private func waitAfterFailure(for events: Int32) throws(SystemFault) {
        switch errno {
        case EINTR: return
        case EAGAIN:
            var place = pollfd(fd: descriptor, events: Int16(events), revents: 0)
            _ = poll(&place, 1, -1)
        default: throw .last
        }
    }

    /// Waits until the file is on its disk, where it is one that can be.
    func synchronise() throws(SystemFault) {
        guard fsync(descriptor) != 0 else { return }
        guard [EINVAL, ENOTSUP, EROFS, EINTR].contains(errno) else { throw .last }
    }
}
