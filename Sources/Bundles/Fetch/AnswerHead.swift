/// What the head of an answer says, as far as a fetch needs it. A redirection's, an error's, or that of a file.
package struct AnswerHead: Sendable, Equatable {
    /// The lines of one field that are looked at, and its bytes: servers are strangers.
    private static let valueLimit = 8 << 10

    package private(set) var status = 0
    private var fields: [String: String] = [:]

    package init() {}

    /// Takes a line of a head as it came, or the empty line at its end. A status line begins anew: before the answer that
    /// counts there may be others (RFC 9110, section 15.2).
    package mutating func take(_ line: some Collection<UInt8>) {
        let text = String(decoding: line.prefix(Self.valueLimit), as: UTF8.self)
        if text.hasPrefix("HTTP/") {
            self = AnswerHead()
            let words = text.split(separator: " ", maxSplits: 2)
            if words.count > 1, let status = Int(words[1].prefix { $0.isNumber }), (100...999).contains(status) {
                self.status = status
            }
            return
        }
        guard let colon = text.firstIndex(of: ":") else { return }
        let name = text[..<colon].lowercased()
        guard Self.known.contains(name), fields[name] == nil else { return }
        fields[name] = String(text[text.index(after: colon)...].trimmed)
    }

    private static let known: Set<String> = [
        "content-length", "content-range", "etag", "last-modified", "location", "x-linked-etag", "x-linked-size",
    ]

    /// Where a redirection leads; nil where this is none.
    package var location: String? {
        [301, 302, 303, 307, 308].contains(status) ? fields["location"] : nil
    }

    /// The bytes of the body, where it says so.
    package var contentLength: Int? { fields["content-length"].flatMap(Self.size) }

    /// What tells this version of the file from any other (RFC 9110, section 8.8.3); nil for none, or a weak one, which
    /// `If-Range` can't use.
    package var strongEntityTag: String? {
        guard let tag = fields["etag"], tag.count > 2, tag.hasPrefix("\""), tag.hasSuffix("\""),
            tag.unicodeScalars.allSatisfy({ (0x21...0x7E).contains($0.value) })
        else { return nil }
        return tag
    }

    /// The time of the file's last change, as the server writes it.
    package var lastModified: String? {
        fields["last-modified"].flatMap { text in
            text.unicodeScalars.allSatisfy { (0x20...0x7E).contains($0.value) } ? text : nil
        }
    }

    /// What part of the file the body is: `bytes 0-9/100`, or of a refusal `bytes */100` (RFC 9110, section 14.4).
    package var contentRange: ContentRange? { fields["content-range"].flatMap(ContentRange.init) }

    package struct ContentRange: Sendable, Equatable {
        /// Nil where there is none.
        package let first: Int?
        /// Nil where it isn't told.
        package let total: Int?

        init?(_ text: String) {
            let words = text.split(separator: " ", omittingEmptySubsequences: true)
            guard words.count == 2, words[0].lowercased() == "bytes" else { return nil }
            let parts = words[1].split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 2 else { return nil }
            total = AnswerHead.size(parts[1])
            guard total != nil || parts[1] == "*" else { return nil }
            if parts[0] == "*" {
                first = nil
                return
            }
            let ends = parts[0].split(separator: "-", omittingEmptySubsequences: false)
            guard ends.count == 2, let start = AnswerHead.size(ends[0]), let end = AnswerHead.size(ends[1]), start <= end,
                total.map({ end < $0 }) ?? true
            else { return nil }
            first = start
        }
    }

    /// The file's SHA-256 as Hugging Face's own answer has it, before it leads to where the bytes are.
    package var linkedDigest: String? {
        guard let tag = fields["x-linked-etag"] else { return nil }
        let digest = tag.filter { $0 != "\"" }.lowercased()
        return SHA256Text.isOne(digest) ? digest : nil
    }

    /// The file's bytes, likewise.
    package var linkedSize: Int? { fields["x-linked-size"].flatMap(Self.size) }

    /// Up to 18 digits, which an `Int` holds.
    private static func size(_ text: some StringProtocol) -> Int? {
        let isNumber = (1...18).contains(text.utf8.count) && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
        return isNumber ? Int(text) : nil
    }
}

extension Substring {
    fileprivate var trimmed: Substring {
        var text = drop(while: \.isWhitespace)
        while text.last?.isWhitespace ?? false { text.removeLast() }
        return text
    }
}

/// SHA-256 as it is written here: 64 lower-case hexadecimal digits.
enum SHA256Text {
    static func isOne(_ text: String) -> Bool {
        text.utf8.count == 64 && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}
