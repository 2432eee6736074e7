import CSystem

/// Bytes in gzip (RFC 1952), by zlib.
enum Gzip {
    /// The same bytes for the same input; nil where zlib has no memory.
    static func packed(_ bytes: [UInt8]) -> [UInt8]? {
        var stream = z_stream()
        // The largest window, and 16 for gzip's header, without a time in it.
        let isReady = deflateInit2_(
            &stream, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        guard isReady == Z_OK, let count = UInt32(exactly: bytes.count) else { return nil }
        defer { deflateEnd(&stream) }
        var (source, target) = (bytes, [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(count)))))
        let isWhole = source.withUnsafeMutableBufferPointer { source in
            target.withUnsafeMutableBufferPointer { target in
                (stream.next_in, stream.avail_in) = (source.baseAddress, count)
                (stream.next_out, stream.avail_out) = (target.baseAddress, UInt32(clamping: target.count))
                return deflate(&stream, Z_FINISH) == Z_STREAM_END
            }
        }
        return isWhole ? Array(target.prefix(Int(stream.total_out))) : nil
    }

    /// Whether an Accept-Encoding field admits gzip (RFC 9110, section 12.5.3).
    static func isAccepted(by field: String?) -> Bool {
        for element in (field ?? "").split(separator: ",") {
            let pieces = element.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() }
            guard let coding = pieces.first, ["gzip", "x-gzip"].contains(coding) else { continue }
            // `q=0`, `q=0.0` and the like are a refusal.
            return !pieces.dropFirst().contains { $0.hasPrefix("q=") && $0.dropFirst(2).allSatisfy { "0.".contains($0) } }
        }
        return false
    }
}
