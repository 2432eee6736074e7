/// Where a Redis or Valkey server is: `redis://[[user]:password@]host[:port][/database]`, by TLS as `rediss://`.
package struct RedisAddress: Sendable, Equatable, CustomStringConvertible {
    package var host: String
    package var port: Int
    package var database: Int
    package var user: String?
    package var password: String?
    package var usesTLS: Bool

    package static let standardPort = 6379
    /// The most that a server may be set up with, by far.
    package static let databases = 0...9999

    /// - Throws: `RedisError.badAddress`, whose reason names no password.
    package init(_ text: String) throws(RedisError) {
        guard let (scheme, rest) = Self.split(text, at: "://") else { throw .badAddress("it has no scheme") }
        switch scheme {
        case "redis": usesTLS = false
        case "rediss": usesTLS = true
        default: throw .badAddress("its scheme is neither redis nor rediss")
        }
        guard !rest.contains(where: { $0 == "?" || $0 == "#" || $0.isWhitespace }) else {
            throw .badAddress("it has a query, a fragment or blanks")
        }
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        let path = rest[slash...].dropFirst()
        guard let database = path.isEmpty ? 0 : Self.number(path), Self.databases.contains(database) else {
            throw .badAddress("behind its slash stands no number of a database")
        }
        self.database = database
        var authority = rest[..<slash]
        if let at = authority.lastIndex(of: "@") {
            (user, password) = try Self.credentials(authority[..<at])
            authority = authority[authority.index(after: at)...]
        }
        (host, port) = try Self.place(authority)
    }

    /// Without the user and the password.
    package var description: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return "\(usesTLS ? "rediss" : "redis")://\(name):\(port)/\(database)"
    }

    private static func credentials(_ text: Substring) throws(RedisError) -> (user: String?, password: String?) {
        let colon = text.firstIndex(of: ":")
        let user = text[..<(colon ?? text.endIndex)]
        let password = colon.map { text[text.index(after: $0)...] } ?? ""
        guard let user = decoded(user), let password = decoded(password) else {
            throw .badAddress("its user or password is not percent-encoded UTF-8")
        }
        guard !password.isEmpty || user.isEmpty else { throw .badAddress("it has a user and no password") }
        return (user.isEmpty ? nil : user, password.isEmpty ? nil : password)
    }

    private static func place(_ authority: Substring) throws(RedisError) -> (host: String, port: Int) {
        var (host, rest): (Substring, Substring)
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else { throw .badAddress("a bracket is not closed") }
            host = authority[authority.index(after: authority.startIndex)..<end]
            rest = authority[authority.index(after: end)...]
        } else {
            let colon = authority.firstIndex(of: ":") ?? authority.endIndex
            (host, rest) = (authority[..<colon], authority[colon...])
        }
        let isPlain = host.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: ":"):
                true
            default: false
            }
        }
        guard !host.isEmpty, isPlain else { throw .badAddress("it names no host") }
        guard !rest.isEmpty else { return (String(host), standardPort) }
        guard rest.hasPrefix(":"), let port = number(rest.dropFirst()), (1...65_535).contains(port) else {
            throw .badAddress("its port is no number from 1 to 65535")
        }
        return (String(host), port)
    }

    private static func split(_ text: String, at separator: String) -> (Substring, Substring)? {
        guard let range = text.firstRange(of: separator) else { return nil }
        return (text[..<range.lowerBound], text[range.upperBound...])
    }

    private static func number(_ text: Substring) -> Int? {
        (1...5).contains(text.utf8.count) && text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(text) : nil
    }

    private static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            let digits = rest.prefix(2)
            guard digits.count == 2, let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16) else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
