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
    /// Nothing: an HTTP/1.1 connection that persists.
    case implied
    case close
    /// An HTTP/1.0 connection that persists.
    case keepAlive
}

/// Prints answers.
package enum ResponseSerializer {
    /// Whether an answer of that status has no body by definition (RFC 9110 sections 15.2, 15.3.5 and 15.4.5).
    package static func forbidsBody(_ status: HTTPResponse.Status) -> Bool {
        status.code < 200 || status.code == 204 || status.code == 304
    }

    /// Appends a status line and fields with the empty line after them.
    ///
    /// Framing is this function's to say: `Content-Length`, `Transfer-Encoding`, `Connection` and `Date` among
    /// `fields` are left out.
    ///
    /// - Parameter dateLine: `Date: ...` with its CRLF, or nothing.
    package static func appendHead(
        status: HTTPResponse.Status, fields: HTTPFields, framing: ResponseFraming, connection: ConnectionDirective,
        dateLine: [UInt8], to output: inout [UInt8]
    ) {
        output.append(contentsOf: "HTTP/1.1 ".utf8)
        append(code: status.code, to: &output)
        output.append(ByteClass.space)
        output.append(contentsOf: (status.reasonPhrase.isEmpty ? reason(status.code) : status.reasonPhrase).utf8)
        output.append(contentsOf: "\r\n".utf8)
        output.append(contentsOf: dateLine)
        for field in fields where !isReserved(field.name) {
            output.append(contentsOf: field.name.rawName.utf8)
            output.append(contentsOf: ": ".utf8)
            field.withUnsafeBytesOfValue { output.append(contentsOf: $0) }
            output.append(contentsOf: "\r\n".utf8)
        }
        switch framing {
        case .length(let count):
            output.append(contentsOf: "Content-Length: ".utf8)
            append(decimal: count, to: &output)
            output.append(contentsOf: "\r\n".utf8)
        case .chunked:
            output.append(contentsOf: "Transfer-Encoding: chunked\r\n".utf8)
        case .untilClose, .absent:
            break
        }
        switch connection {
        case .implied: break
        case .close: output.append(contentsOf: "Connection: close\r\n".utf8)
        case .keepAlive: output.append(contentsOf: "Connection: keep-alive\r\n".utf8)
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
        case 10: name == .connection
        case 14: name == .contentLength
        case 17: name == .transferEncoding
        default: false
        }
    }

    private static func append(code: Int, to output: inout [UInt8]) {
        output.append(UInt8(code / 100 % 10) + 0x30)
        output.append(UInt8(code / 10 % 10) + 0x30)
        output.append(UInt8(code % 10) + 0x30)
    }

    private static func append(decimal number: Int, to output: inout [UInt8]) {
        if number >= 10 { append(decimal: number / 10, to: &output) }
        output.append(UInt8(number % 10) + 0x30)
    }

    private static func reason(_ code: Int) -> String {
        switch code {
        case 200: "OK"
        case 202: "Accepted"
        case 204: "No Content"
        case 304: "Not Modified"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 406: "Not Acceptable"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 410: "Gone"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 417: "Expectation Failed"
        case 422: "Unprocessable Content"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        default: ""
        }
    }
}
