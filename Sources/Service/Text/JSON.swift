import FoundationEssentials

/// JSON for the program's other parts.
package enum OneLineJSON {
    package static func text(_ value: some Encodable) -> String { JSON.line(value) }
}

/// Values as JSON text: keys in alphabetical order, so that the same answer is the same bytes.
enum JSON {
    static func bytes(_ value: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Encoding fails only for numbers that aren't finite; such a document says nothing rather than nonsense.
        guard let data = try? encoder.encode(value) else { return Array("{}".utf8) }
        return Array(data)
    }

    static func line(_ value: some Encodable) -> String {
        String(decoding: bytes(value), as: UTF8.self)
    }

    /// A document with bytes as base64 in its member `name`, which is encoded empty.
    static func bytes(_ value: some Encodable, base64: [UInt8], in name: String) -> [UInt8] {
        let document = bytes(value)
        // A quotation mark within a value is escaped: this can be nothing but the member.
        guard let place = document.firstRange(of: Array("\"\(name)\":\"".utf8))?.upperBound else { return document }
        var filled: [UInt8] = []
        filled.reserveCapacity(document.count + Base64.count(of: base64.count))
        filled += document[..<place]
        Base64.append(base64, to: &filled)
        filled += document[place...]
        return filled
    }
}
