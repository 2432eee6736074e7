/// Repair of UTF-8 that was read as an 8-bit encoding ("schÃ¶n" for "schön"), once or several times over.
extension TextCleaning {
    static func repairingMojibake(_ text: Scalars) -> Scalars {
        repairingMojibake(text, depth: 0)
    }

    private static func repairingMojibake(_ text: Scalars, depth: Int) -> Scalars {
        var text = text
        for _ in 0..<maximumRepairRounds {
            guard !text.allSatisfy(\.isASCII), isSuspicious(text) else { break }
            let next = undoingWholeMisreading(text) ?? undoingEmbeddedMisreadings(text, depth: depth)
            if next == text { break }
            text = next
        }
        return text
    }

    /// Nil where no encoding shows all of `text` as it stands and makes sound UTF-8 of it.
    private static func undoingWholeMisreading(_ text: Scalars) -> Scalars? {
        for encoding in SingleByteEncoding.all {
            if let bytes = encoding.encode(text), let decoded = MisreadUTF8(bytes, as: encoding).decoded() {
                return decoded
            }
        }
        return nil
    }

    /// Runs that look like UTF-8 within text that as a whole is not.
    private static func undoingEmbeddedMisreadings(_ text: Scalars, depth: Int) -> Scalars {
        // Each level works on shorter runs of the level above; two suffice for text damaged twice.
        guard depth < 3 else { return replacingControls(text) }
        var result = Scalars()
        var index = 0
        while index < text.count {
            let end = endOfMisreadRun(at: index, in: text)
            let run = text[index..<end]
            if end > index, run.count < text.count, isSuspicious(run) {
                result += repairingMojibake(Scalars(run), depth: depth + 1)
                index = end
            } else {
                let next = max(end, index + 1)
                result += text[index..<next]
                index = next
            }
        }
        return result == text ? replacingControls(text) : result
    }

    /// The end of the characters from `start` that stand where UTF-8 has its lead and continuation bytes; `start`
    /// itself where there are none.
    private static func endOfMisreadRun(at start: Int, in text: Scalars) -> Int {
        if start > 0, isWithinMisreading(text[start - 1]) { return start }
        var index = start
        while index < text.count, let length = misreadLength(at: index, in: text) { index += length }
        return index
    }

    /// Whether what follows may be the rest of something larger. Dashes, quotation marks, bullets and ellipses stand for
    /// continuation bytes as well, but before a word they are more likely themselves.
    private static func isWithinMisreading(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x20, 0x2010...0x201f, 0x2022, 0x2026: false
        default: utf8Roles[scalar]?.contains(.continuation) == true
        }
    }

    private static func misreadLength(at index: Int, in text: Scalars) -> Int? {
        guard let roles = utf8Roles[text[index]] else { return nil }
        return [(UTF8Roles.leadOf2, 2), (.leadOf3, 3), (.leadOf4, 4)].first { role, length in
            roles.contains(role) && index + length <= text.count
                && text[(index + 1)..<(index + length)].allSatisfy { utf8Roles[$0]?.contains(.continuation) == true }
        }?.1
    }

    private struct UTF8Roles: OptionSet {
        let rawValue: UInt8
        static let leadOf2 = Self(rawValue: 1), leadOf3 = Self(rawValue: 2), leadOf4 = Self(rawValue: 4)
        static let continuation = Self(rawValue: 8)
    }

    private static let utf8Roles: [Unicode.Scalar: UTF8Roles] = {
        // A space may have been byte A0.
        var roles: [Unicode.Scalar: UTF8Roles] = [" ": .continuation]
        for encoding in SingleByteEncoding.latin1Relatives {
            for (byte, scalar) in zip(UInt8(0x80)...0xff, encoding.upperHalf) {
                let role: UTF8Roles = switch byte {
                case ..<0xc0: .continuation
                case 0xc2...0xdf: .leadOf2
                case 0xe0...0xef: .leadOf3
                case 0xf0, 0xf3: .leadOf4
                default: []
                }
                roles[scalar, default: []].formUnion(role)
            }
        }
        return roles
    }()
}

/// Bytes that should be UTF-8 but went through the hands of programs that harm it: A0 made a space, bytes lost, code
/// points beyond the basic plane as pairs of surrogates (CESU-8, Unicode TR 26), NUL as C0 80.
private struct MisreadUTF8 {
    private let bytes: [UInt8]
    private let restoresSpaces: Bool
    private let losesBytes: Bool
    private var index = 0

    init(_ bytes: [UInt8], as encoding: SingleByteEncoding) {
        self.bytes = bytes
        restoresSpaces = encoding.restoresSpaces
        losesBytes = encoding.losesBytes
    }

    /// Nil at the first byte that fits nowhere.
    func decoded() -> TextCleaning.Scalars? {
        var reader = self
        var result = TextCleaning.Scalars()
        result.reserveCapacity(bytes.count)
        while reader.index < bytes.count {
            guard let scalar = reader.next() else { return nil }
            result.append(scalar)
        }
        return result
    }

    private func byte(_ offset: Int) -> UInt8 {
        index + offset < bytes.count ? bytes[index + offset] : 0
    }

    private mutating func next() -> Unicode.Scalar? {
        let lead = bytes[index]
        if lead == SingleByteEncoding.lostByte, losesBytes { return take(1, "\u{fffd}") }
        if lead < 0x80 { return take(1, Unicode.Scalar(lead)) }
        if restoresSpaces, let scalar = withRestoredSpace() { return scalar }
        if let scalar = wellFormed() { return scalar }
        if let scalar = surrogatePair() { return scalar }
        if lead == 0xc0, byte(1) == 0x80 { return take(2, "\0") }
        return losesBytes ? incomplete() : nil
    }

    private mutating func take(_ count: Int, _ scalar: Unicode.Scalar?) -> Unicode.Scalar? {
        index += count
        return scalar
    }

    private func isContinuation(_ offset: Int) -> Bool { byte(offset) & 0xc0 == 0x80 }

    private static func length(ofLead lead: UInt8) -> Int {
        switch lead {
        case 0xc2...0xdf: 2
        case 0xe0...0xef: 3
        case 0xf0...0xf4: 4
        default: 0
        }
    }

    private mutating func wellFormed() -> Unicode.Scalar? {
        let length = Self.length(ofLead: bytes[index])
        guard length > 0, (1..<length).allSatisfy(isContinuation) else { return nil }
        return scalar(from: (0..<length).map(byte))
    }

    private mutating func scalar(from sequence: [UInt8]) -> Unicode.Scalar? {
        guard let text = String(validating: sequence, as: UTF8.self), let scalar = text.unicodeScalars.first else { return nil }
        return take(sequence.count, scalar)
    }

    /// A sequence in which one space takes the place of A0, for leads where the character so made is a likely one.
    private mutating func withRestoredSpace() -> Unicode.Scalar? {
        let lead = bytes[index]
        let length = Self.length(ofLead: lead)
        guard length > 0, let gap = (1..<length).first(where: { byte($0) == 0x20 }) else { return nil }
        let others = (1..<length).filter { $0 != gap }
        switch length {
        case 2:
            guard [0xc2, 0xc3, 0xc5, 0xce, 0xd0, 0xd9].contains(lead) else { return nil }
            // "à" is a word of its own far more often than a beginning, and its space was lost with it.
            if lead == 0xc3, !isPortugueseContraction { return take(1, "à") }
        case 3:
            guard lead <= 0xe3, gap == 2 || lead >= 0xe2,
                  others.allSatisfy({ isContinuation($0) && byte($0) != 0x85 && byte($0) != 0xa0 }) else { return nil }
        default:
            guard lead == 0xf0, others.allSatisfy(isContinuation) else { return nil }
        }
        return scalar(from: (0..<length).map { $0 == gap ? 0xa0 : byte($0) })
    }

    /// "às", "àquele", "àquela", "àquilo" with the space in place of half of the "à"; two spaces need no third.
    private var isPortugueseContraction: Bool {
        [" ", "quele", "quela", "quilo", "s "].contains { rest in
            rest.utf8.enumerated().allSatisfy { byte(2 + $0.offset) == $0.element }
        }
    }

    private mutating func surrogatePair() -> Unicode.Scalar? {
        guard byte(0) == 0xed, 0xa0...0xaf ~= byte(1), isContinuation(2),
              byte(3) == 0xed, 0xb0...0xbf ~= byte(4), isContinuation(5) else { return nil }
        let high = UInt32(byte(1) & 0x0f) << 6 | UInt32(byte(2) & 0x3f)
        let low = UInt32(byte(4) & 0x0f) << 6 | UInt32(byte(5) & 0x3f)
        return take(6, Unicode.Scalar(0x1_0000 + high << 10 + low))
    }

    /// A sequence of which some continuation bytes were lost: the character is, too. At most one loss may be a "?".
    private mutating func incomplete() -> Unicode.Scalar? {
        let lead = bytes[index]
        let length = Self.length(ofLead: lead)
        guard length > 0 else { return nil }
        let rest = (1..<length).map(byte)
        let questions = rest.count { $0 == UInt8(ascii: "?") }
        let losses = rest.count { $0 == SingleByteEncoding.lostByte } + questions
        let sound = rest.count { $0 & 0xc0 == 0x80 }
        guard losses > 0, losses + sound == rest.count, questions <= (length == 2 && lead > 0xc3 ? 0 : 1) else { return nil }
        return take(length, "\u{fffd}")
    }
}
