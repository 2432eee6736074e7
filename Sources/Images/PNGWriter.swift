import CSystem

/// Chunks of a PNG as bytes, and the parts of them.
enum PNGWriter {
    /// A chunk with its length and checksum.
    static func chunk(_ type: PNGChunkType, _ payload: [UInt8]) -> [UInt8] {
        let summed = type.letters + payload
        let sum = summed.withUnsafeBytes { ByteView($0).checksum }
        return bigEndian32(payload.count) + summed + bigEndian32(sum)
    }

    static func bigEndian32(_ value: Int) -> [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) } }

    /// A zlib stream (RFC 1950).
    ///
    /// Throws `outOfMemory`.
    static func compressed(_ bytes: [UInt8]) throws(ImageError) -> [UInt8] {
        var status = Z_OK
        let capacity = Int(compressBound(UInt(bytes.count)))
        let stream = [UInt8](unsafeUninitializedCapacity: capacity) { space, count in
            var written = UInt(capacity)
            status = compress2(space.baseAddress, &written, bytes, UInt(bytes.count), Z_DEFAULT_COMPRESSION)
            count = status == Z_OK ? Int(written) : 0
        }
        guard status == Z_OK else { throw .outOfMemory }
        return stream
    }
}
