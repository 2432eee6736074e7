/// A media type with its parameters (RFC 9110 section 8.3.1).
package struct MediaType: Sendable, Equatable {
    /// In lower case.
    package var type: String
    /// In lower case.
    package var subtype: String
    package var parameters: [FieldParameter]

    package init(_ type: String, _ subtype: String, parameters: [FieldParameter] = []) {
        self.type = type.lowercased()
        self.subtype = subtype.lowercased()
        self.parameters = parameters
    }

    /// Reads the value of a `Content-Type` field; nil where it is none.
    package static func parse(_ text: String) -> MediaType? {
        var scanner = FieldScanner(text)
        scanner.skipBlanks()
        guard let result = MediaType(&scanner) else { return nil }
        scanner.skipBlanks()
        return scanner.isAtEnd ? result : nil
    }

    init?(_ scanner: inout FieldScanner) {
        guard let type = scanner.token(), scanner.consume(UInt8(ascii: "/")), let subtype = scanner.token(),
            let parameters = scanner.parameters()
        else { return nil }
        self.init(type, subtype, parameters: parameters)
    }

    /// `type/subtype`, without parameters.
    package var essence: String { "\(type)/\(subtype)" }

    /// The same under its registered name, where clients also use others for it.
    package var registered: MediaType {
        var result = self
        switch essence {
        case "image/jpg", "image/jpe", "image/jfif", "image/pjpeg", "image/x-jpeg", "image/x-jpg": result.subtype = "jpeg"
        case "image/x-png": result.subtype = "png"
        case "binary/octet-stream", "text/json", "text/yaml": result.type = "application"
        case "application/x-yaml": result.subtype = "yaml"
        default: break
        }
        return result
    }

    /// The value of a parameter.
    ///
    /// - Parameter name: in lower case.
    package func parameter(_ name: String) -> String? {
        parameters.first { $0.name == name }?.value
    }
}
