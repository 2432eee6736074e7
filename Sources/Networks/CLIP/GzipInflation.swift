import CSystem

/// Unpacks gzip data (RFC 1952) to at most `limitBytes`, checksum and length verified.
///
/// By zlib rather than by code of our own: it is in every image that has libpng, whose dependency it is, and has been
/// fuzzed for decades.
///
/// - Throws: `TokenizerError.corruptCompression`, or `.tooLarge` before more than the limit is held.
func inflatingGzip(_ compressed: [UInt8], limitBytes: Int) throws(TokenizerError) -> [UInt8] {
    var stream = z_stream()
    // 16 beyond the largest window: a gzip wrapper is required.
    guard inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
        throw .corruptCompression(reason: "zlib can't be set up")
    }
    defer { inflateEnd(&stream) }
    let chunkBytes = 1 << 18
    var result: [UInt8] = []
    var input = compressed
    var consumed = 0
    while true {
        let held = result.count
        result.append(contentsOf: repeatElement(0, count: chunkBytes))
        let status = input.withUnsafeMutableBufferPointer { source in
            result.withUnsafeMutableBufferPointer { target in
                stream.next_in = source.baseAddress.map { $0 + consumed }
                stream.avail_in = UInt32(clamping: source.count - consumed)
                stream.next_out = target.baseAddress.map { $0 + held }
                stream.avail_out = UInt32(chunkBytes)
                return inflate(&stream, Z_NO_FLUSH)
            }
        }
        consumed = input.count - Int(stream.avail_in)
        result.removeLast(Int(stream.avail_out))
        guard result.count <= limitBytes else { throw .tooLarge(limitBytes: limitBytes) }
        switch status {
        case Z_STREAM_END: return result
        case Z_OK where result.count > held || stream.avail_in > 0: continue
        case Z_OK, Z_BUF_ERROR: throw .corruptCompression(reason: "the gzip data is truncated")
        default: throw .corruptCompression(reason: "the gzip data is corrupt (zlib status \(status))")
        }
    }
}
