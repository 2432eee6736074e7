import HTTPTypes

/// What a request asks for (RFC 9112 section 3.2). The authority form is CONNECT's alone, which is refused earlier.
enum RequestTarget: Sendable, Equatable {
    /// A path with an optional query.
    case origin(String)
    /// A whole URI, as sent to proxies; servers must accept it as well (section 3.2.2).
    case absolute(scheme: String, authority: String, path: String)
    /// `*`, for OPTIONS only (section 3.2.4).
    case asterisk

    init(_ bytes: ArraySlice<UInt8>, method: HTTPRequest.Method) throws(ProtocolError) {
        guard let first = bytes.first else {
            throw .malformed("the request target is empty, or there are two blanks in a row")
        }
        guard bytes.allSatisfy(ByteClass.isTarget) else {
            throw .malformed("the request target holds a byte that must be percent-encoded, or a third blank follows")
        }
        guard bytes.hasSoundEscapes else {
            throw .malformed("each % in the request target must be followed by two hexadecimal digits")
        }
        if first == UInt8(ascii: "/") {
            self = .origin(bytes.text)
        } else if first == UInt8(ascii: "*"), bytes.count == 1 {
            guard method == .options else { throw .malformed("the target * is for OPTIONS only") }
            self = .asterisk
        } else {
            self = try Self.absoluteForm(bytes, method: method)
        }
    }

    private static func absoluteForm(
        _ bytes: ArraySlice<UInt8>, method: HTTPRequest.Method
    ) throws(ProtocolError) -> Self {
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), bytes[colon...].starts(with: "://".utf8) else {
            throw .malformed("the request target must begin with / or be a whole http URI")
        }
        let scheme = bytes[..<colon]
        guard scheme.equalsIgnoringCase("http") || scheme.equalsIgnoringCase("https") else {
            throw .malformed("the scheme of the request target must be http or https, not \"\(scheme.excerpt)\"")
        }
        let rest = bytes[(colon + 3)...]
        let end = rest.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.endIndex
        // No user information (RFC 9110 section 4.2.4): `@` is no byte of a host.
        guard Authority.isValid(rest[..<end]) else {
            throw .malformed("the request target's host is not a valid host: \"\(rest[..<end].excerpt)\"")
        }
        let tail = rest[end...]
        let path: String
        switch tail.first {
        case nil: path = method == .options ? "*" : "/"
        case UInt8(ascii: "?"): path = "/" + tail.text
        default: path = tail.text
        }
        return .absolute(scheme: scheme.text.lowercased(), authority: rest[..<end].text, path: path)
    }
}

/// `uri-host [ ":" port ]` (RFC 9110 section 7.2, RFC 3986 section 3.2.2).
enum Authority {
    /// Whether it is a host name, an IPv4 address or a bracketed IPv6 address with an optional port up to 65535.
    ///
    /// Empty hosts, user information and commas are refused: the first two have no place in an http URI
    /// (RFC 9110 section 4.2), and a comma is what two Host fields look like once something has joined them.
    static func isValid(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let first = bytes.first, bytes.count <= 320 else { return false }
        let hostEnd: Int
        if first == UInt8(ascii: "[") {
            guard let bracket = bytes.firstIndex(of: UInt8(ascii: "]")) else { return false }
            let address = bytes[(bytes.startIndex + 1)..<bracket]
            guard (2...45).contains(address.count), address.contains(UInt8(ascii: ":")),
                address.allSatisfy({
                    ByteClass.hexValue($0) != nil || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".")
                })
            else { return false }
            hostEnd = bracket + 1
        } else {
            hostEnd = bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.endIndex
            guard isRegisteredName(bytes[..<hostEnd]) else { return false }
        }
        return hostEnd == bytes.endIndex || isPort(bytes[hostEnd...])
    }

    private static func isRegisteredName(_ name: ArraySlice<UInt8>) -> Bool {
        // unreserved, percent-encoded, and sub-delims but the comma
        let isSound = name.allSatisfy { byte in
            ByteClass.isLetter(byte) || ByteClass.isDigit(byte) || "-._~%!$&'()*+;=".utf8.contains(byte)
        }
        return !name.isEmpty && isSound && name.hasSoundEscapes
    }

    private static func isPort(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard bytes.first == UInt8(ascii: ":") else { return false }
        let digits = bytes.dropFirst()
        guard digits.count <= 5, digits.allSatisfy(ByteClass.isDigit) else { return false }
        return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) } <= 65535
    }
}
