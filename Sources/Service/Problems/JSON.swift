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
