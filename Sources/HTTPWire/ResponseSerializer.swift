package import HTTPTypes

/// How an answer's body is delimited (RFC 9112 section 6).
package enum ResponseFraming: Sendable, Equatable {
    /// That many bytes; for an answer to HEAD, as many as GET would have sent.
    case length(Int)
    case chunked
    /// Until the connection closes: streams to HTTP/1.0 clients.
    case untilClose
    /// The status allows no body and no length: 1xx, 204, 304.
    case absent
}

/// What an answer says about the connection.
package enum ConnectionDirective: Sendable, Equatable {
    case close
    /// It stays open for so many seconds without a request, and for so many requests more. Said in HTTP/1.1 as well:
    /// clients that know it don't reuse a connection that is about to close.
    case keepAlive(seconds: Int, requests: Int)
}

/// Prints answers.
package enum ResponseSerializer {
    /// Whether an answer of that status has no body by definition (RFC 9110 sections 15.2, 15.3.5 and 15.4.5).
    package static func forbidsBody(_ status: HTTPResponse.Status) -> Bool {
        status.code < 200 || status.code == 204 || status.code == 304
    }

    /// Appends a status line and fields with the empty line after them.
    ///
    /// Framing is this function's to say: `Content-Length`, `Transfer-Encoding`, `Connection`, `Keep-Alive` and `Date`
    /// among `fields` are left out.
    ///
    /// - Parameter dateLine: `Date: ...` with its CRLF, or nothing.
    package static func appendHead(
        status: HTTPResponse.Status, fields: HTTPFields, framing: ResponseFraming, connection: ConnectionDirective,
        dateLine: [UInt8], to output: inout [UInt8]
    ) {
        output.append(contentsOf: "HTTP/1.1 ".utf8)
        let reason = status.reasonPhrase.isEmpty ? reasons[status.code] ?? "" : status.reasonPhrase
        output.append(contentsOf: "\(status.code) \(reason)\r\n".utf8)
        output.append(contentsOf: dateLine)
        for field in fields where !isReserved(field.name) {
            output.append(contentsOf: field.name.rawName.utf8)
            output.append(contentsOf: ": ".utf8)
            field.withUnsafeBytesOfValue { output.append(contentsOf: $0) }
            output.append(contentsOf: "\r\n".utf8)
        }
        switch framing {
        case .length(let count):
            output.append(contentsOf: "Content-Length: \(count)\r\n".utf8)
        case .chunked:
            output.append(contentsOf: "Transfer-Encoding: chunked\r\n".utf8)
        case .untilClose, .absent:
            break
        }
        switch connection {
        case .close: output.append(contentsOf: "Connection: close\r\n".utf8)
        case .keepAlive(let seconds, let requests):
            output.append(contentsOf: "Connection: keep-alive\r\n".utf8)
            output.append(contentsOf: "Keep-Alive: timeout=\(seconds), max=\(requests)\r\n".utf8)
        }
        output.append(contentsOf: "\r\n".utf8)
    }

    /// `100 Continue` (RFC 9110 section 15.2.1).
    package static let interimContinue = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)

    /// Appends one chunk (RFC 9112 section 7.1); nothing for no bytes, since an empty chunk ends a body.
    package static func appendChunk(_ bytes: some Collection<UInt8>, to output: inout [UInt8]) {
        guard !bytes.isEmpty else { return }
        output.append(contentsOf: String(bytes.count, radix: 16, uppercase: true).utf8)
        output.append(contentsOf: "\r\n".utf8)
        output.append(contentsOf: bytes)
        output.append(contentsOf: "\r\n".utf8)
    }

    /// What ends a chunked body that has no trailers.
    package static let lastChunk = Array("0\r\n\r\n".utf8)

    private static func isReserved(_ name: HTTPField.Name) -> Bool {
        // Told by length first: this runs for each field of each answer.
        switch name.canonicalName.utf8.count {
        case 4: name == .date
        case 10: name == .connection || name == keepAliveName
        case 14: name == .contentLength
        case 17: name == .transferEncoding
        default: false
        }
    }

    // Of valid form, so never nil.
    private static let keepAliveName = HTTPField.Name("Keep-Alive")

    private static let reasons = [
        200: "OK", 202: "Accepted", 204: "No Content", 304: "Not Modified", 400: "Bad Request", 401: "Unauthorized",
        403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable", 408: "Request Timeout",
        409: "Conflict", 410: "Gone", 413: "Content Too Large", 414: "URI Too Long", 415: "Unsupported Media Type",
        417: "Expectation Failed", 422: "Unprocessable Content", 429: "Too Many Requests",
        431: "Request Header Fields Too Large", 500: "Internal Server Error", 501: "Not Implemented",
        503: "Service Unavailable", 504: "Gateway Timeout", 505: "HTTP Version Not Supported",
    ]
}
