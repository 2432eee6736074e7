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
        let contentType = String(decoding: line, as: UTF8.self)
        guard let boundary = try? MultipartBoundary(contentType: contentType) else { return }
        let body = Array(bytes[line.endIndex...].dropFirst())
        let whole = try MultipartTranscript(boundary, Cuts.whole(body), limits)
        try promise(
            try MultipartTranscript(boundary, Cuts.single(body), limits) == whole,
            "byte by byte it reads differently")
        try promise(
            try MultipartTranscript(boundary, Cuts.chosen(body), limits) == whole, "in pieces it reads differently")
        try promise(whole.parts.count <= limits.parts, "\(whole.parts.count) parts")
        for part in whole.parts {
            let isShorter = (QuotedPrintable.decode(part.bytes)?.count ?? 0) <= part.bytes.count
            try promise(isShorter, "decoded, a part is longer")
        }
        if whole.error == nil { try checkPrinting(whole) }
    }

    private static func checkPrinting(_ transcript: MultipartTranscript) throws(BrokenPromise) {
        // Another boundary, that no part holds: the input's own may be written in ways that are not printed here.
        let text = (0..<70).lazy.map { "printed-again-\($0)" }.first { candidate in
            !transcript.parts.contains { Self.contains(Array("\r\n".utf8) + $0.bytes, Array("\r\n--\(candidate)".utf8)) }
        }
        guard let text, let boundary = try? MultipartBoundary(contentType: "multipart/form-data; boundary=\(text)")
        else { throw BrokenPromise(description: "no boundary for printing") }
        let delimiter = Array("\r\n--\(text)".utf8)
        var printed: [UInt8] = []
        for part in transcript.parts {
            printed += delimiter + part.head.printed + part.bytes
        }
        printed += delimiter + Array("--\r\n".utf8)
        var roomy = limits
        roomy.partHeadBytes = 1 << 16
        let again = try MultipartTranscript(boundary, [printed.dropFirst(2)], roomy)
        try promise(again.parts == transcript.parts && again.error == nil, "printed, it reads differently")
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

    init(
        _ boundary: MultipartBoundary, _ pieces: [ArraySlice<UInt8>], _ limits: MultipartLimits
    ) throws(BrokenPromise) {
        var parser = MultipartParser(boundary: boundary, limits: limits)
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
            try promise(head.name.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 9 }, "a control byte in a name")
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
        if isFile { text += "; filename=x" }
        if isQuotedPrintable { text += "\r\nContent-Transfer-Encoding: quoted-printable" }
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
