import FoundationEssentials

/// Values as JSON text: keys in alphabetical order, so that the same value is the same bytes.
package enum JSON {
    package static func bytes(_ value: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Encoding fails only for numbers that aren't finite; such a document says nothing rather than nonsense.
        guard let data = try? encoder.encode(value) else { return Array("{}".utf8) }
        return Array(data)
    }

    package static func line(_ value: some Encodable) -> String {
        String(decoding: bytes(value), as: UTF8.self)
    }
}
