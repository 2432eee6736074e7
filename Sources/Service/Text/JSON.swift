import Checkpoints

extension JSON {
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

/// Bytes as text (RFC 4648, section 4), written where they belong: through Foundation and the encoder of JSON a picture
/// would be in memory five times over.
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let padding = UInt8(ascii: "=")

    /// Characters that a number of bytes take.
    static func count(of bytes: Int) -> Int { (bytes + 2) / 3 * 4 }

    static func append(_ bytes: [UInt8], to text: inout [UInt8]) {
        let alphabet = Self.alphabet
        var index = 0
        while index + 2 < bytes.count {
            let group = Int(bytes[index]) << 16 | Int(bytes[index + 1]) << 8 | Int(bytes[index + 2])
            text.append(alphabet[group >> 18])
            text.append(alphabet[group >> 12 & 63])
            text.append(alphabet[group >> 6 & 63])
            text.append(alphabet[group & 63])
            index += 3
        }
        guard index < bytes.count else { return }
        let second = index + 1 < bytes.count ? Int(bytes[index + 1]) : 0
        let group = Int(bytes[index]) << 8 | second
        text.append(alphabet[group >> 10])
        text.append(alphabet[group >> 4 & 63])
        text.append(index + 1 < bytes.count ? alphabet[group << 2 & 63] : padding)
        text.append(padding)
    }
}
