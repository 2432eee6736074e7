/// What is done to words before OpenAI's text tower sees them, in Hugging Face's programs: damaged encodings mended, typographic
/// variants made plain, references resolved, runs of white space one space, lower case.
///
/// Those programs leave this to a library of many rules (ftfy); here are the ones that words of requests meet.
package enum TextRepair {
    package static func repaired(_ text: String) -> String {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            plain(mended(resolved(String(line))))
        }
        let joined = TextCleaning.composed(lines.joined(separator: "\n"))
        return TextCleaning.collapsingWhiteSpace(joined).lowercased()
    }

    /// References are resolved until nothing changes, in a line that has no sign of markup as it is given.
    private static func resolved(_ line: String) -> String {
        guard !line.contains("<") else { return line }
        var line = line
        // Each time the text gets shorter.
        while true {
            let next = TextCleaning.unescapingReferences(line)
            if next == line { return line }
            line = next
        }
    }

    // MARK: Damaged encodings

    /// The characters that Windows shows for the bytes 0x80 to 0x9F; nil for five that it has none for.
    private static let windows: [Unicode.Scalar: UInt8] = {
        let scalars: [UInt32] = [
            0x20AC, 0, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017D, 0,
            0, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0, 0x017E,
            0x0178,
        ]
        var bytes: [Unicode.Scalar: UInt8] = [:]
        for (index, value) in scalars.enumerated() {
            if value != 0, let scalar = Unicode.Scalar(value) { bytes[scalar] = UInt8(0x80 + index) }
        }
        return bytes
    }()

    /// UTF-8 that was read as one byte a character is read again: runs of such characters that are sound UTF-8 of more than one
    /// byte a character.
    private static func mended(_ line: String) -> String {
        var result = String.UnicodeScalarView()
        var rest = Array(line.unicodeScalars)[...]
        while let first = rest.first {
            if let length = sequenceLength(rest), let character = decoded(rest.prefix(length)) {
                result.append(contentsOf: character.unicodeScalars)
                rest = rest.dropFirst(length)
            } else {
                result.append(first)
                rest = rest.dropFirst()
            }
        }
        return String(result)
    }

    private static func byte(_ scalar: Unicode.Scalar) -> UInt8? {
        if let byte = windows[scalar] { return byte }
        return (0x80...0xFF).contains(scalar.value) ? UInt8(scalar.value) : nil
    }

    /// Of the UTF-8 sequence that begins here.
    private static func sequenceLength(_ scalars: ArraySlice<Unicode.Scalar>) -> Int? {
        guard let first = scalars.first.flatMap(byte) else { return nil }
        let length = switch first {
        case 0xC3...0xDF: 2
        case 0xE2...0xEF: 3
        case 0xF0...0xF4: 4
        default: 0
        }
        guard length > 1, scalars.count >= length else { return nil }
        let isSequence = scalars.dropFirst().prefix(length - 1).allSatisfy { scalar in
            byte(scalar).map { (0x80...0xBF).contains($0) } ?? false
        }
        return isSequence ? length : nil
    }

    private static func decoded(_ scalars: ArraySlice<Unicode.Scalar>) -> String? {
        String(validating: scalars.compactMap(byte), as: UTF8.self)
    }

    // MARK: Typographic variants

    private static let variants: [Unicode.Scalar: String] = [
        "\u{2018}": "'", "\u{2019}": "'", "\u{201A}": "'", "\u{201B}": "'", "\u{02BC}": "'",
        "\u{201C}": "\"", "\u{201D}": "\"", "\u{201E}": "\"", "\u{201F}": "\"",
        "\u{FB00}": "ff", "\u{FB01}": "fi", "\u{FB02}": "fl", "\u{FB03}": "ffi", "\u{FB04}": "ffl", "\u{FB05}": "\u{17F}t",
        "\u{FB06}": "st", "\u{0132}": "IJ", "\u{0133}": "ij", "\u{3000}": " ", "\u{FEFF}": "",
    ]

    /// Straight quotes, ligatures as letters, letters of the width of others, and no control characters.
    private static func plain(_ line: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in line.unicodeScalars {
            if let variant = variants[scalar] {
                result.append(contentsOf: variant.unicodeScalars)
            } else if (0xFF01...0xFF5E).contains(scalar.value), let narrow = Unicode.Scalar(scalar.value - 0xFEE0) {
                result.append(narrow)
            } else if scalar.value >= 0x20 && scalar.value != 0x7F || scalar == "\t" || scalar == "\r" || scalar == "\u{C}" {
                result.append(scalar)
            }
        }
        return String(result)
    }
}
