package import HTTPTypes

/// A request without its body, as the wire gave it.
package struct MessageHead: Sendable, Equatable {
    /// Method, scheme, authority and path of the target (RFC 9112 section 3.3), and the fields without `Host`:
    /// its value is the request's `authority`. `path` is `*` for `OPTIONS *`.
    package var request: HTTPRequest
    package var version: HTTPVersion
    package var framing: BodyFraming
    /// Whether the client lets the connection persist (RFC 9112 section 9.3).
    package var keepsAlive: Bool
    /// Whether the client waits for `100 Continue` before it sends the body (RFC 9110 section 10.1.1).
    package var expectsContinue: Bool

    /// Bytes of the body; nil for chunked ones, whose length is not declared.
    package var declaredBodyLength: Int? {
        switch framing {
        case .none: 0
        case .length(let count): count
        case .chunked: nil
        }
    }
}

/// The minor version in which both sides talk.
package enum HTTPVersion: Sendable, Equatable {
    case http10
    case http11
}

/// How a request's body ends (RFC 9112 section 6.3).
package enum BodyFraming: Sendable, Equatable {
    /// There is none.
    case none
    /// After that many bytes; may be 0.
    case length(Int)
    case chunked
}

/// The fields that say where a request's body ends and what becomes of the connection, gathered from a head.
struct FramingFields: Sendable {
    private var contentLength: Int?
    private var transferCodings: [String]?
    private var closes = false
    private var persists = false
    private var expectsContinue = false
    private var unknownExpectation: String?

    /// Takes a field into account where it is one of them.
    mutating func note(name: ArraySlice<UInt8>, value: ArraySlice<UInt8>) throws(ProtocolError) {
        switch name.count {
        case 14 where name.equalsIgnoringCase("content-length"):
            // RFC 9110 section 8.6 lets equal duplicates pass; two lengths are refused here whatever they say.
            guard contentLength == nil else { throw .malformed("there must be one Content-Length, and there are two") }
            contentLength = try Self.length(value)
        case 17 where name.equalsIgnoringCase("transfer-encoding"):
            transferCodings = try (transferCodings ?? []) + Self.codings(value)
        case 10 where name.equalsIgnoringCase("connection"):
            for option in value.split(separator: UInt8(ascii: ",")) {
                let option = option.trimmingBlanks
                closes = closes || option.equalsIgnoringCase("close")
                persists = persists || option.equalsIgnoringCase("keep-alive")
            }
        case 6 where name.equalsIgnoringCase("expect"):
            if value.equalsIgnoringCase("100-continue") {
                expectsContinue = true
            } else {
                unknownExpectation = value.excerpt
            }
        default:
            break
        }
    }

    /// 1*DIGIT (RFC 9110 section 8.6), at most 19 of them: no sign, no list, no blank within. Leading zeros are legal.
    private static func length(_ value: ArraySlice<UInt8>) throws(ProtocolError) -> Int {
        guard (1...19).contains(value.count), value.allSatisfy(ByteClass.isDigit), let length = Int(value.text) else {
            throw .malformed("Content-Length must be one number of at most 19 digits, not \"\(value.excerpt)\"")
        }
        return length
    }

    /// The codings of one Transfer-Encoding line, in lower case (RFC 9112 section 6.1).
    private static func codings(_ value: ArraySlice<UInt8>) throws(ProtocolError) -> [String] {
        var result: [String] = []
        for element in value.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            let coding = element.trimmingBlanks
            // Parameters of a coding other than chunked are of no interest: it is refused anyway.
            let name = coding.prefix { $0 != UInt8(ascii: ";") }.trimmingBlanks
            guard !name.isEmpty, name.allSatisfy(ByteClass.isToken) else {
                throw .malformed("Transfer-Encoding must be a list of codings, not \"\(value.excerpt)\"")
            }
            guard !(name.equalsIgnoringCase("chunked") && name.count != coding.count) else {
                throw .malformed("the chunked coding has no parameters")
            }
            result.append(name.text.lowercased())
        }
        return result
    }

    /// What they mean together (RFC 9112 sections 6.1, 6.3 and 9.3, RFC 9110 section 10.1.1).
    func resolve(
        version: HTTPVersion
    ) throws(ProtocolError) -> (body: BodyFraming, keepsAlive: Bool, expectsContinue: Bool) {
        let body: BodyFraming
        if let transferCodings {
            guard contentLength == nil else {
                throw .malformed("Transfer-Encoding and Content-Length must not come together")
            }
            guard version == .http11 else { throw .malformed("HTTP/1.0 has no Transfer-Encoding") }
            guard transferCodings.last == "chunked", !transferCodings.dropLast().contains("chunked") else {
                throw .malformed("the last transfer coding of a request must be chunked, applied once")
            }
            guard transferCodings.count == 1 else {
                throw ProtocolError(.notImplemented, "no transfer coding but chunked is known here")
            }
            body = .chunked
        } else if let contentLength {
            body = .length(contentLength)
        } else {
            body = .none
        }
        if let unknownExpectation {
            throw ProtocolError(
                .expectationFailed, "the only expectation known is 100-continue, not \"\(unknownExpectation)\"")
        }
        let keepsAlive = !closes && (version == .http11 || persists)
        let hasBody = body != .none && body != .length(0)
        return (body, keepsAlive, expectsContinue && hasBody && version == .http11)
    }
}
