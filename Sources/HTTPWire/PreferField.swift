/// The preferences of a request (RFC 7240). What is malformed or unknown is no preference, as the RFC says.
package struct PreferField: Sendable, Equatable {
    /// Names in lower case; the first of equal names counts.
    package let preferences: [FieldParameter]

    /// Reads the field's value, several lines joined by commas.
    package init(_ text: String?) {
        var preferences: [FieldParameter] = []
        var scanner = FieldScanner(text ?? "")
        while true {
            scanner.skipBlanks()
            if scanner.consume(UInt8(ascii: ",")) { continue }
            guard let name = scanner.token()?.lowercased() else { break }
            var value = ""
            let afterName = scanner
            scanner.skipBlanks()
            if scanner.consume(UInt8(ascii: "=")) {
                scanner.skipBlanks()
                guard let text = scanner.token() ?? scanner.quotedString() else { break }
                value = text
            } else {
                scanner = afterName
            }
            guard scanner.parameters() != nil else { break }
            scanner.skipBlanks()
            guard scanner.isAtEnd || scanner.consume(UInt8(ascii: ",")) else { break }
            if !preferences.contains(where: { $0.name == name }) {
                preferences.append(FieldParameter(name: name, value: value))
            }
        }
        self.preferences = preferences
    }

    /// Whether the client would rather have `202 Accepted` than wait (RFC 7240 section 4.1).
    package var respondsAsynchronously: Bool { preferences.contains { $0.name == "respond-async" } }
}
