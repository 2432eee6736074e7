import HTTPTypes
import HTTPWire

/// Streams of requests: events must not depend on how the bytes were cut, and what was understood must be understood
/// the same once another party has printed it, else a request could be smuggled past one of them.
enum RequestChecks {
    /// So small that inputs of a few hundred bytes reach each of them.
    static let limits: WireLimits = {
        var limits = WireLimits()
        (limits.requestLineBytes, limits.fieldLineBytes, limits.headBytes) = (160, 128, 512)
        (limits.fieldCount, limits.methodBytes, limits.chunkSizeDigits) = (8, 16, 16)
        (limits.chunkExtensionLineBytes, limits.chunkExtensionMessageBytes) = (32, 48)
        (limits.trailerBytes, limits.trailerCount) = (128, 3)
        return limits
    }()

    static func check(_ bytes: [UInt8]) throws(BrokenPromise) {
        let transcript = try transcript(of: bytes, limits: limits)
        try checkFields(transcript)
        try checkPrinting(transcript)
        guard transcript.error == nil else { return }
        // Whatever passes small limits passes the usual ones, with the same outcome.
        try promise(
            try RequestTranscript(Cuts.whole(bytes), limits: WireLimits()) == transcript, "limits change what it reads")
    }

    /// The one transcript of all cuts.
    static func transcript(of bytes: [UInt8], limits: WireLimits) throws(BrokenPromise) -> RequestTranscript {
        let whole = try RequestTranscript(Cuts.whole(bytes), limits: limits)
        try promise(
            try RequestTranscript(Cuts.single(bytes), limits: limits) == whole, "byte by byte it reads differently")
        try promise(
            try RequestTranscript(Cuts.chosen(bytes), limits: limits) == whole, "in pieces it reads differently")
        return whole
    }

    private static func checkFields(_ transcript: RequestTranscript) throws(BrokenPromise) {
        for entry in transcript.requests {
            let request = entry.request
            try promise(entry.version == .http10 || request.authority != nil, "a 1.1 request without a host")
            try promise(request.path?.first == "/" || request.path == "*", "the path \(request.path ?? "-")")
            let accept = AcceptField(request.headerFields[.accept])
            try promise(
                (0...1000).contains(accept.quality(of: MediaType("application", "json"))), "a quality out of range")
            try promise(request.path?.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } == true, "a byte of no path")
            for field in Array(request.headerFields) + Array(entry.trailers) {
                let isSound = field.withUnsafeBytesOfValue { $0.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 9 } }
                try promise(isSound, "a control byte in \(field.name)")
                // Whatever stands in a field may be a trace's, and must be fit for a log.
                let trace = TraceParent(field.value)
                try promise(trace.map { ($0.traceID + $0.parentID).utf8.count == 48 } ?? true, "a trace in \(field.name)")
            }
            let isFramedTwice = request.headerFields[.contentLength] != nil
                && request.headerFields[.transferEncoding] != nil
            try promise(!isFramedTwice, "two framings")
        }
    }

    private static func checkPrinting(_ transcript: RequestTranscript) throws(BrokenPromise) {
        let printed = transcript.requests.flatMap(\.printed)
        let again = try RequestTranscript(Cuts.whole(printed), limits: WireLimits())
        try promise(again.error == nil && again.unfinished == nil, "printed, it is refused: \(again)")
        try promise(
            again.requests == transcript.requests.map(\.inOriginForm), "printed, it reads differently: \(again)")
    }
}

/// Chunked bodies: the input follows a sound head. What the parser accepts must be what a decoder of a few lines,
/// written apart from it, finds.
enum ChunkedBodyChecks {
    private static let head = Array("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)

    static func check(_ bytes: [UInt8]) throws(BrokenPromise) {
        try RequestChecks.check(head + bytes)
        let transcript = try RequestTranscript(Cuts.whole(head + bytes), limits: WireLimits())
        guard let request = transcript.requests.first else { return }
        guard let plain = PlainChunkedBody(bytes) else {
            throw BrokenPromise(description: "a plain decoder finds no chunked body")
        }
        try promise(plain.data == request.body, "a plain decoder finds other data")
        try promise(plain.trailerCount == request.trailers.count, "a plain decoder finds other trailers")
        // What follows the body is read as the next request, and only that.
        let rest = try RequestTranscript(Cuts.whole(Array(bytes[plain.end...])), limits: WireLimits())
        try promise(
            rest.requests == Array(transcript.requests.dropFirst()) && rest.error == transcript.error,
            "what follows the body reads differently")
    }
}

/// A chunked body (RFC 9112 section 7.1), decoded with no care for what may not be in it.
private struct PlainChunkedBody {
    var data: [UInt8] = []
    var trailerCount = 0
    var end = 0

    init?(_ bytes: [UInt8]) {
        func line() -> ArraySlice<UInt8>? {
            guard let feed = bytes[end...].firstIndex(of: 0x0A), feed > end, bytes[feed - 1] == 0x0D else { return nil }
            defer { end = feed + 1 }
            return bytes[end..<(feed - 1)]
        }
        while true {
            guard let header = line() else { return nil }
            let digits = header.prefix { $0 != UInt8(ascii: ";") && $0 != 0x20 && $0 != 0x09 }
            guard let size = Int(String(decoding: digits, as: UTF8.self), radix: 16) else { return nil }
            if size == 0 { break }
            guard size >= 0, size <= bytes.count - end else { return nil }
            data += bytes[end..<(end + size)]
            end += size
            guard line()?.isEmpty == true else { return nil }
        }
        while let trailer = line() {
            if trailer.isEmpty { return }
            trailerCount += 1
        }
        return nil
    }
}
