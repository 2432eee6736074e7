import FoundationEssentials

/// What JSON holds, inert.
///
/// Written and read again it is the same, and the same value is the same text.
package enum JSONValue: Sendable, Equatable {
    case null, flag(Bool), whole(Int), fraction(Double), text(String), list([JSONValue]), object([String: JSONValue])
    /// A number that no `Double` holds.
    case beyondNumbers

    /// Nil for what is no JSON.
    package init?(json: [UInt8]) {
        guard let value = try? JSONDecoder().decode(JSONValue.self, from: Data(json)) else { return nil }
        self = value
    }

    /// In lines for people to read, keys in alphabetical order.
    package var document: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        // What was read can be written, but for numbers that nothing holds.
        guard let data = try? encoder.encode(self) else { return "{}\n" }
        return String(decoding: data, as: UTF8.self) + "\n"
    }

    /// The value of a key of an object; nil where it has none, or this is none. Setting nil takes the key away.
    package subscript(_ key: String) -> JSONValue? {
        get { members?[key] }
        set {
            guard var members else { return }
            members[key] = newValue
            self = .object(members)
        }
    }

    var whole: Int? { if case .whole(let number) = self { number } else { nil } }

    var number: Double? {
        switch self {
        case .whole(let number): Double(number)
        case .fraction(let number): number
        default: nil
        }
    }

    package var text: String? { if case .text(let text) = self { text } else { nil } }

    package var members: [String: JSONValue]? { if case .object(let members) = self { members } else { nil } }

    /// The elements, each converted; nil where this is no list, or an element has another type.
    func list<Element>(_ convert: (JSONValue) -> Element?) -> [Element]? {
        guard case .list(let elements) = self else { return nil }
        let converted = elements.compactMap(convert)
        return converted.count == elements.count ? converted : nil
    }

    /// This one where it is an object, or those right in a list.
    var objects: [[String: JSONValue]] {
        if case .list(let elements) = self { return elements.flatMap(\.objects) }
        return members.map { [$0] } ?? []
    }
}

extension JSONValue: Codable {
    package init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            self = .null
        } else if let members = try? value.decode([String: JSONValue].self) {
            self = .object(members)
        } else if let elements = try? value.decode([JSONValue].self) {
            self = .list(elements)
        } else if let text = try? value.decode(String.self) {
            self = .text(text)
        } else if let flag = try? value.decode(Bool.self) {
            self = .flag(flag)
        } else if let whole = try? value.decode(Int.self) {
            self = .whole(whole)
        } else if let fraction = try? value.decode(Double.self) {
            self = .fraction(fraction)
        } else {
            self = .beyondNumbers
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .flag(let flag): try container.encode(flag)
        case .whole(let number): try container.encode(number)
        case .fraction(let number): try container.encode(number)
        case .text(let text): try container.encode(text)
        case .list(let elements): try container.encode(elements)
        case .object(let members): try container.encode(members)
        case .beyondNumbers:
            throw EncodingError.invalidValue(self, .init(codingPath: encoder.codingPath, debugDescription: "no number"))
        }
    }
}
