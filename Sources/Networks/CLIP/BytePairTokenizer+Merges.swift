import CSystem

/// Reading the merges: text, or text in gzip, one header line and then a merge a line in the order of their rank.
extension BytePairTokenizer {
    /// CLIP's published file is 1.3 MiB packed and 3.1 MiB as text.
    static let maximumMergesFileBytes = 16 << 20

    /// The symbols that a merge joins, as bytes; those at the end of a word are symbols of their own.
    struct Symbol: Hashable {
        var bytes: ArraySlice<UInt8>
        var endsWord: Bool
    }

    /// The name `tokens` of the first 256 ids, in their order: printable Latin-1 first, then the rest.
    static let byteOrder: [UInt8] = {
        let printable = (0x21...0x7e).map(UInt8.init) + (0xa1...0xac).map(UInt8.init) + (0xae...0xff).map(UInt8.init)
        return printable + (UInt8.min...UInt8.max).filter { !Set(printable).contains($0) }
    }()

    /// The character that stands for each byte in the file: itself where printable, else U+0100 onwards.
    private static let bytesByCharacter: [Unicode.Scalar: UInt8] = {
        let printableCount = 188
        var bytes: [Unicode.Scalar: UInt8] = [:]
        for (index, byte) in byteOrder.enumerated() {
            let code = index < printableCount ? UInt32(byte) : UInt32(0x100 + index - printableCount)
            if let scalar = Unicode.Scalar(code) { bytes[scalar] = byte }
        }
        return bytes
    }()

    /// The pairs with the id of what each becomes: 512 and the rank.
    static func merges(in file: [UInt8], count: Int) throws(TokenizerError) -> [UInt64: Int32] {
        let text = file.starts(with: [0x1f, 0x8b]) ? try inflated(file) : file
        var ids: [Symbol: Int32] = [:]
        for (index, byte) in byteOrder.enumerated() {
            ids[Symbol(bytes: [byte], endsWord: false)] = Int32(index)
            ids[Symbol(bytes: [byte], endsWord: true)] = Int32(256 + index)
        }
        var merges: [UInt64: Int32] = [:]
        merges.reserveCapacity(count)
        var lineNumber = 1
        var rest = text[...]
        dropLine(of: &rest)
        while merges.count < count, let line = dropLine(of: &rest), !line.isEmpty {
            lineNumber += 1
            let (left, right) = try symbols(in: line, number: lineNumber)
            guard let first = ids[left], let second = ids[right], !left.endsWord else {
                throw .malformedMerge(line: lineNumber, reason: "it joins a symbol that no line above makes")
            }
            let id = Int32(512 + merges.count)
            let whole = Symbol(bytes: left.bytes + right.bytes, endsWord: right.endsWord)
            guard ids.updateValue(id, forKey: whole) == nil else {
                throw .malformedMerge(line: lineNumber, reason: "it makes a symbol that a line above made")
            }
            merges[pair(first, second)] = id
        }
        guard merges.count == count else { throw .tooFewMerges(expected: count, found: merges.count) }
        return merges
    }

    /// Unpacks gzip data, checksum and length verified.
    private static func inflated(_ file: [UInt8]) throws(TokenizerError) -> [UInt8] {
        var status = INFLATION_CORRUPT
        let text = [UInt8](unsafeUninitializedCapacity: maximumMergesFileBytes) { space, count in
            guard let output = space.baseAddress else { return }
            status = inflate_within(file, file.count, INFLATION_GZIP, output, space.count, &count)
        }
        switch status {
        case INFLATION_COMPLETE: return text
        case INFLATION_TOO_LONG: throw .tooLarge(limitBytes: maximumMergesFileBytes)
        default: throw .corruptCompression(reason: "the gzip data is corrupt or incomplete")
        }
    }

    /// The next line; one at a time, as a hostile file may hold millions.
    @discardableResult
    private static func dropLine(of text: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard !text.isEmpty else { return nil }
        let line = text.prefix { $0 != UInt8(ascii: "\n") }
        text = text[line.endIndex...].dropFirst()
        return line
    }

    private static func symbols(
        in line: ArraySlice<UInt8>, number: Int
    ) throws(TokenizerError) -> (left: Symbol, right: Symbol) {
        let parts = line.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\r") }
        guard parts.count == 2 else {
            throw .malformedMerge(line: number, reason: "expected two symbols, found \(parts.count)")
        }
        return (try symbol(parts[0], number: number), try symbol(parts[1], number: number))
    }

    private static func symbol(_ name: ArraySlice<UInt8>, number: Int) throws(TokenizerError) -> Symbol {
        let suffix = Array("</w>".utf8)
        let endsWord = name.count > suffix.count && name.suffix(suffix.count).elementsEqual(suffix)
        guard let text = String(validating: endsWord ? name.dropLast(suffix.count) : name, as: UTF8.self) else {
            throw .malformedMerge(line: number, reason: "not UTF-8")
        }
        var bytes: [UInt8] = []
        for scalar in text.unicodeScalars {
            guard let byte = bytesByCharacter[scalar] else {
                throw .malformedMerge(line: number, reason: "U+\(String(scalar.value, radix: 16)) stands for no byte")
            }
            bytes.append(byte)
        }
        return Symbol(bytes: bytes[...], endsWord: endsWord)
    }
}
