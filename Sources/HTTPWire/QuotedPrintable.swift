/// The quoted-printable coding (RFC 2045 section 6.7), in which some form libraries write text fields.
package enum QuotedPrintable {
    /// The bytes that a coded text stands for; nil where an `=` is followed by neither two hexadecimal digits nor a line
    /// end.
    package static func decode(_ text: [UInt8]) -> [UInt8]? {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(text.count)
        var rest = text[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "=") else {
                decoded.append(byte)
                continue
            }
            guard let first = rest.popFirst(), let second = rest.popFirst() else { return nil }
            // A soft line break stands for nothing.
            if first == ByteClass.carriageReturn, second == ByteClass.lineFeed { continue }
            guard let high = ByteClass.hexValue(first), let low = ByteClass.hexValue(second) else { return nil }
            decoded.append(high << 4 | low)
        }
        return decoded
    }
}
