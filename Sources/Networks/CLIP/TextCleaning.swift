/// What CLIP does to a prompt before it is split into words: repair of text that was damaged on its way (mojibake,
/// typographic variants), HTML unescaping, white space, lower case.
///
/// CLIP was trained on captions that went through the Python library ftfy; these are its repairs, written anew from
/// their described behaviour. Works on scalars throughout, since Swift's characters hide combining marks.
package enum TextCleaning {
    typealias Scalars = [Unicode.Scalar]

    /// Repairs normally settle in two rounds; text built to unwrap for ever stops here.
    static let maximumRepairRounds = 16

    /// The prompt as it is tokenised: repaired, HTML references resolved twice, runs of white space one space, none at
    /// the ends, lower case.
    package static func clean(_ text: String) -> String {
        var scalars = repaired(Scalars(text.unicodeScalars))
        scalars = unescapingReferences(unescapingReferences(scalars))
        scalars = lowercased(collapsingWhiteSpace(scalars))
        return string(scalars)
    }

    static func string(_ scalars: some Sequence<Unicode.Scalar>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }

    /// Repairs line by line, as lines of one text may have been damaged in different ways.
    static func repaired(_ text: Scalars) -> Scalars {
        var result = Scalars()
        result.reserveCapacity(text.count)
        var mayHoldReferences = true
        var start = 0
        while start < text.count {
            let end = text[start...].firstIndex(of: "\n").map { $0 + 1 } ?? text.count
            let line = Scalars(text[start..<end])
            // A real angle bracket says that the text is markup already, whose references stand for themselves; from
            // there on to the end.
            if line.contains("<") { mayHoldReferences = false }
            result += repairedLine(line, mayHoldReferences: mayHoldReferences)
            start = end
        }
        return result
    }

    /// Applies every repair until nothing changes: one may bring to light the damage that another mends.
    private static func repairedLine(_ line: Scalars, mayHoldReferences: Bool) -> Scalars {
        if line.allSatisfy({ $0.isASCII && $0.value >= 0x20 && $0 != "&" && $0.value != 0x7f }) { return line }
        var text = line
        for _ in 0..<maximumRepairRounds {
            var next = mayHoldReferences ? unescapingCompleteReferences(text) : text
            next = repairingMojibake(next)
            next = replacingControls(next)
            next = replacingVariants(next)
            next = unifyingLineBreaks(next)
            next = removingTerminalEscapes(next)
            next.removeAll(where: isUnwantedControl)
            next = composed(next)
            if next == text { break }
            text = next
        }
        return text
    }

    static func collapsingWhiteSpace(_ text: Scalars) -> Scalars {
        var result = Scalars()
        result.reserveCapacity(text.count)
        for scalar in text {
            if !scalar.properties.isWhitespace {
                result.append(scalar)
            } else if let last = result.last, last != " " {
                result.append(" ")
            }
        }
        if result.last == " " { result.removeLast() }
        return result
    }

    /// Lower case by the Unicode default algorithm, the final form of sigma included (Unicode 3.13, table 3-17).
    static func lowercased(_ text: Scalars) -> Scalars {
        var result = Scalars()
        result.reserveCapacity(text.count)
        for (index, scalar) in text.enumerated() {
            if scalar.value < 0x80 {
                result.append("A"..."Z" ~= scalar ? Unicode.Scalar(UInt8(scalar.value) | 0x20) : scalar)
            } else if scalar == "\u{3a3}" {
                result.append(isFinalSigma(at: index, in: text) ? "\u{3c2}" : "\u{3c3}")
            } else {
                result.append(contentsOf: scalar.properties.lowercaseMapping.unicodeScalars)
            }
        }
        return result
    }

    private static func isFinalSigma(at index: Int, in text: Scalars) -> Bool {
        let before = text[..<index].last { !$0.properties.isCaseIgnorable }
        let after = text[(index + 1)...].first { !$0.properties.isCaseIgnorable }
        return before?.properties.isCased == true && after?.properties.isCased != true
    }
}
