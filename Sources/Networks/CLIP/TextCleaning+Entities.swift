/// HTML character references (WHATWG HTML, section 13.2.5.72 onwards).
extension TextCleaning {
    private struct EntityNames {
        var values: [String: String] = [:]
        /// Names that count without a semicolon.
        var loose: Set<String> = []

        init(table: StaticString) {
            for entry in "\(table)".split(whereSeparator: { $0 == " " || $0 == "\n" }) {
                guard let mark = entry.firstIndex(where: { $0 == "=" || $0 == "!" }) else { continue }
                let name = String(entry[..<mark])
                let codes = entry[entry.index(after: mark)...].split(separator: "+")
                values[name] = TextCleaning.string(codes.compactMap { UInt32($0, radix: 16).flatMap(Unicode.Scalar.init) })
                if entry[mark] == "!" { loose.insert(name) }
            }
        }
    }

    private static let entityNames = EntityNames(table: entityTable)

    /// A name longer than this is not looked up.
    private static let maximumReferenceLength = 32

    /// As browsers do: numbers with or without a semicolon, and of an unknown name the longest known beginning.
    static func unescapingReferences(_ text: Scalars) -> Scalars {
        replacingReferences(in: text) { index in
            numericReference(at: index, in: text) ?? namedReference(at: index, in: text)
        }
    }

    /// More careful, for text that may not be HTML at all: only references that end with a semicolon, but names whose
    /// case was lost to capitals (`&EACUTE;`) as well.
    static func unescapingCompleteReferences(_ text: Scalars) -> Scalars {
        replacingReferences(in: text) { completeReference(at: $0, in: text) }
    }

    private typealias Replacement = (value: Scalars, end: Int)

    private static func replacingReferences(in text: Scalars, _ reference: (Int) -> Replacement?) -> Scalars {
        guard text.contains("&") else { return text }
        var result = Scalars()
        result.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            if text[index] == "&", let found = reference(index) {
                result += found.value
                index = found.end
            } else {
                result.append(text[index])
                index += 1
            }
        }
        return result
    }

    private static func numericReference(at start: Int, in text: Scalars) -> Replacement? {
        var index = start + 1
        guard index < text.count, text[index] == "#" else { return nil }
        index += 1
        let isHexadecimal = index < text.count && (text[index] == "x" || text[index] == "X")
        if isHexadecimal { index += 1 }
        var code: UInt32 = 0
        let digits = index
        while index < text.count, let digit = Character(text[index]).hexDigitValue, text[index].isASCII,
              isHexadecimal || digit < 10 {
            // Saturates just above the last code point, so that any number of digits is one error.
            code = min(code * (isHexadecimal ? 16 : 10) + UInt32(digit), 0x11_0000)
            index += 1
        }
        guard index > digits else { return nil }
        if index < text.count, text[index] == ";" { index += 1 }
        return (scalars(forReference: code), index)
    }

    /// Numbers that are no characters: Windows-1252 for the C1 range, nothing for the other controls.
    private static func scalars(forReference code: UInt32) -> Scalars {
        switch code {
        case 0, 0xd800...0xdfff, 0x11_0000...: ["\u{fffd}"]
        case 0x80...0x9f: [SingleByteEncoding.windows1252.upperHalf[Int(code - 0x80)]]
        case 0x01...0x08, 0x0b, 0x0e...0x1f, 0x7f, 0xfdd0...0xfdef: []
        case _ where code & 0xfffe == 0xfffe: []
        default: Unicode.Scalar(code).map { [$0] } ?? []
        }
    }

    private static func namedReference(at start: Int, in text: Scalars) -> Replacement? {
        let limit = min(text.count, start + 1 + maximumReferenceLength)
        var end = start + 1
        while end < limit, !"\t\n\u{c} <&#;".unicodeScalars.contains(text[end]) { end += 1 }
        guard end > start + 1 else { return nil }
        let name = string(text[(start + 1)..<end])
        if end < text.count, text[end] == ";", let value = entityNames.values[name] {
            return (Scalars(value.unicodeScalars), end + 1)
        }
        return looseReference(start: start + 1, end: end, in: text)
    }

    /// The longest older name that begins `text[start..<end]`.
    private static func looseReference(start: Int, end: Int, in text: Scalars) -> Replacement? {
        for stop in stride(from: end, to: start + 1, by: -1) {
            let name = string(text[start..<stop])
            if entityNames.loose.contains(name), let value = entityNames.values[name] {
                return (Scalars(value.unicodeScalars), stop)
            }
        }
        return nil
    }

    private static func completeReference(at start: Int, in text: Scalars) -> Replacement? {
        let isNumeric = start + 1 < text.count && text[start + 1] == "#"
        let bodyStart = start + (isNumeric ? 2 : 1)
        let limit = min(text.count, bodyStart + 24)
        var end = bodyStart
        while end < limit, text[end].isASCII, Character(text[end]).isLetter || Character(text[end]).isNumber { end += 1 }
        guard end > bodyStart, end < text.count, text[end] == ";" else { return nil }
        if isNumeric {
            return numericReference(at: start, in: text).flatMap { $0.end == end + 1 ? $0 : nil }
        }
        let name = string(text[bodyStart..<end])
        if let value = entityNames.values[name] { return (Scalars(value.unicodeScalars), end + 1) }
        return capitalisedReference(name, start: bodyStart, end: end, in: text)
    }

    private static func capitalisedReference(_ name: String, start: Int, end: Int, in text: Scalars) -> Replacement? {
        guard name == name.uppercased(), let value = entityNames.values[name.lowercased()],
              looseReference(start: start, end: end, in: text) == nil else { return nil }
        return (Scalars(value.uppercased().unicodeScalars), end + 1)
    }
}
