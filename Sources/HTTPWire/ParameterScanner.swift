/// Walks through the parameters behind a field's first word, whatever state their values are in: in no encoding or in
/// several, unquoted with blanks, with quotes inside of quotes, or open to the end of the line. Each value comes as it
/// stands there, with its quotes and without blanks around; whoever needs one checks it.
struct ParameterScanner {
    static let semicolon = UInt8(ascii: ";")

    private var rest: ArraySlice<UInt8>

    /// - Parameter rest: what follows the first word, from its semicolon on.
    init(_ rest: ArraySlice<UInt8>) {
        self.rest = rest.trimmingBlanks
    }

    /// Whether all of it has been walked through: false where something but a semicolon follows the first word.
    var isAtEnd: Bool { rest.isEmpty }

    /// The next parameter that has a name and a value.
    mutating func next() -> (name: ArraySlice<UInt8>, value: ArraySlice<UInt8>)? {
        while rest.first == Self.semicolon {
            rest = rest.dropFirst().trimmingBlanks
            let name = rest.prefix { $0 != UInt8(ascii: "=") && $0 != Self.semicolon }
            rest = rest[name.endIndex...]
            guard rest.first == UInt8(ascii: "=") else { continue }
            rest = rest.dropFirst()
            let value = rest.prefix(valueLength())
            rest = rest[value.endIndex...]
            return (name, value.trimmingBlanks)
        }
        return nil
    }

    /// Up to the semicolon that ends the value: not one within quotes, if these are closed.
    private func valueLength() -> Int {
        var index = rest.startIndex
        while index < rest.endIndex, ByteClass.isBlank(rest[index]) { index += 1 }
        if index < rest.endIndex, rest[index] == ByteClass.quote {
            index = closingQuote(of: index).map { $0 + 1 } ?? rest.endIndex
        }
        return (rest[index...].firstIndex(of: Self.semicolon) ?? rest.endIndex) - rest.startIndex
    }

    /// A backslash escapes quotes and backslashes only: browsers send others as they are, as in paths.
    private func closingQuote(of start: Int) -> Int? {
        var index = start + 1
        while index < rest.endIndex {
            switch rest[index] {
            case ByteClass.quote: return index
            case ByteClass.backslash where index + 1 < rest.endIndex:
                let next = rest[index + 1]
                index += next == ByteClass.quote || next == ByteClass.backslash ? 2 : 1
            default: index += 1
            }
        }
        return nil
    }
}
