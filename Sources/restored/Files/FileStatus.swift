import Glibc

/// What there is at a path.
struct FileStatus {
    /// One file, whatever it is called.
    struct Identity: Hashable {
        let device: UInt64
        let number: UInt64
    }

    enum Kind {
        case regular, folder, link
        /// A pipe, a device or a terminal.
        case stream
        case socket
    }

    let kind: Kind
    let identity: Identity
    /// In bytes; of no meaning but for regular files.
    let size: Int
    /// Permissions, with the bits for set-user-id and the like.
    let mode: mode_t
    let user: uid_t
    let group: gid_t

    init(_ status: stat) {
        kind =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .regular
            case S_IFDIR: .folder
            case S_IFLNK: .link
            case S_IFSOCK: .socket
            default: .stream
            }
        identity = Identity(device: UInt64(status.st_dev), number: UInt64(status.st_ino))
        size = Int(status.st_size)
        mode = status.st_mode & 0o7777
        (user, group) = (status.st_uid, status.st_gid)
    }

    /// What a path leads to, links followed; nil where there is nothing.
    static func following(_ path: FilePath) throws(SystemFault) -> FileStatus? {
        try read { status in path.withCString { stat($0, &status) } }
    }

    /// What is at a path, a link itself where it is one; nil where there is nothing.
    static func of(_ path: FilePath) throws(SystemFault) -> FileStatus? {
        try read { status in path.withCString { lstat($0, &status) } }
    }

    private static func read(_ call: (inout stat) -> Int32) throws(SystemFault) -> FileStatus? {
        var status = stat()
        if call(&status) == 0 { return FileStatus(status) }
        guard errno == ENOENT else { throw .last }
        return nil
    }
}
