/// What is done to a label before it is split into words: HTML references resolved twice, characters composed, runs of
/// white space one space and none at the ends, lower case.
///
/// CLIP's own captions also had damaged encodings and typographic variants mended; labels are typed, and need neither.
package enum TextCleaning {
    package static func clean(_ text: String) -> String {
        collapsingWhiteSpace(composed(unescapingReferences(unescapingReferences(text)))).lowercased()
    }

    static func collapsingWhiteSpace(_ text: String) -> String {
        text.unicodeScalars.split { $0.properties.isWhitespace }.map { String($0) }.joined(separator: " ")
    }
}

// MARK: - References

extension TextCleaning {
    /// The names of U+00A0 to U+00FF, in their order.
    private static let latinNames = """
        nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute micro \
        para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil \
        Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave \
        Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml \
        igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute \
        thorn yuml
        """.split(separator: " ")

    private static let named: [Substring: Unicode.Scalar] = Dictionary(
        zip(latinNames, (UInt8(0xA0)...0xFF).map { Unicode.Scalar($0) }) + [
            ("quot", "\""), ("amp", "&"), ("apos", "'"), ("lt", "<"), ("gt", ">"), ("ndash", "–"), ("mdash", "—"),
            ("lsquo", "‘"), ("rsquo", "’"), ("ldquo", "“"), ("rdquo", "”"), ("hellip", "…"), ("euro", "€"),
        ], uniquingKeysWith: { first, _ in first })

    /// A reference longer than this is not looked up.
    private static let referenceLimit = 10

    /// Each `&name;`, `&#number;` and `&#xnumber;` that is known becomes its character; others stay.
    static func unescapingReferences(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        var rest = text.unicodeScalars[...]
        while let scalar = rest.popFirst() {
            if scalar == "&", let end = rest.prefix(referenceLimit).firstIndex(of: ";"),
                let found = self.scalar(named: Substring(rest[..<end])) {
                result.append(found)
                rest = rest[rest.index(after: end)...]
            } else {
                result.append(scalar)
            }
        }
        return String(result)
    }

    private static func scalar(named name: Substring) -> Unicode.Scalar? {
        guard name.first == "#" else { return named[name] }
        let number = name.dropFirst()
        let isHexadecimal = number.first == "x" || number.first == "X"
        let digits = isHexadecimal ? number.dropFirst() : number
        return UInt32(digits, radix: isHexadecimal ? 16 : 10).flatMap { Unicode.Scalar($0) }
    }
}

// MARK: - Composition

extension TextCleaning {
    /// The characters of alphabets, kana and Hangul that are one scalar. Swift compares characters by canonical
    /// equivalence, so each is found by however it is spelt; of several the first counts, as in NFC.
    private static let precomposed: [Character: Character] = {
        let ranges: [ClosedRange<UInt32>] = [0x20...0x6D3, 0x1E00...0x1FFF, 0x3041...0x30FF, 0xAC00...0xD7A3]
        let scalars = ranges.joined().compactMap { Unicode.Scalar($0) }
        let characters = scalars.filter { $0.properties.generalCategory != .nonspacingMark }.map { Character($0) }
        return Dictionary(zip(characters, characters), uniquingKeysWith: { first, _ in first })
    }()

    /// Normalisation form C for the scripts in the table; others stay as they come. (The standard library offers no
    /// normalisation, and Foundation's would add 50 MB to a static program.)
    static func composed(_ text: String) -> String {
        text.utf8.allSatisfy { $0 < 0x80 } ? text : String(text.map { precomposed[$0] ?? $0 })
    }
}
