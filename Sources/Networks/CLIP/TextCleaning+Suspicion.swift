/// Tells text that is likely to be mojibake from text that only looks foreign.
///
/// UTF-8 misread as an 8-bit encoding puts a letter with an accent (the lead byte) before signs and controls (the
/// continuation bytes). People write accented letters among letters, so it is the company that gives it away.
extension TextCleaning {
    private struct Kind: OptionSet {
        let rawValue: UInt16
        static let control = Self(rawValue: 1 << 0)
        /// Signs that hardly anyone writes, but misreading yields often.
        static let stray = Self(rawValue: 1 << 1)
        static let law = Self(rawValue: 1 << 2)
        static let currency = Self(rawValue: 1 << 3)
        static let opening = Self(rawValue: 1 << 4)
        static let closing = Self(rawValue: 1 << 5)
        static let numeric = Self(rawValue: 1 << 6)
        static let box = Self(rawValue: 1 << 7)
        /// Letters of faces such as "ò_ô", which stand in odd company on purpose.
        static let face = Self(rawValue: 1 << 8)
        static let upper = Self(rawValue: 1 << 9)
        static let lower = Self(rawValue: 1 << 10)
        /// Letters of other scripts, thorn among them.
        static let otherUpper = Self(rawValue: 1 << 11)
        static let otherLower = Self(rawValue: 1 << 12)
        static let asciiUpper = Self(rawValue: 1 << 13)
        static let asciiLower = Self(rawValue: 1 << 14)
        static let common = Self(rawValue: 1 << 15)

        static let ascii: Kind = [.asciiUpper, .asciiLower]
        static let accented: Kind = [.upper, .lower]
        static let quoting: Kind = [.opening, .closing]
    }

    private static let nearStray: Kind = [.upper, .lower, .box, .opening, .closing, .currency, .numeric, .law]

    /// What may not stand next to each other.
    private static let unlikelyPairs: [(Kind, Kind)] = [
        (nearStray.union(.stray), .stray), (.stray, nearStray),
        ([.lower, .otherLower, .box, .closing, .currency, .numeric], .upper),
        ([.box, .closing, .currency, .numeric], .lower),
        ([.lower, .box, .closing], .currency),
        ([.upper, .box], [.numeric, .law]),
        ([.currency, .numeric, .box], .opening),
        (.box, [.face, .closing]),
        ([.upper, .lower, .currency, .numeric, .opening, .closing, .law], .box),
    ]

    private static let unlikelyTriples: [(Kind, Kind, Kind)] = [
        (.ascii, [.otherUpper, .otherLower], .stray),
        ([.upper, .lower, .box, .currency, .closing], .opening, .numeric),
        ([.upper, .lower, .currency, .numeric, .box, .law], .closing, .opening),
        (.asciiLower, .upper, [.opening, .currency]),
    ]

    static func isSuspicious(_ text: some RandomAccessCollection<Unicode.Scalar>) -> Bool {
        let scalars = Scalars(text)
        let kinds = scalars.map(kind)
        return scalars.indices.contains { index in
            kinds[index] == .control
                || isUnlikelyByKind(kinds, at: index)
                || isUnlikelyBeforeWord(scalars, kinds, at: index)
                || isKnownMisreading(scalars, kinds, at: index)
        }
    }

    private static func isUnlikelyByKind(_ kinds: [Kind], at index: Int) -> Bool {
        let first = kinds[index]
        guard !first.isEmpty, index + 1 < kinds.count, !kinds[index + 1].isEmpty else { return false }
        let second = kinds[index + 1]
        if unlikelyPairs.contains(where: { meets(first, $0) && meets(second, $1) }) { return true }
        guard index + 2 < kinds.count, !kinds[index + 2].isEmpty else { return false }
        let third = kinds[index + 2]
        return unlikelyTriples.contains { meets(first, $0) && meets(second, $1) && meets(third, $2) }
    }

    /// An accented letter, a quotation mark, and a word right behind: the mark opens or closes nothing. Or a lone
    /// accented capital before money.
    private static func isUnlikelyBeforeWord(_ text: Scalars, _ kinds: [Kind], at index: Int) -> Bool {
        guard index + 2 < text.count else { return false }
        if meets(kinds[index], .accented), meets(kinds[index + 1], .quoting), isWord(text[index + 2]) { return true }
        return text[index].properties.isWhitespace && meets(kinds[index + 1], .upper) && meets(kinds[index + 2], .currency)
    }

    private static func meets(_ kind: Kind, _ other: Kind) -> Bool { !kind.isDisjoint(with: other) }

    private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        if scalar == "_" { return true }
        return switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
             .decimalNumber, .letterNumber, .otherNumber: true
        default: false
        }
    }

    private static func kind(of scalar: Unicode.Scalar) -> Kind {
        if scalar.isASCII {
            return "a"..."z" ~= scalar ? .asciiLower : "A"..."Z" ~= scalar ? .asciiUpper : []
        }
        if let exception = kindExceptions[scalar] { return exception }
        guard charactersOfEncodings.contains(scalar) else { return [] }
        return switch scalar.value {
        case 0x80...0x9f: .control
        case 0xc0...0x17f where scalar.properties.isUppercase: .upper
        case 0xc0...0x17f where scalar.properties.isLowercase: .lower
        case 0x370...0x45f where scalar.properties.isUppercase: .otherUpper
        case 0x370...0x45f where scalar.properties.isLowercase: .otherLower
        case 0x2550...0x256c, 0x2580, 0x2584, 0x2588, 0x258c, 0x2590...0x2593: .box
        default: kindOfSign(scalar)
        }
    }

    private static func kindOfSign(_ scalar: Unicode.Scalar) -> Kind {
        switch scalar.properties.generalCategory {
        case .currencySymbol: .currency
        case .initialPunctuation, .openPunctuation: .opening
        case .finalPunctuation: .closing
        case .mathSymbol, .otherNumber: .numeric
        default: []
        }
    }

    /// Only what misreading can yield counts.
    private static let charactersOfEncodings = Set(SingleByteEncoding.all.flatMap(\.upperHalf))

    private static let kindExceptions: [Unicode.Scalar: Kind] = {
        let exceptions: [(String, Kind)] = [
            ("¦¤¨¬¯¸ƒˆˇ˘˛˜†‡‰⌐◊ªº\u{fffd}", .stray),
            ("¶§", .law),
            ("¡¿©΄΅•\u{f8ff}", .opening),
            ("®˝™", .closing),
            ("µ№", .numeric),
            ("│┌┐┘├┤┬┼", .box),
            ("ÒÓÔÕÖÙÚÛòóôõöøùúûŐŌŪŲ°", .face),
            ("Ü", [.upper, .face]), ("ü", [.lower, .face]),
            ("Þ", .otherUpper),
            ("\u{a0}\u{ad}·´–—―…’", .common),
            ("ﬁﬂґ", .lower), ("Ґ", .upper),
            // Letters that end words too often, or that no misreading yields.
            ("ýþÿńňņřŗţőōűūųŅŔŖ", []),
            ("ΐΰίόύώ", .otherLower), ("ϊϋςђѓєѕіїјљњћќѝўџ", .otherLower),
        ]
        var kinds: [Unicode.Scalar: Kind] = [:]
        for (scalars, kind) in exceptions {
            for scalar in scalars.unicodeScalars { kinds[scalar] = kind }
        }
        return kinds
    }()
}

/// Combinations of particular characters that one misreading or another yields for common text.
extension TextCleaning {
    private static func isKnownMisreading(_ text: Scalars, _ kinds: [Kind], at index: Int) -> Bool {
        func scalar(_ offset: Int) -> Unicode.Scalar? {
            text.indices.contains(index + offset) ? text[index + offset] : nil
        }
        func isOne(of scalars: String, _ offset: Int) -> Bool {
            scalar(offset).map(scalars.unicodeScalars.contains) ?? false
        }
        func meetsKind(_ kind: Kind, _ offset: Int) -> Bool {
            kinds.indices.contains(index + offset) && meets(kinds[index + offset], kind)
        }
        switch text[index] {
        case "Œ", "œ": return scalar(1) != nil && !meetsKind(.ascii, 1)
        case "Â", "Ã":
            // Latin-1 letters and signs; "à" whose second byte became a space; a no-break space.
            if isOne(of: "€œŠš¢£Ÿž\u{a0}\u{ad}®©°·»–—´¡", 1) || meetsKind(.quoting, 1) { return true }
            guard scalar(1) == " " else { return false }
            return index == 0 || isAfterLowerCase(text, kinds, index)
                || text[index] == "Â" && (isOne(of: ".,?!", -1) || meetsKind(.closing, -1))
        case "Î", "Ð": return isOne(of: "€œŠš¢£Ÿž\u{a0}\u{ad}®©°·»–—´", 1) || meetsKind(.quoting, 1)
        case "×": return isOne(of: "²³", 1)
        case "Ø", "Ù":
            // Arabic letters are D8 or D9 and a byte of any kind: two in a row.
            func isArabicTail(_ offset: Int) -> Bool {
                meetsKind([.common, .currency, .stray, .numeric, .opening], offset) || isOne(of: "ŸŠ®°µ»", offset)
            }
            return isArabicTail(1) && isOne(of: "ØÙ", 2) && isArabicTail(3)
        case "à": return isOne(of: "²µ¹¼½¾", 1)
        case "√": return isOne(of: "±∂†≠®™´≤≥¥µø", 1)
        case "≈": return isOne(of: "°¢", 1)
        case "‚": return scalar(1) == "Ä" && isOne(of: "ìîïòôíúùû†°¢π", 2) || isOne(of: "âó", 1) && isOne(of: "àä°ê", 2)
        case "в": return scalar(1) == "Ђ"
        case "β": return scalar(1) == "€" && isOne(of: "™\u{a0}Ά\u{ad}®°", 2)
        case "ā": return scalar(1) == "€"
        case "В", "Г", "Р", "С":
            return meetsKind([.control, .stray, .opening, .closing, .currency], 1) && isOne(of: "ВГРС", 2)
                || isOne(of: "°µ", 1) && isOne(of: "ВГРС", 2)
        case "Β", "Γ", "Ξ", "Ο":
            return (meetsKind([.control, .stray, .opening, .closing, .currency], 1) || isOne(of: "°", 1))
                && isOne(of: "ΒΓΞΟ", 2)
        default: return meetsKind(.upper, 0) && scalar(1) == "°"
        }
    }

    private static func isAfterLowerCase(_ text: Scalars, _ kinds: [Kind], _ index: Int) -> Bool {
        if kinds[index - 1] == .asciiLower { return true }
        return index > 1 && text[index - 1].properties.isWhitespace && kinds[index - 2] == .asciiLower
    }
}
