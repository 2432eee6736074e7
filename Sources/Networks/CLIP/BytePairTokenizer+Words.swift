/// Splitting cleaned text into words, each tokenised on its own.
extension BytePairTokenizer {
    enum Piece: Equatable {
        case word(String)
        case startOfText
        case endOfText
    }

    /// How the start and the end of a text are written within one.
    enum Specials {
        case original, openCLIP

        var names: [(String, Piece)] {
            switch self {
            case .original: [("<|startoftext|>", .startOfText), ("<|endoftext|>", .endOfText)]
            case .openCLIP: [("<start_of_text>", .startOfText), ("<end_of_text>", .endOfText)]
            }
        }
    }

    /// CLIP's pattern, at each place the first that fits: the two specials by name, a contraction, letters, one digit,
    /// or a run of anything else but white space.
    static func pieces(of text: String, specials: Specials = .openCLIP) -> [Piece] {
        let scalars = Array(text.unicodeScalars)
        var pieces: [Piece] = []
        var index = 0
        while index < scalars.count {
            if let (piece, length) = special(at: index, in: scalars, specials) {
                pieces.append(piece)
                index += length
                continue
            }
            let length = contractionLength(at: index, in: scalars) ?? runLength(at: index, in: scalars)
            if length > 0 {
                pieces.append(.word(String(String.UnicodeScalarView(scalars[index..<(index + length)]))))
            }
            index += max(length, 1)
        }
        return pieces
    }

    private static func special(
        at index: Int, in text: [Unicode.Scalar], _ specials: Specials
    ) -> (Piece, length: Int)? {
        guard text[index] == "<" else { return nil }
        for (name, piece) in specials.names {
            if text[index...].starts(with: name.unicodeScalars) { return (piece, name.unicodeScalars.count) }
        }
        return nil
    }

    private static func contractionLength(at index: Int, in text: [Unicode.Scalar]) -> Int? {
        guard text[index] == "'", index + 1 < text.count else { return nil }
        let next = text[index + 1]
        let afterNext = index + 2 < text.count ? text[index + 2] : " "
        return switch (next, afterNext) {
        // The pattern ignores case, and U+017F (long s) is an s then.
        case ("s", _), ("\u{17f}", _), ("t", _), ("m", _), ("d", _): 2
        case ("r", "e"), ("v", "e"), ("l", "l"): 3
        default: nil
        }
    }

    /// 0 for white space.
    private static func runLength(at index: Int, in text: [Unicode.Scalar]) -> Int {
        let first = category(of: text[index])
        if first == .digit { return 1 }
        if first == .space { return 0 }
        return text[index...].prefix { category(of: $0) == first }.count
    }

    private enum Category { case letter, digit, space, other }

    private static func category(of scalar: Unicode.Scalar) -> Category {
        // Its capital is a letter, it is not: a pattern that ignores case matches it nowhere, so it is skipped.
        if scalar == "\u{345}" { return .space }
        return switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: .letter
        case .decimalNumber, .letterNumber, .otherNumber: .digit
        default: scalar.properties.isWhitespace ? .space : .other
        }
    }
}
