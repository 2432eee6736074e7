/// The classes of bytes that HTTP's grammar is written in.
enum ByteClass {
    static let tab: UInt8 = 0x09
    static let lineFeed: UInt8 = 0x0A
    static let carriageReturn: UInt8 = 0x0D
    static let space: UInt8 = 0x20
    static let quote: UInt8 = 0x22
    static let backslash: UInt8 = 0x5C

    /// `tchar` (RFC 9110 section 5.6.2): letters, digits and `!#$%&'*+-.^_`|~`.
    @inline(__always)
    static func isToken(_ byte: UInt8) -> Bool {
        // One bit a byte: 0x00-0x3F in the first word, 0x40-0x7F in the second.
        byte < 0x40
            ? (0x03FF_6CFA_0000_0000 as UInt64) >> UInt64(byte) & 1 == 1
            : byte < 0x80 && (0x57FF_FFFF_C7FF_FFFE as UInt64) >> UInt64(byte - 0x40) & 1 == 1
    }

    /// `field-vchar`, blank and tab (RFC 9110 section 5.5); bytes from 0x80 are opaque but legal.
    @inline(__always)
    static func isFieldValue(_ byte: UInt8) -> Bool {
        byte >= 0x20 ? byte != 0x7F : byte == tab
    }

    /// Bytes of a request target. RFC 3986's own set, and ``[]^`{|}`` which browsers send as they are
    /// (URL standard, query percent-encode set); never blanks, controls, `"#<>\` or bytes from 0x7F.
    @inline(__always)
    static func isTarget(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x22, 0x23, 0x3C, 0x3E, 0x5C: false
        default: byte > 0x20 && byte < 0x7F
        }
    }

    @inline(__always)
    static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

    @inline(__always)
    static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 }

    @inline(__always)
    static func isBlank(_ byte: UInt8) -> Bool { byte == space || byte == tab }

    @inline(__always)
    static func lowercased(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }

    /// A hexadecimal digit's value; nil for other bytes.
    @inline(__always)
    static func hexValue(_ byte: UInt8) -> UInt8? {
        if byte &- 0x30 < 10 { return byte &- 0x30 }
        let letter = (byte | 0x20) &- 0x61
        return letter < 6 ? letter + 10 : nil
    }
}

extension Collection<UInt8> {
    /// Whether these bytes are the ASCII `text`, which must be in lower case, in any case.
    func equalsIgnoringCase(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { expected in
            zip(self, expected).allSatisfy { ByteClass.lowercased($0) == $1 }
        }
    }
}

extension ArraySlice<UInt8> {
    /// Without the blanks and tabs around (`OWS`, RFC 9110 section 5.6.3).
    var trimmingBlanks: ArraySlice<UInt8> {
        var slice = self
        while let first = slice.first, ByteClass.isBlank(first) { slice.removeFirst() }
        while let last = slice.last, ByteClass.isBlank(last) { slice.removeLast() }
        return slice
    }

    /// Whether two hexadecimal digits follow each percent sign (RFC 3986 section 2.1).
    var hasSoundEscapes: Bool {
        indices.allSatisfy { index in
            self[index] != UInt8(ascii: "%")
                || self[index...].dropFirst().prefix(2).count { ByteClass.hexValue($0) != nil } == 2
        }
    }

    /// The bytes as text; only for bytes already checked to be ASCII, or for messages.
    var text: String { String(decoding: self, as: UTF8.self) }

    /// At most 40 bytes for an error message, anything but visible ASCII as `\xNN`.
    var excerpt: String {
        var result = ""
        for byte in prefix(40) {
            if byte >= 0x20, byte < 0x7F, byte != ByteClass.backslash {
                result.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                result += "\\x" + (digits.utf8.count == 1 ? "0" : "") + digits
            }
        }
        return count > 40 ? result + "..." : result
    }
}
