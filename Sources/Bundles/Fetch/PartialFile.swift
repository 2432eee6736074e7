import Checkpoints
import FoundationEssentials
import Glibc

/// A file on its way: `NAME.part`, and `NAME.part.json`, which says what it is a part of. Owns the file while it is open.
///
/// What is said is written before the bytes are, and the bytes of another version are gone before another is named: whenever
/// the process ends, the two fit.
struct PartialFile: ~Copyable {
    /// Which version of which file this is the beginning of.
    struct Origin: Codable, Equatable {
        /// That was asked first.
        var address: String
        /// Of the answer, whoever gave it in the end.
        var entityTag: String?
        var lastModified: String?
        /// The hub's word.
        var linkedDigest: String?
        /// Bytes of the whole file, where that is known.
        var total: Int?

        /// What asks a server for the rest of this version only (RFC 9110, section 13.1.5).
        var condition: String? { entityTag ?? lastModified }
    }

    /// Bytes of the file that says so.
    private static let originLimit = 64 << 10

    let path: String
    private let descriptor: Int32
    private(set) var size: Int
    /// Nil where nothing has come.
    private(set) var origin: Origin?
    /// Whether its bytes came by more than one answer.
    private(set) var isPatched: Bool

    private var originPath: String { path + ".json" }

    /// Opens what an earlier attempt has left, or begins.
    init(_ path: String) throws(FetchError) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o666)
        guard descriptor >= 0 else { throw Disk.failure(path) }
        self.path = path
        self.descriptor = descriptor
        let bytes = Disk.read(path + ".json", upTo: Self.originLimit)
        origin = bytes.flatMap { try? JSONDecoder().decode(Origin.self, from: Data($0)) }
        size = Disk.size(of: path) ?? 0
        isPatched = size > 0
        // Of what it is a part nobody knows.
        if origin == nil, size > 0 {
            ftruncate(descriptor, 0)
            (size, isPatched) = (0, false)
        }
    }

    deinit { close(descriptor) }

    /// Throws away what has come.
    mutating func discard() throws(FetchError) {
        guard ftruncate(descriptor, 0) == 0, lseek(descriptor, 0, SEEK_SET) == 0 else { throw Disk.failure(path) }
        (size, origin, isPatched) = (0, nil, false)
    }

    /// From here on bytes of this version come, from its first one on.
    mutating func begin(_ origin: Origin) throws(FetchError) {
        try discard()
        try Disk.write(JSON.bytes(origin), to: originPath)
        self.origin = origin
    }

    /// From here on the rest of it comes.
    mutating func goOn() throws(FetchError) {
        guard lseek(descriptor, off_t(size), SEEK_SET) >= 0 else { throw Disk.failure(path) }
        isPatched = true
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) throws(FetchError) {
        guard Disk.writeAll(bytes, to: descriptor) else { throw Disk.failure(path) }
        size += bytes.count
    }

    /// Gives the whole file its name; then it is on the disk.
    mutating func complete(as name: String) throws(FetchError) {
        guard fsync(descriptor) == 0 else { throw Disk.failure(path) }
        try Disk.move(path, to: name)
        unlink(originPath)
    }
}
