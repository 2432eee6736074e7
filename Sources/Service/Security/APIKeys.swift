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
}
