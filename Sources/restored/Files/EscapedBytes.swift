/// Bytes of any kind as a `String` and back, with nothing lost.
///
/// A file's name need not be text, and left to itself Swift puts U+FFFD for what is no UTF-8, so that the file can't be
/// found any more. Here each byte that is no part of a character becomes a scalar from U+F780 to U+F7FF, which are private
/// use. Where the bytes spell one of these very scalars its three bytes are written so too: no two names become the same.
package enum EscapedBytes {
    private static let base: UInt32 = 0xF700
    private static let escapes: ClosedRange<UInt32> = base + 0x80...base + 0xFF

    package static func text(_ bytes: [UInt8]) -> String {
        var text = String.UnicodeScalarView()
        for piece in TextPieces(bytes) {
            switch piece {
            case .scalar(let scalar) where !escapes.contains(scalar.value): text.append(scalar)
            case .scalar(let scalar): for byte in Array(String(scalar).utf8) { text.append(escape(byte)) }
            case .byte(let byte): text.append(escape(byte))
            }
        }
        return String(text)
    }

    package static func bytes(_ text: String) -> [UInt8] {
        var bytes: [UInt8] = []
        for scalar in text.unicodeScalars {
            if escapes.contains(scalar.value) {
                bytes.append(UInt8(truncatingIfNeeded: scalar.value))
            } else {
                bytes += Array(String(scalar).utf8)
            }
        }
        return bytes
    }

    private static func escape(_ byte: UInt8) -> Unicode.Scalar {
        Unicode.Scalar(base + UInt32(byte)) ?? "\u{FFFD}"
    }
}

/// Bytes cut into the characters that they spell in UTF-8 and the bytes that are part of none.
struct TextPieces: Sequence {
    enum Piece {
        case scalar(Unicode.Scalar)
        case byte(UInt8)
    }

    private let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    func makeIterator() -> AnyIterator<Piece> {
        var parser = Unicode.UTF8.ForwardParser()
        var rest = bytes.makeIterator()
        var index = 0
        var badEnd = 0
        return AnyIterator {
            if index == badEnd {
                switch parser.parseScalar(from: &rest) {
                case .valid(let encoded):
                    index += encoded.count
                    badEnd = index
                    return .scalar(Unicode.UTF8.decode(encoded))
                case .error(let length): badEnd = index + length
                case .emptyInput: return nil
                }
            }
            defer { index += 1 }
            return .byte(bytes[index])
        }
    }
}
