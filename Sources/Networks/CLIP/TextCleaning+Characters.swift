/// Repairs of single characters: typographic variants, line breaks, controls.
extension TextCleaning {
    /// Latin ligatures and digraphs apart, half- and full-width forms at their normal width, curly quotes straight.
    static func replacingVariants(_ text: Scalars) -> Scalars {
        var result = Scalars()
        result.reserveCapacity(text.count)
        for scalar in text {
            switch scalar.value {
            case ..<0x132: result.append(scalar)
            case 0x2bc, 0x2018...0x201b: result.append("'")
            case 0x201c...0x201f: result.append("\"")
            case 0x3000: result.append(" ")
            case 0xffe3: result += [" ", "\u{304}"]
            case 0xff01...0xffee: result.append(normalWidth(of: scalar))
            default:
                if let letters = ligatures[scalar] {
                    result.append(contentsOf: letters.unicodeScalars)
                } else {
                    result.append(scalar)
                }
            }
        }
        return result
    }

    private static let ligatures: [Unicode.Scalar: String] = [
        "\u{132}": "IJ", "\u{133}": "ij", "\u{149}": "\u{2bc}n",
        "\u{1c4}": "D\u{17d}", "\u{1c5}": "D\u{17e}", "\u{1c6}": "d\u{17e}",
        "\u{1c7}": "LJ", "\u{1c8}": "Lj", "\u{1c9}": "lj", "\u{1ca}": "NJ", "\u{1cb}": "Nj", "\u{1cc}": "nj",
        "\u{1f1}": "DZ", "\u{1f2}": "Dz", "\u{1f3}": "dz",
        "\u{fb00}": "ff", "\u{fb01}": "fi", "\u{fb02}": "fl", "\u{fb03}": "ffi", "\u{fb04}": "ffl",
        "\u{fb05}": "\u{17f}t", "\u{fb06}": "st",
    ]

    /// The block "Halfwidth and Fullwidth Forms": ASCII in order, then katakana, Hangul and signs by table.
    private static func normalWidth(of scalar: Unicode.Scalar) -> Unicode.Scalar {
        switch scalar.value {
        case 0xff01...0xff5e: Unicode.Scalar(UInt8(scalar.value - 0xff01 + 0x21))
        case 0xff5f...0xff9f: halfWidthKana[Int(scalar.value - 0xff5f)]
        case 0xffa0: "\u{1160}"
        case 0xffa1...0xffbe: halfWidthConsonants[Int(scalar.value - 0xffa1)]
        case 0xffc2...0xffc7, 0xffca...0xffcf, 0xffd2...0xffd7, 0xffda...0xffdc: halfWidthVowel(scalar)
        case 0xffe0...0xffe6: wideSigns[Int(scalar.value - 0xffe0)]
        case 0xffe8...0xffee: halfWidthSigns[Int(scalar.value - 0xffe8)]
        default: scalar
        }
    }

    private static let halfWidthKana = Scalars((
        "⦅⦆。「」、・ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテト"
            + "ナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン\u{3099}\u{309a}"
    ).unicodeScalars)

    /// U+FFA1...U+FFBE follow the order of the compatibility letters U+3131...U+314E, which NFKC takes on to the
    /// conjoining initials and finals here.
    private static let halfWidthConsonants: Scalars = [
        "\u{1100}", "\u{1101}", "\u{11aa}", "\u{1102}", "\u{11ac}", "\u{11ad}", "\u{1103}", "\u{1104}", "\u{1105}",
        "\u{11b0}", "\u{11b1}", "\u{11b2}", "\u{11b3}", "\u{11b4}", "\u{11b5}", "\u{111a}", "\u{1106}", "\u{1107}",
        "\u{1108}", "\u{1121}", "\u{1109}", "\u{110a}", "\u{110b}", "\u{110c}", "\u{110d}", "\u{110e}", "\u{110f}",
        "\u{1110}", "\u{1111}", "\u{1112}",
    ]

    /// Vowels stand in groups of six, each group two code points after the last.
    private static func halfWidthVowel(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        let offset = scalar.value - 0xffc2
        return Unicode.Scalar(0x1161 + offset / 8 * 6 + offset % 8) ?? scalar
    }

    private static let wideSigns: Scalars = ["¢", "£", "¬", "\u{304}", "¦", "¥", "₩"]
    private static let halfWidthSigns: Scalars = ["│", "←", "↑", "→", "↓", "■", "○"]

    /// U+0080...U+009F are no characters of any text: Windows-1252 has quotes, dashes and the euro in their places.
    static func replacingControls(_ text: Scalars) -> Scalars {
        text.map { 0x80...0x9f ~= $0.value ? SingleByteEncoding.windows1252.upperHalf[Int($0.value - 0x80)] : $0 }
    }

    static func unifyingLineBreaks(_ text: Scalars) -> Scalars {
        var result = Scalars()
        result.reserveCapacity(text.count)
        for (index, scalar) in text.enumerated() {
            switch scalar {
            case "\r": result.append("\n")
            case "\n" where index > 0 && text[index - 1] == "\r": break
            case "\u{2028}", "\u{2029}", "\u{85}": result.append("\n")
            default: result.append(scalar)
            }
        }
        return result
    }

    /// Colour sequences of terminals: ESC `[`, digits and semicolons, one letter.
    static func removingTerminalEscapes(_ text: Scalars) -> Scalars {
        guard text.contains("\u{1b}") else { return text }
        var result = Scalars()
        var index = 0
        while index < text.count {
            if let end = terminalEscapeEnd(at: index, in: text) {
                index = end
            } else {
                result.append(text[index])
                index += 1
            }
        }
        return result
    }

    private static func terminalEscapeEnd(at start: Int, in text: Scalars) -> Int? {
        guard text[start] == "\u{1b}", start + 1 < text.count, text[start + 1] == "[" else { return nil }
        var index = start + 2
        while index < text.count, text[index] == ";" || text[index].properties.generalCategory == .decimalNumber {
            index += 1
        }
        guard index < text.count, "a"..."z" ~= text[index] || "A"..."Z" ~= text[index] else { return nil }
        return index + 1
    }

    /// Controls, annotation marks and the byte-order mark; joiners and direction marks stay, they shape what is seen.
    static func isUnwantedControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x00...0x08, 0x0b, 0x0e...0x1f, 0x7f, 0x206a...0x206f, 0xfeff, 0xfff9...0xfffc: true
        default: false
        }
    }
}
