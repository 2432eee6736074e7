import FoundationEssentials

/// JSON for the program's other parts.
package enum OneLineJSON {
    package static func text(_ value: some Encodable) -> String { JSON.line(value) }
}

/// Values as JSON text: keys in alphabetical order, so that the same answer is the same bytes.
enum JSON {
    static func bytes(_ value: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Encoding fails only for numbers that aren't finite; such a document says nothing rather than nonsense.
        guard let data = try? encoder.encode(value) else { return Array("{}".utf8) }
        return Array(data)
    }

    static func line(_ value: some Encodable) -> String {
        String(decoding: bytes(value), as: UTF8.self)
    }

    static func base64(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString()
    }
}
