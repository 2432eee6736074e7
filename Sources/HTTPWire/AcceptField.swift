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
        let bytes = Array(text.utf8)
        guard (1...5).contains(bytes.count), bytes[0] == 0x30 || bytes[0] == 0x31,
            bytes.count == 1 || bytes[1] == UInt8(ascii: ".")
        else { return nil }
        var value = Int(bytes[0] - 0x30) * 1000
        var weight = 100
        for byte in bytes.dropFirst(2) {
            guard ByteClass.isDigit(byte) else { return nil }
            value += Int(byte - 0x30) * weight
            weight /= 10
        }
        return value <= 1000 ? value : nil
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

    /// Whether `first` is acceptable and wanted more than `second`.
    package func prefers(_ first: MediaType, over second: MediaType) -> Bool {
        quality(of: first) > quality(of: second)
    }
}
