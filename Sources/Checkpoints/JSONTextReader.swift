/// Reads the few JSON tokens (RFC 8259) that a safetensors header is made of: punctuation, strings and whole numbers.
/// Blanks between tokens are skipped; what is allocated is charged to a budget first.
struct JSONTextReader {
    private let bytes: CheckpointBytes
    private let end: Int
    private var position: Int
    var budget = ParsingBudget()

    init(_ bytes: CheckpointBytes, in range: Range<Int>) {
        self.bytes = bytes
        position = range.lowerBound
        end = range.upperBound
    }

    private var current: UInt8? { position < end ? bytes.byte(at: position) : nil }

    func fault(_ detail: String) -> CheckpointError {
        .malformedSafetensors("header, byte \(position): \(detail)")
    }

    private mutating func skipBlanks() {
        while let byte = current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    /// Passes this character and the blanks around it; false, with only the blanks passed, where another stands there.
    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        skipBlanks()
        guard current == UInt8(ascii: character) else { return false }
        position += 1
        skipBlanks()
        return true
    }

    mutating func expect(_ character: Unicode.Scalar) throws(CheckpointError) {
        guard skip(character) else { throw fault("expected '\(character)', found \(foundHere)") }
    }

    /// Nothing but blanks to the end of the header.
    mutating func expectPadding() throws(CheckpointError) {
        skipBlanks()
        guard position == end else { throw fault("expected the end of the header, found \(foundHere)") }
    }

    private var foundHere: String {
        guard let byte = current else { return "the end of the header" }
        return byte > 0x20 && byte < 0x7F ? "'\(Unicode.Scalar(byte))'" : "byte \(byte)"
    }

    // MARK: Strings

    mutating func string() throws(CheckpointError) -> String {
        skipBlanks()
        guard current == UInt8(ascii: "\"") else { throw fault("expected a string, found \(foundHere)") }
        position += 1
        let start = position
        var hasEscapes = false
        while let byte = current, byte != UInt8(ascii: "\"") {
            guard byte >= 0x20 else { throw fault("a control character in a string") }
            guard position - start < CheckpointLimits.textBytes else {
                throw .overLimit("bytes of a string", limit: CheckpointLimits.textBytes)
            }
            if byte == UInt8(ascii: "\\") {
                hasEscapes = true
                position += 1
            }
            position += 1
        }
        guard position < end else { throw fault("a string that doesn't end") }
        let range = start..<position
        position += 1
        // Up to 15 bytes sit in the string itself; more need memory with a header.
        if range.count > 15 { try budget.charge(range.count + 48) }
        guard let text = bytes.text(in: range) else { throw fault("a string that is not UTF-8") }
        return hasEscapes ? try unescape(text) : text
    }

    private func unescape(_ text: String) throws(CheckpointError) -> String {
        var result = String.UnicodeScalarView()
        var scalars = text.unicodeScalars.makeIterator()
        while let scalar = scalars.next() {
            guard scalar == "\\" else { result.append(scalar); continue }
            switch scalars.next() {
            case "\"": result.append("\"")
            case "\\": result.append("\\")
            case "/": result.append("/")
            case "b": result.append("\u{8}")
            case "f": result.append("\u{C}")
            case "n": result.append("\n")
            case "r": result.append("\r")
            case "t": result.append("\t")
            case "u": result.append(try unicodeEscape(&scalars))
            default: throw fault("an escape that JSON doesn't have")
            }
        }
        return String(result)
    }

    private func unicodeEscape(
        _ scalars: inout String.UnicodeScalarView.Iterator
    ) throws(CheckpointError) -> Unicode.Scalar {
        let first = try hexadecimal(&scalars)
        if let scalar = Unicode.Scalar(first) { return scalar }
        // Half of a surrogate pair: the other half must follow.
        guard first < 0xDC00, scalars.next() == "\\", scalars.next() == "u" else {
            throw fault("half a surrogate pair")
        }
        let second = try hexadecimal(&scalars)
        guard second >= 0xDC00, second < 0xE000,
            let scalar = Unicode.Scalar(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))
        else { throw fault("half a surrogate pair") }
        return scalar
    }

    private func hexadecimal(_ scalars: inout String.UnicodeScalarView.Iterator) throws(CheckpointError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let scalar = scalars.next(), scalar.isASCII, let digit = Character(scalar).hexDigitValue else {
                throw fault("\\u without four hexadecimal digits")
            }
            value = value << 4 | UInt32(digit)
        }
        return value
    }

    // MARK: Numbers

    /// `[n, n, ...]`, each a whole number from 0 to `Int.max`, written as JSON writes it.
    mutating func wholeNumbers(atMost limit: Int, of what: String) throws(CheckpointError) -> [Int] {
        var numbers: [Int] = []
        try expect("[")
        if skip("]") { return numbers }
        repeat {
            guard numbers.count < limit else { throw .overLimit(what, limit: limit) }
            if numbers.isEmpty { try budget.charge(48) }
            try budget.charge(16)
            numbers.append(try wholeNumber())
        } while skip(",")
        try expect("]")
        return numbers
    }

    private mutating func wholeNumber() throws(CheckpointError) -> Int {
        let start = position
        var value = 0
        while let byte = current, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") {
            let (tens, overflowTens) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflow) = tens.addingReportingOverflow(Int(byte - UInt8(ascii: "0")))
            guard !overflowTens, !overflow else { throw fault("a number over \(Int.max)") }
            value = sum
            position += 1
        }
        guard position > start else { throw fault("expected a whole number, found \(foundHere)") }
        guard position == start + 1 || bytes.byte(at: start) != UInt8(ascii: "0") else {
            throw fault("a number with a leading zero")
        }
        return value
    }
}
