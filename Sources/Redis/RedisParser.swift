/// How much of an answer is taken.
package struct RedisLimits: Sendable {
    /// Bytes of one text.
    package var textBytes = 512 << 20
    /// Bytes of a whole answer.
    package var answerBytes = 1 << 30
    /// Bytes of a line, which has a number or an error's words.
    package var lineBytes = 16 << 10
    /// Values within one answer, at whatever depth.
    package var values = 1 << 16
    package var depth = 8

    package init() {}
}

/// Reads answers (RESP2) out of bytes that come in whatever pieces. After an error it is of no more use.
package struct RedisParser: Sendable {
    private let limits: RedisLimits
    /// The line that is not at its end.
    private var line: [UInt8] = []
    /// The text that is not at its end, and how many bytes it lacks, the line's end included.
    private var text: (bytes: [UInt8], missing: Int)?
    /// Lists that are not at their ends, the outermost first.
    private var lists: [(items: [RedisValue], missing: Int)] = []
    // Of the answer so far.
    private var bytesRead = 0
    private var valuesRead = 0

    /// A text grows as it comes, from this much: what a server announces is not taken at its word.
    private static let firstCapacity = 1 << 20

    package init(limits: RedisLimits = RedisLimits()) { self.limits = limits }

    /// Whether the next byte begins an answer.
    package var isAtStart: Bool { line.isEmpty && text == nil && lists.isEmpty }

    /// Takes some bytes.
    ///
    /// - Returns: the answers that they complete.
    /// - Throws: `RedisError.malformed`.
    package mutating func parse(_ piece: ArraySlice<UInt8>) throws(RedisError) -> [RedisValue] {
        var answers: [RedisValue] = []
        var rest = piece
        while !rest.isEmpty {
            let value = text == nil ? try takeLine(&rest) : try takeText(&rest)
            if let value, let answer = finish(value) {
                answers.append(answer)
                (bytesRead, valuesRead) = (0, 0)
            }
        }
        return answers
    }

    private mutating func takeText(_ rest: inout ArraySlice<UInt8>) throws(RedisError) -> RedisValue? {
        guard var (bytes, missing) = text else { return nil }
        // The tuple must hold the only reference, or every piece would copy what has come.
        text = nil
        let piece = rest.prefix(missing)
        bytes += piece
        missing -= piece.count
        rest = rest.dropFirst(piece.count)
        guard missing == 0 else {
            text = (bytes, missing)
            return nil
        }
        guard bytes.suffix(2).elementsEqual([0x0D, 0x0A]) else { throw .malformed("a text is longer than it says") }
        bytes.removeLast(2)
        return .bytes(bytes)
    }

    private mutating func takeLine(_ rest: inout ArraySlice<UInt8>) throws(RedisError) -> RedisValue? {
        let end = rest.firstIndex(of: 0x0A)
        let piece = rest[..<(end.map { $0 + 1 } ?? rest.endIndex)]
        guard line.count + piece.count <= limits.lineBytes else { throw .malformed("a line is too long") }
        line += piece
        rest = rest[piece.endIndex...]
        guard end != nil else { return nil }
        guard line.count >= 3, line[line.count - 2] == 0x0D else { throw .malformed("a line has no kind or no end") }
        let (kind, words) = (line[0], line[1..<(line.count - 2)])
        try count(bytes: line.count)
        defer { line.removeAll(keepingCapacity: true) }
        return try value(kind, words)
    }

    /// - Returns: nil where more is to come.
    private mutating func value(_ kind: UInt8, _ words: ArraySlice<UInt8>) throws(RedisError) -> RedisValue? {
        switch kind {
        case UInt8(ascii: "+"): return .status(String(decoding: words, as: UTF8.self))
        case UInt8(ascii: "-"): return .error(String(decoding: words, as: UTF8.self))
        case UInt8(ascii: ":"): return .integer(try number(words))
        case UInt8(ascii: "$"):
            let count = try number(words)
            if count == -1 { return .null }
            guard (0...limits.textBytes).contains(count) else { throw .malformed("a text of \(count) bytes") }
            try self.count(bytes: count)
            var bytes: [UInt8] = []
            bytes.reserveCapacity(min(count + 2, Self.firstCapacity))
            text = (bytes, count + 2)
            return nil
        case UInt8(ascii: "*"):
            let count = try number(words)
            if count == -1 { return .null }
            guard (0...limits.values).contains(count) else { throw .malformed("a list of \(count) values") }
            valuesRead += count
            guard valuesRead <= limits.values else { throw .malformed("an answer of too many values") }
            if count == 0 { return .list([]) }
            guard lists.count < limits.depth else { throw .malformed("lists within lists, too deep") }
            lists.append(([], count))
            return nil
        default: throw .malformed("an answer of the unknown kind \(kind)")
        }
    }

    /// Puts a value into the list that it is of.
    ///
    /// - Returns: the answer that it completes.
    private mutating func finish(_ value: RedisValue) -> RedisValue? {
        var value = value
        while var (items, missing) = lists.popLast() {
            items.append(value)
            missing -= 1
            guard missing == 0 else {
                lists.append((items, missing))
                return nil
            }
            value = .list(items)
        }
        return value
    }

    private mutating func count(bytes: Int) throws(RedisError) {
        bytesRead += bytes
        guard bytesRead <= limits.answerBytes else { throw .malformed("an answer of more than \(limits.answerBytes) bytes") }
    }

    private func number(_ words: ArraySlice<UInt8>) throws(RedisError) -> Int {
        let digits = words.first == UInt8(ascii: "-") ? words.dropFirst() : words
        guard (1...19).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = Int(String(decoding: words, as: UTF8.self))
        else { throw .malformed("a number is expected") }
        return number
    }
}
