/// Unicode normalisation form C (UAX #15): canonical decomposition, ordering of marks, composition.
///
/// The standard library has no public form of it, and Foundation's brings some sixty megabytes of locale data into a
/// static executable.
extension TextCleaning {
    private struct Decompositions {
        var parts: [UInt32: [UInt32]] = [:]
        var composites: [UInt64: UInt32] = [:]

        init(table: StaticString) {
            var code: UInt32 = 0
            for entry in "\(table)".split(whereSeparator: { $0 == " " || $0 == "\n" }) {
                var body = entry
                if let colon = entry.firstIndex(of: ":") {
                    code = UInt32(entry[..<colon], radix: 16) ?? 0
                    body = entry[entry.index(after: colon)...]
                }
                let composes = body.last != "!"
                if !composes { body.removeLast() }
                let scalars = body.split(separator: "+").compactMap { UInt32($0, radix: 16) }
                parts[code] = scalars
                if scalars.count == 2, composes { composites[pair(scalars[0], scalars[1])] = code }
                code += 1
            }
        }
    }

    private static let decompositions = Decompositions(table: decompositionTable)

    private static func pair(_ first: UInt32, _ second: UInt32) -> UInt64 { UInt64(first) << 32 | UInt64(second) }

    static func composed(_ text: Scalars) -> Scalars {
        // Nothing below U+0300 combines or has a singleton decomposition.
        if text.allSatisfy({ $0.value < 0x300 }) { return text }
        var decomposed = Scalars()
        decomposed.reserveCapacity(text.count)
        for scalar in text { decompose(scalar.value, into: &decomposed) }
        sortMarks(in: &decomposed)
        return composing(decomposed)
    }

    private static func decompose(_ code: UInt32, into result: inout Scalars) {
        if let syllable = HangulSyllable(code) {
            result.append(contentsOf: syllable.parts.compactMap(Unicode.Scalar.init))
        } else if code >= 0xc0, let parts = decompositions.parts[code] {
            for part in parts { decompose(part, into: &result) }
        } else if let scalar = Unicode.Scalar(code) {
            result.append(scalar)
        }
    }

    private static func combiningClass(_ scalar: Unicode.Scalar) -> UInt8 {
        scalar.value < 0x300 ? 0 : scalar.properties.canonicalCombiningClass.rawValue
    }

    /// Sorts each run of combining marks by class, keeping equals in order.
    private static func sortMarks(in text: inout Scalars) {
        var start = 0
        while start < text.count {
            guard combiningClass(text[start]) > 0 else { start += 1; continue }
            var end = start
            while end < text.count, combiningClass(text[end]) > 0 { end += 1 }
            if end - start > 1 {
                let run = text[start..<end].enumerated().sorted {
                    let first = (combiningClass($0.element), $0.offset)
                    return first < (combiningClass($1.element), $1.offset)
                }
                text.replaceSubrange(start..<end, with: run.map(\.element))
            }
            start = end
        }
    }

    private static func composing(_ text: Scalars) -> Scalars {
        var result = Scalars()
        result.reserveCapacity(text.count)
        var starter: Int?
        var lastClass: UInt8 = 0
        for scalar in text {
            let markClass = combiningClass(scalar)
            if let index = starter {
                // A mark of the same or a higher class in between blocks the way to the starter.
                let isAdjacent = result.count == index + 1
                if isAdjacent || (lastClass != 0 && lastClass < markClass),
                   let composite = composite(of: result[index], scalar) {
                    result[index] = composite
                    continue
                }
            }
            if markClass == 0 { starter = result.count }
            lastClass = markClass
            result.append(scalar)
        }
        return result
    }

    private static func composite(of first: Unicode.Scalar, _ second: Unicode.Scalar) -> Unicode.Scalar? {
        if let code = HangulSyllable.composing(first.value, second.value) { return Unicode.Scalar(code) }
        return decompositions.composites[pair(first.value, second.value)].flatMap(Unicode.Scalar.init)
    }
}

/// The arithmetic of Hangul (Unicode 3.12): initial x 21 vowels x (none or 27 finals).
private struct HangulSyllable {
    static let base: UInt32 = 0xac00, initials: UInt32 = 0x1100, vowels: UInt32 = 0x1161, finals: UInt32 = 0x11a7

    let index: UInt32

    init?(_ code: UInt32) {
        guard Self.base..<(Self.base + 11_172) ~= code else { return nil }
        index = code - Self.base
    }

    var parts: [UInt32] {
        let letters = [Self.initials + index / 588, Self.vowels + index % 588 / 28]
        return index % 28 == 0 ? letters : letters + [Self.finals + index % 28]
    }

    static func composing(_ first: UInt32, _ second: UInt32) -> UInt32? {
        if initials..<(initials + 19) ~= first, vowels..<(vowels + 21) ~= second {
            return base + (first - initials) * 588 + (second - vowels) * 28
        }
        if let syllable = HangulSyllable(first), syllable.index % 28 == 0, (finals + 1)..<(finals + 28) ~= second {
            return first + second - finals
        }
        return nil
    }
}
