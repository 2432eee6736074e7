import Checkpoints
import Glibc

/// A file at hand that stands for one of the catalogue's.
struct LocalFile {
    let path: String
    let name: String
    let digest: FetchSource.ExpectedDigest?

    /// Copies it, once it is known to be the right one.
    func copy(into folder: String) throws(FetchError) -> FetchedFile {
        let bytes: CheckpointBytes
        do throws(CheckpointError) {
            bytes = try CheckpointBytes(contentsOf: path)
        } catch {
            throw .system(path: path, reason: error.description)
        }
        let found = FileDigest.sha256(of: bytes)
        if let digest, digest.sha256 != found {
            throw .wrongDigest(file: path, expected: digest.sha256, found: found, source: digest.source)
        }
        let target = folder + "/" + name
        let descriptor = open(target + ".part", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o666)
        guard descriptor >= 0 else { throw Disk.failure(target) }
        let isWritten = bytes.withBytes(in: 0..<bytes.count) { Disk.writeAll($0, to: descriptor) } && fsync(descriptor) == 0
        let error = Disk.failure(target)
        close(descriptor)
        guard isWritten else {
            unlink(target + ".part")
            throw error
        }
        try Disk.move(target + ".part", to: target)
        return FetchedFile(
            file: name, address: "file:" + path, bytes: bytes.count, sha256: found, digestBy: digest?.source ?? .firstUse)
    }
}
