import CSystem

/// An http or https address, read by libcurl, which is also who goes there: two readers could disagree about the host.
package struct WebAddress: Sendable, Equatable, CustomStringConvertible {
    package enum Scheme: String, Sendable {
        case http, https
    }

    package let scheme: Scheme
    /// In lower case, without a port.
    package let host: String
    /// The whole address, with what may be a secret in it: to go there, not to be shown or kept.
    package let whole: String

    /// Without its query, which may hold a token or a signature.
    package var description: String { Self.shown(whole) }

    /// What is kept of it: the same, and for a query a digest, so that another one is told from it.
    var identity: String {
        whole == description ? whole : description + "#" + FileDigest.sha256(of: whole)
    }

    /// Whether it leads to this machine: nobody is on the way.
    var isLoopback: Bool {
        host == "localhost" || host == "[::1]" || host.wholeMatch(of: /127\.\d+\.\d+\.\d+/) != nil
    }

    /// Text that may be an address, without a query, a fragment, and a user's name and password.
    static func shown(_ text: String) -> String {
        var text = text.prefix { $0 != "?" && $0 != "#" }
        let start = text.firstRange(of: "://")?.upperBound ?? text.startIndex
        let end = text[start...].firstIndex(of: "/") ?? text.endIndex
        if let at = text[start..<end].lastIndex(of: "@") { text.removeSubrange(start...at) }
        return String(text)
    }

    /// Bytes of an address.
    package static let byteLimit = 8 << 10

    /// - Throws: for what is no address, or one of another scheme, with a user's name or with a fragment.
    package init(_ text: String) throws(FetchError) {
        try self.init(text, from: nil)
    }

    /// Where a redirection from here leads.
    ///
    /// - Parameter location: absolute or relative (RFC 9110, section 10.2.2).
    package func redirected(to location: String) throws(FetchError) -> WebAddress {
        try WebAddress(location, from: self)
    }

    /// The same path at another scheme and host.
    ///
    /// - Parameter mirror: whose own path, if it has one, comes before that of this address.
    package func at(mirror: WebAddress) throws(FetchError) -> WebAddress {
        let (own, other) = (try Parts(whole), try Parts(mirror.whole))
        var prefix = other.path
        while prefix.hasSuffix("/") { prefix.removeLast() }
        return try WebAddress(other.origin + prefix + own.path + (own.query.map { "?" + $0 } ?? ""))
    }

    private init(_ text: String, from base: WebAddress?) throws(FetchError) {
        let parts = try Parts(text, from: base)
        guard let scheme = Scheme(rawValue: parts.scheme) else {
            throw .badAddress(text, reason: "expected https or http, found \(parts.scheme)")
        }
        self.scheme = scheme
        host = parts.host.lowercased()
        whole = parts.whole
    }
}

/// An address taken apart by libcurl.
private struct Parts {
    let scheme, host, path, whole: String
    let query: String?
    private let port: String?

    var origin: String { "\(scheme)://\(host)" + (port.map { ":" + $0 } ?? "") }

    init(_ text: String, from base: WebAddress? = nil) throws(FetchError) {
        guard text.utf8.count <= WebAddress.byteLimit, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw .badAddress(text, reason: "expected up to \(WebAddress.byteLimit) visible ASCII characters")
        }
        guard base != nil || text.contains("://") else {
            throw .badAddress(text, reason: "it lacks a scheme, as in https://\(WebAddress.shown(text))")
        }
        guard let handle = curl_url() else { throw .badAddress(text, reason: "out of memory") }
        defer { curl_url_cleanup(handle) }
        for piece in [base?.whole, text].compactMap(\.self) {
            let code = curl_url_set(handle, CURLUPART_URL, piece, UInt32(CURLU_NON_SUPPORT_SCHEME))
            guard code == CURLUE_OK else { throw .badAddress(text, reason: String(cString: curl_url_strerror(code))) }
        }
        func part(_ what: CURLUPart) -> String? {
            var found: UnsafeMutablePointer<CChar>?
            guard curl_url_get(handle, what, &found, 0) == CURLUE_OK, let found else { return nil }
            defer { curl_free(found) }
            return String(cString: found)
        }
        guard part(CURLUPART_USER) == nil, part(CURLUPART_PASSWORD) == nil else {
            throw .badAddress(text, reason: "names and passwords don't belong into an address")
        }
        guard curl_url_set(handle, CURLUPART_FRAGMENT, nil, 0) == CURLUE_OK,
            let scheme = part(CURLUPART_SCHEME), let host = part(CURLUPART_HOST), let whole = part(CURLUPART_URL)
        else { throw .badAddress(text, reason: "expected a scheme and a host") }
        // libcurl takes a host's percent signs away, whatever they stood for.
        guard whole.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw .badAddress(text, reason: "expected a host of visible ASCII characters")
        }
        self.scheme = scheme
        self.host = host
        self.whole = whole
        path = part(CURLUPART_PATH) ?? "/"
        query = part(CURLUPART_QUERY)
        port = part(CURLUPART_PORT)
    }
}
