import Crypto

/// The keys that may call the service. Only their digests are kept, so no dump or log of this can show a key.
struct APIKeys: Sendable {
    private let digests: [[UInt8]]

    init(_ keys: [String]) {
        digests = keys.map { Array(SHA256.hash(data: Array($0.utf8))) }
    }

    var isEmpty: Bool { digests.isEmpty }

    /// Whether the value of an `Authorization` field carries one of the keys (RFC 6750, section 2.1).
    ///
    /// Takes the same time for every key of one length: digests are compared whole, and all of them.
    func admit(authorization: String?) -> Bool {
        guard let authorization else { return false }
        let pieces = authorization.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
        guard pieces.count == 2, pieces[0].lowercased() == "bearer" else { return false }
        // One or more spaces stand between the scheme and the key (RFC 9110, section 11.4).
        let candidate = Array(SHA256.hash(data: Array(pieces[1].drop { $0 == " " }.utf8)))
        var found = false
        for digest in digests {
            var difference: UInt8 = 0
            for index in digest.indices { difference |= digest[index] ^ candidate[index] }
            found = (difference == 0) || found
        }
        return found
    }

    /// Keys are visible ASCII without spaces or commas, so that they fit a header and an environment variable.
    static func isWellFormed(_ key: String) -> Bool {
        (8...256).contains(key.utf8.count) && key.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x2C }
    }

    static let rule = "an API key must have 8 to 256 visible ASCII characters without spaces and commas"

    /// The keys in a file's text: one a line; blank lines and those that start with `#` are skipped.
    ///
    /// - Throws: also where there is none: who names a file wants the service closed.
    static func keys(inFile text: String) throws(ConfigurationError) -> [String] {
        let keys = text.split(whereSeparator: \.isNewline).map(trimmed).filter { !$0.isEmpty && !$0.hasPrefix("#") }
        guard !keys.isEmpty else { throw ConfigurationError("the file that --api-key-file names has no key in it") }
        guard keys.allSatisfy(isWellFormed) else { throw ConfigurationError(rule) }
        return keys
    }

    private static func trimmed(_ line: Substring) -> String {
        var line = line
        while let last = line.last, last.isWhitespace { line.removeLast() }
        return String(line.drop(while: \.isWhitespace))
    }
}
