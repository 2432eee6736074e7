import Checkpoints

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
            throw .unreadable(path: path, reason: error.description)
        }
        let found = FileDigest.sha256(of: bytes)
        if let digest, digest.sha256 != found {
            throw .wrongDigest(file: path, expected: digest.sha256, found: found, source: digest.source)
        }
        try Disk.copy(path, to: folder + "/" + name)
        return FetchedFile(
            file: name, address: "file:" + path, bytes: bytes.count, sha256: found, digestBy: digest?.source ?? .firstUse)
    }
}
