/// The media types that a client wants (RFC 9110 section 12.5.1).
package struct AcceptField: Sendable, Equatable {
    private struct Range: Sendable, Equatable {
        var type: String
        var subtype: String
        /// Parameters but `q`.
        var parameters: [FieldParameter]
        /// Thousandths: 0 means never.
        var quality: Int

        func matches(_ media: MediaType) -> Bool {
            (type == "*" || type == media.type) && (subtype == "*" || subtype == media.subtype)
                && parameters.allSatisfy { media.parameters.contains($0) }
        }

        /// More specific ranges decide over less specific ones.
        var specificity: Int {
            (type == "*" ? 0 : 1000) + (subtype == "*" ? 0 : 1000) + parameters.count
        }
    }

    private var ranges: [Range]

    /// Accepts everything: what a missing field means.
    package static let everything = AcceptField(ranges: [])

    private init(ranges: [Range]) {
        self.ranges = ranges
    }

    /// Reads the field's value, several lines joined by commas; nil where it is malformed.
    package static func parse(_ text: String?) -> AcceptField? {
        guard let text else { return .everything }
        var scanner = FieldScanner(text)
        var ranges: [Range] = []
        while true {
            scanner.skipBlanks()
            if scanner.isAtEnd { break }
            if scanner.consume(UInt8(ascii: ",")) { continue }
            guard let media = MediaType(&scanner), !(media.type == "*" && media.subtype != "*") else { return nil }
            var quality = 1000
            if let text = media.parameter("q") {
                guard let value = thousandths(text) else { return nil }
                quality = value
            }
            ranges.append(
                Range(
                    type: media.type, subtype: media.subtype,
                    parameters: media.parameters.filter { $0.name != "q" }, quality: quality))
            scanner.skipBlanks()
            guard scanner.isAtEnd || scanner.consume(UInt8(ascii: ",")) else { return nil }
        }
        return AcceptField(ranges: ranges)
    }

    /// `0[.ddd]` or `1[.000]` (RFC 9110 section 12.4.2) in thousandths.
    private static func thousandths(_ text: String) -> Int? {
        guard ["0", "1"].contains(text) || ["0.", "1."].contains(text.prefix(2)), text.utf8.count <= 5,
            text.utf8.dropFirst(2).allSatisfy(ByteClass.isDigit), let value = Double(text), value <= 1
        else { return nil }
        return Int((value * 1000).rounded())
    }

    /// How much a type is wanted, in thousandths: 1000 at most, 0 where it is not acceptable.
    package func quality(of media: MediaType) -> Int {
        guard !ranges.isEmpty else { return 1000 }
        let matching = ranges.filter { $0.matches(media) }
        return matching.max { $0.specificity < $1.specificity }?.quality ?? 0
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
