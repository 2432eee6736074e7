/// Walks through a field's value by the common grammar of RFC 9110 section 5.6.
struct FieldScanner {
    private let bytes: ArraySlice<UInt8>
    private var index: Int

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        index = bytes.startIndex
    }

    init(_ text: String) {
        self.init(Array(text.utf8)[...])
    }

    var isAtEnd: Bool { index == bytes.endIndex }

    mutating func skipBlanks() {
        while index < bytes.endIndex, ByteClass.isBlank(bytes[index]) { index += 1 }
    }

    mutating func consume(_ byte: UInt8) -> Bool {
        guard index < bytes.endIndex, bytes[index] == byte else { return false }
        index += 1
        return true
    }

    /// 1*tchar.
    mutating func token() -> String? {
        let token = bytes[index...].prefix(while: ByteClass.isToken)
        guard !token.isEmpty else { return nil }
        index = token.endIndex
        return token.text
    }

    /// A quoted string's content; nil where there is none, it is not closed or it is not UTF-8.
    ///
    /// - Parameter keepsBackslashes: whether a backslash escapes only quotes and backslashes and else stands for
    ///   itself, as in the file names of some browsers.
    mutating func quotedString(keepsBackslashes: Bool = false) -> String? {
        guard index < bytes.endIndex, bytes[index] == ByteClass.quote else { return nil }
        var content: [UInt8] = []
        var cursor = index + 1
        while cursor < bytes.endIndex {
            let byte = bytes[cursor]
            if byte == ByteClass.quote {
                guard let text = String(validating: content, as: UTF8.self) else { return nil }
                index = cursor + 1
                return text
            }
            guard ByteClass.isFieldValue(byte) else { return nil }
            if byte == ByteClass.backslash, cursor + 1 < bytes.endIndex {
                let next = bytes[cursor + 1]
                if !keepsBackslashes || next == ByteClass.quote || next == ByteClass.backslash {
                    guard ByteClass.isFieldValue(next) else { return nil }
                    content.append(next)
                    cursor += 2
                    continue
                }
            }
            content.append(byte)
            cursor += 1
        }
        return nil
    }

    /// `*( OWS ";" OWS [ name "=" value ] )` (RFC 9110 section 5.6.6), names in lower case; nil where malformed or
    /// where a name comes twice.
    mutating func parameters(keepsBackslashes: Bool = false) -> [FieldParameter]? {
        var result: [FieldParameter] = []
        while true {
            let before = self
            skipBlanks()
            guard consume(UInt8(ascii: ";")) else {
                self = before
                return result
            }
            skipBlanks()
            guard let name = token() else { continue }
            guard consume(UInt8(ascii: "=")),
                let value = token() ?? quotedString(keepsBackslashes: keepsBackslashes)
            else { return nil }
            let parameter = FieldParameter(name: name.lowercased(), value: value)
            guard !result.contains(where: { $0.name == parameter.name }) else { return nil }
            result.append(parameter)
        }
    }
}

/// A parameter of a field's value or of a query.
package struct FieldParameter: Sendable, Equatable {
    /// In lower case where it is a field's.
    package var name: String
    package var value: String

    package init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}
