import HTTPWire

/// `multipart/form-data`: the input's first line is the Content-Type, the rest the body. Events must not depend on how
/// the body was cut, and the parts must come out of a freshly printed form again.
enum MultipartChecks {
    private static let limits: MultipartLimits = {
        var limits = MultipartLimits()
        (limits.parts, limits.partHeadBytes, limits.partHeadFields, limits.preambleBytes) = (4, 256, 3, 32)
        return limits
    }()

    static func check(_ bytes: [UInt8]) throws(BrokenPromise) {
        let line = bytes.prefix { $0 != 0x0A }
        guard let contentType = MediaType.parse(String(decoding: line, as: UTF8.self)) else { return }
        let body = Array(bytes[line.endIndex...].dropFirst())
        guard let whole = try MultipartTranscript(contentType, Cuts.whole(body), limits) else { return }
        try promise(
            try MultipartTranscript(contentType, Cuts.single(body), limits) == whole,
            "byte by byte it reads differently")
        try promise(
            try MultipartTranscript(contentType, Cuts.chosen(body), limits) == whole, "in pieces it reads differently")
        try promise(whole.parts.count <= limits.parts, "\(whole.parts.count) parts")
        guard whole.error == nil, let boundary = contentType.parameter("boundary") else { return }
        try checkPrinting(whole, contentType, boundary)
    }

    private static func checkPrinting(
        _ transcript: MultipartTranscript, _ contentType: MediaType, _ boundary: String
    ) throws(BrokenPromise) {
        let delimiter = Array("\r\n--\(boundary)".utf8)
        var printed: [UInt8] = []
        for part in transcript.parts {
            try promise(!Self.contains(Array("\r\n".utf8) + part.bytes, delimiter), "a part holds the delimiter")
            printed += delimiter + part.head.printed + part.bytes
        }
        printed += delimiter + Array("--\r\n".utf8)
        var roomy = limits
        roomy.partHeadBytes = 1 << 16
        let again = try MultipartTranscript(contentType, [printed.dropFirst(2)], roomy)
        try promise(again?.parts == transcript.parts && again?.error == nil, "printed, it reads differently")
    }

    private static func contains(_ bytes: [UInt8], _ pattern: [UInt8]) -> Bool {
        bytes.indices.contains { bytes[$0...].starts(with: pattern) }
    }
}

/// What a multipart parser told, in a form that does not depend on how the parts' bytes were cut.
private struct MultipartTranscript: Equatable {
    struct Part: Equatable {
        var head: MultipartPart
        var bytes: [UInt8] = []
        var isComplete = false
    }

    var parts: [Part] = []
    var hasEnded = false
    var error: MultipartError?

    /// Nil where the content type is refused.
    init?(
        _ contentType: MediaType, _ pieces: [ArraySlice<UInt8>], _ limits: MultipartLimits
    ) throws(BrokenPromise) {
        guard var parser = try? MultipartParser(contentType: contentType, limits: limits) else { return nil }
        for piece in pieces where error == nil {
            parser.append(piece)
            while let event = pull(&parser) { try note(event) }
        }
        guard error == nil else { return }
        parser.finish()
        while let event = pull(&parser) { try note(event) }
        try promise(hasEnded == (error == nil), "it ended without an end")
    }

    private mutating func pull(_ parser: inout MultipartParser) -> MultipartParser.Event? {
        do throws(MultipartError) {
            return try parser.next()
        } catch {
            self.error = error
            return nil
        }
    }

    private mutating func note(_ event: MultipartParser.Event) throws(BrokenPromise) {
        try promise(!hasEnded, "an event after the end")
        let isInPart = parts.last.map { !$0.isComplete } ?? false
        switch event {
        case .partBegin(let head):
            try promise(!isInPart, "a part within a part")
            try promise(!head.name.isEmpty, "a part without a name")
            parts.append(Part(head: head))
        case .bytes(let bytes):
            try promise(isInPart && !bytes.isEmpty, "bytes of no part, or none")
            parts[parts.count - 1].bytes += bytes
        case .partEnd:
            try promise(isInPart, "the end of no part")
            parts[parts.count - 1].isComplete = true
        case .end:
            try promise(!isInPart, "an end within a part")
            hasEnded = true
        }
    }
}

extension MultipartPart {
    /// What stands between the delimiter and the bytes.
    fileprivate var printed: [UInt8] {
        var text = "\r\nContent-Disposition: form-data; name=\(Self.quoted(name))"
        if let filename { text += "; filename=\(Self.quoted(filename))" }
        if let contentType {
            text += "\r\nContent-Type: \(contentType.essence)"
            for parameter in contentType.parameters { text += ";\(parameter.name)=\(Self.quoted(parameter.value))" }
        }
        return Array((text + "\r\n\r\n").utf8)
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            if scalar == "\"" || scalar == "\\" { result.unicodeScalars.append("\\") }
            result.unicodeScalars.append(scalar)
        }
        return result + "\""
    }
}
