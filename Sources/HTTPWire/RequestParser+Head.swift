import HTTPTypes

/// What a head has shown so far.
struct HeadBuilder: Sendable {
    var method = HTTPRequest.Method.get
    var version = HTTPVersion.http11
    var target = RequestTarget.origin("/")
    var fields: HTTPFields = [:]
    var fieldCount = 0
    var host: String?
    var framing = FramingFields()
}

extension RequestParser {
    /// Request line (RFC 9112 section 3): `method SP request-target SP HTTP-version`, one blank between, nothing else.
    mutating func parseRequestLine() throws(ProtocolError) -> Bool {
        if let first = received.front.first {
            let mayBeEmpty = skippedEmptyLines < limits.emptyLines
            guard ByteClass.isToken(first) || (mayBeEmpty && first == ByteClass.carriageReturn) else {
                throw .malformed("a request must begin with a method")
            }
        }
        let limit = min(limits.requestLineBytes, limits.headBytes)
        guard
            let line = try takeLine(
                limit: limit,
                orThrow: ProtocolError(.requestLineTooLong, "the request line is longer than \(limit) bytes"))
        else { return false }
        if line.isEmpty {
            // RFC 9112 section 2.2: at least one empty line before a request is ignored.
            skippedEmptyLines += 1
            return true
        }
        head = HeadBuilder()
        sectionBytes = line.count + 2
        guard let methodEnd = line.firstIndex(of: ByteClass.space),
            let targetEnd = line[(methodEnd + 1)...].firstIndex(of: ByteClass.space)
        else {
            throw .malformed("the request line must be a method, a target and a version with one blank between")
        }
        head.version = try Self.version(line[(targetEnd + 1)...])
        head.method = try method(line[..<methodEnd])
        head.target = try RequestTarget(line[(methodEnd + 1)..<targetEnd], method: head.method)
        state = .fields
        return true
    }

    private func method(_ bytes: ArraySlice<UInt8>) throws(ProtocolError) -> HTTPRequest.Method {
        guard bytes.allSatisfy(ByteClass.isToken), let method = HTTPRequest.Method(bytes.text) else {
            throw .malformed("the method holds a byte that is none of a token: \"\(bytes.excerpt)\"")
        }
        guard bytes.count <= limits.methodBytes else {
            throw ProtocolError(.notImplemented, "no method is longer than \(limits.methodBytes) bytes")
        }
        guard method != .connect else {
            throw ProtocolError(.notImplemented, "CONNECT asks for a tunnel, and this is no proxy")
        }
        return method
    }

    /// `HTTP/` DIGIT `.` DIGIT (RFC 9112 section 2.3). A higher minor version is treated as 1.1 (RFC 9110 section 2.5).
    private static func version(_ bytes: ArraySlice<UInt8>) throws(ProtocolError) -> HTTPVersion {
        let start = bytes.startIndex
        guard bytes.count == 8, bytes.starts(with: "HTTP/".utf8), ByteClass.isDigit(bytes[start + 5]),
            bytes[start + 6] == UInt8(ascii: "."), ByteClass.isDigit(bytes[start + 7])
        else {
            throw .malformed("the version must read HTTP/1.1 or HTTP/1.0, not \"\(bytes.excerpt)\"")
        }
        guard bytes[start + 5] == UInt8(ascii: "1") else {
            throw ProtocolError(.versionNotSupported, "the version must be HTTP/1.1 or HTTP/1.0, not \(bytes.excerpt)")
        }
        return bytes[start + 7] == UInt8(ascii: "0") ? .http10 : .http11
    }

    /// Field lines up to the empty line that ends the head (RFC 9112 section 5).
    mutating func parseFields() throws(ProtocolError) -> MessageHead? {
        while true {
            guard let line = try takeSectionLine(total: limits.headBytes, name: "head") else { return nil }
            if line.isEmpty { return try finishHead() }
            head.fieldCount += 1
            guard head.fieldCount <= limits.fieldCount else {
                throw ProtocolError(.fieldsTooLarge, "the head has more than \(limits.fieldCount) fields")
            }
            let (name, value) = try fieldLine(line)
            if name.equalsIgnoringCase("host") {
                guard head.host == nil else { throw .malformed("there must be one Host field, and there are two") }
                // Empty where the target has no authority (RFC 9112 section 3.2).
                guard value.isEmpty || Authority.isValid(value) else {
                    throw .malformed("Host must be empty, or a host and optionally a port, not \"\(value.excerpt)\"")
                }
                head.host = value.text
            } else {
                try head.framing.note(name: name, value: value)
                guard let fieldName = HTTPField.Name(name.text) else {
                    throw .malformed("a field's name must be a token")
                }
                head.fields.append(HTTPField(name: fieldName, value: value))
            }
        }
    }

    /// One line of a head or trailer section, within the line's and the section's limit.
    mutating func takeSectionLine(total: Int, name: String) throws(ProtocolError) -> ArraySlice<UInt8>? {
        let limit = min(limits.fieldLineBytes, total - sectionBytes - 2)
        let lineLimit = limits.fieldLineBytes
        let line = try takeLine(
            limit: limit,
            orThrow: limit < lineLimit
                ? ProtocolError(.fieldsTooLarge, "the \(name) is longer than \(total) bytes")
                : ProtocolError(.fieldsTooLarge, "a field of the \(name) is longer than \(lineLimit) bytes"))
        if let line { sectionBytes += line.count + 2 }
        return line
    }

    /// `field-name ":" OWS field-value OWS` (RFC 9112 section 5). No blank before the colon (section 5.1), no line
    /// folding (section 5.2), no control byte in the value (RFC 9110 section 5.5).
    func fieldLine(
        _ bytes: ArraySlice<UInt8>
    ) throws(ProtocolError) -> (name: ArraySlice<UInt8>, value: ArraySlice<UInt8>) {
        if let first = bytes.first, ByteClass.isBlank(first) {
            throw .malformed("a field line must not begin with a blank (line folding is obsolete)")
        }
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else {
            throw .malformed("a field line must hold a colon: \"\(bytes.excerpt)\"")
        }
        let name = bytes[..<colon]
        guard !name.isEmpty, name.allSatisfy(ByteClass.isToken) else {
            throw .malformed("a field's name must be a token, not \"\(name.excerpt)\"")
        }
        let value = bytes[(colon + 1)...].trimmingBlanks
        guard value.allSatisfy(ByteClass.isFieldValue) else {
            throw .malformed("the value of \(name.text) holds a control byte")
        }
        return (name, value)
    }

    private mutating func finishHead() throws(ProtocolError) -> MessageHead {
        // RFC 9112 section 3.2: a 1.1 request without Host is 400, in whatever form its target is.
        if head.host == nil, head.version == .http11 {
            throw .malformed("an HTTP/1.1 request must have a Host field")
        }
        let framing = try head.framing.resolve(version: head.version)
        var request = HTTPRequest(
            method: head.method, scheme: "http", authority: head.host, path: nil, headerFields: head.fields)
        switch head.target {
        case .origin(let path):
            request.path = path
        case .asterisk:
            request.path = "*"
        case .absolute(let scheme, let authority, let path):
            // RFC 9112 section 3.2.2: the target's authority replaces what Host says.
            request.scheme = scheme
            request.authority = authority
            request.path = path
        }
        switch framing.body {
        case .none: state = .bodyEnd
        case .length(let count): state = .fixedBody(remaining: count)
        case .chunked: state = .chunkSize
        }
        sectionBytes = 0
        let version = head.version
        head = HeadBuilder()
        return MessageHead(
            request: request, version: version, framing: framing.body, keepsAlive: framing.keepsAlive,
            expectsContinue: framing.expectsContinue)
    }
}
