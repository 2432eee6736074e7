import Glibc

/// Where a result goes. Symbolic links are followed: they stay, and what they lead to is written.
enum OutputPlace: Sendable {
    /// Standard output, or another descriptor that the program was started with.
    case descriptor(Int32)
    /// A pipe or device: opened when there is something to write, and written through.
    case stream(FilePath)
    /// A file that is made, or replaced at once when the new one is whole.
    case file(FilePath)

    /// Links that are followed in a row, as by the system itself.
    private static let linkLimit = 40

    /// - Throws: `CommandFailure`: output, where nothing can be written there.
    init(_ path: FilePath) throws(CommandFailure) {
        do throws(SystemFault) {
            self = try Self.place(path)
            try checkAccess()
        } catch {
            throw CommandFailure(.inputOutput, "\(path): \(error.reason)")
        }
    }

    /// Whether a result goes to a pipe, a device or a descriptor, which need no ending to their name.
    static func isStream(_ path: FilePath) -> Bool {
        switch try? place(path) {
        case .descriptor, .stream: true
        case .file, nil: false
        }
    }

    /// Whether it is the program's standard output.
    static func isStandardOutput(_ path: FilePath) -> Bool {
        if case .descriptor(STDOUT_FILENO) = try? place(path) { true } else { false }
    }

    /// Whether it is a folder that is there.
    static func isFolder(_ path: FilePath) -> Bool { status(path)?.kind == .folder }

    /// Whether nothing is there yet.
    static func isFree(_ path: FilePath) -> Bool {
        // Nil where it is not known, as below a file that is no folder.
        if case .some(.none) = try? FileStatus.following(path) { true } else { false }
    }

    /// The file on disk that is there, or that a descriptor leads to; nil for all else.
    static func identity(_ path: FilePath) -> FileStatus.Identity? {
        let status = path.isStandardStream ? try? OpenFile(borrowing: STDOUT_FILENO).status() : status(path)
        return status?.kind == .regular ? status?.identity : nil
    }

    private static func status(_ path: FilePath) -> FileStatus? { (try? FileStatus.following(path)) ?? nil }

    /// - Throws: `CommandFailure`: output.
    static func makeFolder(_ path: FilePath) throws(CommandFailure) {
        guard !isFolder(path), path.withCString({ mkdir($0, 0o777) }) != 0 else { return }
        throw CommandFailure(.inputOutput, "\(path): \(SystemFault.last.reason)")
    }

    private static func place(_ path: FilePath) throws(SystemFault) -> OutputPlace {
        if path.isStandardStream { return .descriptor(STDOUT_FILENO) }
        var end = path
        for _ in 0...linkLimit {
            if let number = end.descriptorNumber { return .descriptor(number) }
            guard let status = try FileStatus.of(end) else {
                // A descriptor of another process, or a file that was removed, is there and has no name.
                return try FileStatus.following(path) == nil ? .file(end) : .stream(path)
            }
            switch status.kind {
            case .link: end = end.sibling(try end.linkTarget())
            case .regular: return .file(end)
            case .stream: return .stream(end)
            case .folder: throw SystemFault(number: EISDIR)
            case .socket: throw SystemFault(number: ENXIO)
            }
        }
        throw SystemFault(number: ELOOP)
    }

    /// Told before any work is done for nothing.
    private func checkAccess() throws(SystemFault) {
        switch self {
        case .descriptor(let number):
            let flags = fcntl(number, F_GETFL)
            guard flags >= 0 else { throw .last }
            guard flags & O_ACCMODE != O_RDONLY else { throw SystemFault(number: EBADF) }
        case .stream(let path): try path.checkAccess(W_OK)
        case .file(let path):
            if try FileStatus.of(path) != nil { try path.checkAccess(W_OK) }
            try path.folder.checkAccess(W_OK | X_OK)
        }
    }

    /// - Throws: `SystemFault`. Of a file, what was there before is there still, and nothing else.
    func write(_ bytes: [UInt8]) throws(SystemFault) {
        switch self {
        case .descriptor(let number): try OpenFile(borrowing: number).write(bytes)
        case .stream(let path): try OpenFile(path, O_WRONLY | O_TRUNC).write(bytes)
        case .file(let path): try FileReplacement.write(bytes, to: path)
        }
    }
}

extension FilePath {
    fileprivate func checkAccess(_ access: Int32) throws(SystemFault) {
        guard withCString({ faccessat(AT_FDCWD, $0, access, AT_EACCESS) }) == 0 else { throw .last }
    }

    fileprivate func linkTarget() throws(SystemFault) -> [UInt8] {
        var target = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = withCString { readlink($0, &target, target.count) }
        guard count >= 0 else { throw .last }
        return target[..<count].map(UInt8.init(bitPattern:))
    }
}
