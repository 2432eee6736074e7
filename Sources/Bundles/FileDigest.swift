package import Checkpoints
import Crypto

/// Digests of whole files.
package enum FileDigest {
    /// The SHA-256 of the bytes, in lower-case hexadecimal. Takes them a megabyte at a time.
    package static func sha256(of bytes: CheckpointBytes) -> String {
        var hasher = SHA256()
        let piece = 1 << 20
        for start in stride(from: 0, to: bytes.count, by: piece) {
            let range = start..<min(start + piece, bytes.count)
            bytes.withBytes(in: range) { hasher.update(bufferPointer: $0) }
            // A file of gigabytes would else stand in memory whole before anything of it is needed.
            bytes.leaveMemory(range)
        }
        return Hexadecimal.text(hasher.finalize())
    }

    /// The same of bytes that are no file.
    package static func sha256(of bytes: [UInt8]) -> String { Hexadecimal.text(SHA256.hash(data: bytes)) }

    /// The same of a text in UTF-8.
    static func sha256(of text: String) -> String { sha256(of: Array(text.utf8)) }
}
