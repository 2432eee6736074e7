/// The media types that a client wants (RFC 9110 section 12.5.1).
///
/// Every field has a meaning: an element that is malformed counts as absent, and so does a field in which none is sound.
package struct AcceptField: Sendable, Equatable {
    private var ranges: [MediaRange] = []

    /// Reads the field's value, several lines joined by commas.
    ///
    /// - Parameter text: nil or empty where anything is accepted.
    package init(_ text: String?) {
        var rest = Array((text ?? "").utf8)[...]
        while !rest.isEmpty {
            let element = Self.element(of: rest)
            rest = rest[element.endIndex...].dropFirst()
            let trimmed = element.trimmingBlanks
            if MediaRange.isOldDefault(trimmed) {
                ranges = []
                return
            }
            if let range = MediaRange(trimmed) { ranges.append(range) }
        }
    }

    /// Up to the first comma outside of quotes.
    private static func element(of bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var (isQuoted, isEscaped) = (false, false)
        return bytes.prefix { byte in
            if isEscaped {
                isEscaped = false
            } else if byte == ByteClass.quote {
                isQuoted.toggle()
            } else if isQuoted, byte == ByteClass.backslash {
                isEscaped = true
            }
            return isQuoted || byte != UInt8(ascii: ",")
        }
    }

    /// How much a type is wanted, in thousandths: 1000 at most, 0 where it is not acceptable. The most specific range
    /// decides.
    package func quality(of media: MediaType) -> Int {
        guard !ranges.isEmpty else { return 1000 }
        let matching = ranges.compactMap { range in range.rank(for: media).map { (rank: $0, quality: range.quality) } }
        return matching.max { ($0.rank, $0.quality) < ($1.rank, $1.quality) }?.quality ?? 0
    }

    /// The offer wanted most, the earlier of equals; nil where none is acceptable.
    package func best(of offers: [MediaType]) -> MediaType? {
        var best: (media: MediaType, quality: Int)?
        for offer in offers {
            let quality = quality(of: offer)
            if quality > best?.quality ?? 0 { best = (offer, quality) }
        }
        return best?.media
    }
}

/// One element of an Accept field.
private struct MediaRange: Sendable, Equatable {
    private let media: MediaType
    /// Thousandths: 0 means never.
    let quality: Int

    /// Nil where it is malformed. Of malformed parameters what is sound before them counts.
    init?(_ element: ArraySlice<UInt8>) {
        var scanner = FieldScanner(element)
        guard let type = scanner.token(), scanner.consume(UInt8(ascii: "/")), let subtype = scanner.token(),
            type != "*" || subtype == "*"
        else { return nil }
        scanner.skipBlanks()
        var parameters: [FieldParameter] = []
        var quality: Int?
        while scanner.consume(ParameterScanner.semicolon) {
            scanner.skipBlanks()
            guard let name = scanner.token()?.lowercased() else { continue }
            guard scanner.consume(UInt8(ascii: "=")), let value = scanner.token() ?? scanner.quotedString() else { break }
            scanner.skipBlanks()
            if name == "q" {
                quality = quality ?? Self.thousandths(value)
            } else {
                parameters.append(FieldParameter(name: name, value: value))
            }
        }
        media = MediaType(type, subtype, parameters: parameters).registered
        self.quality = quality ?? 1000
    }

    /// Whether it is the lone `*` that Java's HttpURLConnection sends, with a list of types that nobody chose, where its
    /// user names none.
    static func isOldDefault(_ element: ArraySlice<UInt8>) -> Bool {
        element.prefix { $0 != ParameterScanner.semicolon }.trimmingBlanks.elementsEqual([UInt8(ascii: "*")])
    }

    /// `0[.ddd]` or `1[.000]` (RFC 9110 section 12.4.2) in thousandths. Without the leading 0 or with more digits it is
    /// understood as well, and 1 where it is no such number.
    private static func thousandths(_ text: String) -> Int {
        let pieces = text.utf8.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        guard text.utf8.contains(where: ByteClass.isDigit), pieces.allSatisfy({ $0.allSatisfy(ByteClass.isDigit) })
        else { return 1000 }
        if pieces.first?.contains(where: { $0 != UInt8(ascii: "0") }) == true { return 1000 }
        let digits = pieces.dropFirst().first.map { Array($0) } ?? []
        let value = digits.prefix(3).enumerated().reduce(0) { $0 + Int($1.element - 0x30) * [100, 10, 1][$1.offset] }
        // More than 0 is not "never".
        return value == 0 && digits.contains(where: { $0 != UInt8(ascii: "0") }) ? 1 : value
    }

    /// How specific it is where it matches; nil where it doesn't.
    ///
    /// A parameter that the answer doesn't have (`version=1`) makes no other answer of the same type acceptable by the
    /// letter; who sends one still takes that type rather than none. So it counts, after the same range without it, but
    /// where it excludes.
    func rank(for offer: MediaType) -> Int? {
        guard media.type == "*" || media.type == offer.type, media.subtype == "*" || media.subtype == offer.subtype
        else { return nil }
        let rank = (media.type == "*" ? 0 : 1000) + (media.subtype == "*" ? 0 : 1000)
        if media.parameters.allSatisfy({ Self.has(offer, $0) }) { return rank + media.parameters.count }
        return quality > 0 ? rank - 1 : nil
    }

    /// All text here is UTF-8, whether or not the answer says so.
    private static func has(_ offer: MediaType, _ parameter: FieldParameter) -> Bool {
        let isOurs = parameter.name == "charset" && ["utf-8", "utf8"].contains(parameter.value.lowercased())
        return (isOurs && offer.type != "image") || offer.parameters.contains(parameter)
    }
}
