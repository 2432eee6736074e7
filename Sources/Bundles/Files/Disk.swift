import CSystem
import Checkpoints
import Glibc

/// What fetching and converting ask of the file system. Whatever is written is on the disk before it gets its final name.
enum Disk {
    /// Why a call failed, in the system's words, and where.
    static func failure(_ path: String) -> FetchError { .system(path: path, reason: String(cString: strerror(errno))) }

    static func exists(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    /// Bytes of a regular file; nil where there is none.
    static func size(of path: String) -> Int? {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int(status.st_size)
    }

    /// Bytes that are free for this process where a folder is; nil where that isn't known.
    static func freeBytes(at folder: String) -> Int? {
        var status = statvfs()
        guard statvfs(folder, &status) == 0 else { return nil }
        let (bytes, overflow) = UInt(status.f_bavail).multipliedReportingOverflow(by: UInt(status.f_frsize))
        return overflow ? Int.max : Int(clamping: bytes)
    }

    /// Makes a folder and those above it.
    static func makeFolders(_ path: String) throws(FetchError) {
        guard mkdir(path, 0o777) != 0, errno != EEXIST else { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else { throw failure(path) }
        try makeFolders(String(path[..<slash]))
        guard mkdir(path, 0o777) == 0 || errno == EEXIST else { throw failure(path) }
    }

    /// Makes a file, or replaces it at once.
    static func write(_ bytes: [UInt8], to path: String) throws(FetchError) {
        let temporary = path + ".new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw failure(temporary) }
        let isWritten = bytes.withUnsafeBytes { writeAll($0, to: descriptor) } && fsync(descriptor) == 0
        let error = failure(temporary)
        close(descriptor)
        guard isWritten else {
            unlink(temporary)
            throw error
        }
        try move(temporary, to: path)
    }

    /// - Returns: false, with the reason in `errno`, where the system would not take everything.
    static func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Bool {
        var done = 0
        while done < bytes.count {
            let written = Glibc.write(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done)
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { return false }
            done += written
        }
        return true
    }

    /// Renames within a folder, which is on the disk then.
    static func move(_ path: String, to other: String) throws(FetchError) {
        guard rename(path, other) == 0 else { throw failure(other) }
        try synchronise(parent(of: other))
    }

    /// Puts a folder where another is, or nothing, at once. What was there before is where the new one was then.
    ///
    /// - Returns: whether something was there.
    static func exchange(_ path: String, with other: String) throws(FetchError) -> Bool {
        let isReplacing = exists(other)
        if isReplacing {
            if renameat2(AT_FDCWD, path, AT_FDCWD, other, exchangeFlag) != 0 {
                guard [EINVAL, ENOSYS].contains(errno) else { throw failure(other) }
                // A file system that can't: for a moment there is none. `restore` mends what a crash leaves then.
                let former = hidden(other, ending: formerEnding)
                guard rename(other, former) == 0, rename(path, other) == 0, rename(former, path) == 0 else {
                    throw failure(other)
                }
            }
        } else if rename(path, other) != 0 {
            throw failure(other)
        }
        try synchronise(parent(of: other))
        return isReplacing
    }

    /// Brings back what an exchange that was cut short has moved out of the way.
    static func restore(_ path: String) {
        if !exists(path) { rename(hidden(path, ending: formerEnding), path) }
    }

    private static let exchangeFlag: UInt32 = 2  // RENAME_EXCHANGE, which Swift's Glibc doesn't show
    private static let formerEnding = ".former"

    /// Removes a file or link, or a folder and what is in it. Links are not followed. What is gone already is no error.
    static func remove(_ path: String) throws(FetchError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            guard unlink(path) == 0 || errno == ENOENT else { throw failure(path) }
            return
        }
        for name in DirectoryListing.names(in: path) { try remove(path + "/" + name) }
        guard rmdir(path) == 0 || errno == ENOENT else { throw failure(path) }
    }

    /// Makes a file of the same bytes, or replaces one.
    static func copy(_ path: String, to other: String) throws(FetchError) {
        let source = open(path, O_RDONLY | O_CLOEXEC)
        guard source >= 0 else { throw failure(path) }
        defer { close(source) }
        let temporary = other + ".new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o666)
        guard descriptor >= 0 else { throw failure(temporary) }
        let isWritten = copyAll(from: source, to: descriptor) && fsync(descriptor) == 0
        let error = failure(temporary)
        close(descriptor)
        guard isWritten else {
            unlink(temporary)
            throw error
        }
        try move(temporary, to: other)
    }

    /// Gives a file another name beside its own; where that can't be, as between file systems, makes one of the same bytes.
    static func link(_ path: String, to other: String) throws(FetchError) {
        var status = stat()
        // Of a link to a file the file itself is meant.
        let isFile = lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
        if !isFile || Glibc.link(path, other) != 0 { try copy(path, to: other) }
    }

    /// Whether both are files of the same bytes.
    static func areSame(_ path: String, _ other: String) throws(FetchError) -> Bool {
        guard let size = size(of: path), size == Self.size(of: other) else { return false }
        guard size > 0 else { return true }
        guard let one = try? CheckpointBytes(contentsOf: path), let two = try? CheckpointBytes(contentsOf: other) else {
            return false
        }
        return one.withBytes(in: 0..<size) { left in
            two.withBytes(in: 0..<min(size, two.count)) { right in
                guard right.count == size, let left = left.baseAddress, let right = right.baseAddress else { return false }
                return memcmp(left, right, size) == 0
            }
        }
    }

    private static func copyAll(from source: Int32, to descriptor: Int32) -> Bool {
        var piece = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = piece.withUnsafeMutableBytes { Glibc.read(source, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return count == 0 }
            let isWritten = piece.withUnsafeBytes {
                writeAll(UnsafeRawBufferPointer(rebasing: $0.prefix(count)), to: descriptor)
            }
            guard isWritten else { return false }
        }
    }

    /// Waits until a file, or the names in a folder, are on the disk.
    static func synchronise(_ path: String) throws(FetchError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(path) }
        defer { close(descriptor) }
        guard fsync(descriptor) != 0 else { return }
        // File systems that have no such thing for folders.
        guard [EINVAL, ENOTSUP, EROFS, EINTR].contains(errno) else { throw failure(path) }
    }

    /// A place beside a folder for what is on its way to it. It begins with a dot, so that nobody takes it for a bundle.
    static func hidden(_ path: String, ending: String) -> String {
        let name = path.split(separator: "/").last ?? ""
        let parent = parent(of: path)
        return (parent == "/" ? "/." : parent + "/.") + name + ending
    }

    /// Without links and dots on the way; of a place that isn't there yet as it is, without the slashes at its end.
    static func realPath(_ path: String) throws(FetchError) -> String {
        if let found = realpath(path, nil) {
            defer { free(found) }
            return String(cString: found)
        }
        guard errno == ENOENT else { throw failure(path) }
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        return path
    }

    static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// The whole of a small file; nil where it can't be read or has more bytes.
    static func read(_ path: String, upTo limit: Int) -> [UInt8]? {
        guard let size = size(of: path), size <= limit else { return nil }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: size)
        var done = 0
        while done < size {
            let count = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress.map { $0 + done }, size - done) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return nil }
            done += count
        }
        return bytes
    }
}
