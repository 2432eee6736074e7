/// What is wrong with a configuration: where in it, and what was expected and found.
package struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The keys that lead there, joined by dots; empty for the whole.
    package var key: String
    package var detail: String

    package init(key: String = "", _ detail: String) {
        self.key = key
        self.detail = detail
    }

    package var description: String { (key.isEmpty ? "" : "\(key): ") + detail }
}

/// One object of a configuration in JSON, read key by key. It knows its own place for messages, and in the end refuses
/// keys that nobody asked for: a misspelt one would otherwise be ignored in silence. `note` may stand anywhere.
///
/// Each network decodes its own configuration from the object that is its section of a `bundle.json`.
package final class ConfigurationReader {
    /// The keys that lead here, joined by dots.
    package let path: String
    private let members: [String: JSONValue]
    private var asked: Set<String> = ["note"]
    private var objects: [String: ConfigurationReader] = [:]

    /// - Throws: for what is not a JSON object.
    package convenience init(json: [UInt8]) throws(ConfigurationError) {
        guard let value = JSONValue(json: json) else {
            throw ConfigurationError("expected a JSON object; it is not valid JSON")
        }
        try self.init(value)
    }

    /// - Throws: for what is not an object.
    package convenience init(_ value: JSONValue) throws(ConfigurationError) {
        guard case .object(let members) = value else {
            throw ConfigurationError("expected a JSON object, found a value of another type")
        }
        self.init(members, path: "")
    }

    private init(_ members: [String: JSONValue], path: String) {
        self.members = members
        self.path = path
    }

    /// The object as it stands. Looking at it doesn't count as using any key.
    package var whole: JSONValue { .object(members) }

    private func place(of key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    /// The error for a value that has the right type and yet can't be.
    package func fault(_ key: String, _ detail: String) -> ConfigurationError {
        ConfigurationError(key: place(of: key), detail)
    }

    /// Nil where the key is absent or null.
    private func value<Value>(
        _ key: String, _ type: String, _ convert: (JSONValue) -> Value?
    ) throws(ConfigurationError) -> Value? {
        asked.insert(key)
        guard let found = members[key], found != .null else { return nil }
        guard let value = convert(found) else {
            throw fault(key, "expected \(type), found a value of another type")
        }
        return value
    }

    private func needed<Value>(
        _ key: String, _ type: String, _ value: Value?
    ) throws(ConfigurationError) -> Value {
        guard let value else { throw fault(key, "is needed (\(type))") }
        return value
    }

    /// Refuses keys that nobody asked for, here and in every object within that was asked for.
    package func finish() throws(ConfigurationError) {
        if let unknown = members.keys.filter({ !asked.contains($0) }).min() {
            throw ConfigurationError(key: path, "the key \(Self.shown(unknown)) is not known")
        }
        for (_, object) in objects.sorted(by: { $0.key < $1.key }) { try object.finish() }
    }
}

// MARK: - Values

extension ConfigurationReader {
    package func flag(_ key: String, default fallback: Bool? = nil) throws(ConfigurationError) -> Bool {
        let type = "true or false"
        return try needed(key, type, try value(key, type) { if case .flag(let flag) = $0 { flag } else { nil } } ?? fallback)
    }

    /// A whole number within a range.
    package func size(
        _ key: String, _ range: ClosedRange<Int>, default fallback: Int? = nil
    ) throws(ConfigurationError) -> Int {
        try needed(key, "a whole number", try optionalSize(key, range) ?? fallback)
    }

    /// A whole number within a range; nil where the key is absent or null.
    package func optionalSize(_ key: String, _ range: ClosedRange<Int>) throws(ConfigurationError) -> Int? {
        guard let number = try value(key, "a whole number", \.whole) else { return nil }
        guard range.contains(number) else {
            throw fault(key, "expected \(range.lowerBound) to \(range.upperBound), found \(number)")
        }
        return number
    }

    /// A list of whole numbers within a range; nil where the key is absent or null.
    package func sizes(
        _ key: String, _ range: ClosedRange<Int>, count: ClosedRange<Int>
    ) throws(ConfigurationError) -> [Int]? {
        guard let numbers = try value(key, "a list of whole numbers", { $0.list { $0.whole } }) else { return nil }
        guard count.contains(numbers.count), numbers.allSatisfy(range.contains) else {
            throw fault(key, "expected \(count.lowerBound) to \(count.upperBound) numbers from \(range.lowerBound) to "
                + "\(range.upperBound)")
        }
        return numbers
    }

    /// A number with `lower < number <= upper`.
    package func number(
        _ key: String, above lower: Double, upTo upper: Double, default fallback: Double? = nil
    ) throws(ConfigurationError) -> Double {
        let number = try needed(key, "a number", try value(key, "a number", \.number) ?? fallback)
        guard number > lower, number <= upper else {
            throw fault(key, "expected a number above \(lower) and up to \(upper), found \(number)")
        }
        return number
    }

    /// One of the names of an enumeration.
    package func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ type: Choice.Type, _ key: String, default fallback: Choice? = nil
    ) throws(ConfigurationError) -> Choice {
        guard let name = try value(key, "text", \.text) else { return try needed(key, "text", fallback) }
        guard let choice = Choice(rawValue: name) else {
            let known = Choice.allCases.map { $0.rawValue }.joined(separator: ", ")
            throw fault(key, "expected one of \(known), found \(Self.shown(name))")
        }
        return choice
    }

    /// Text of 1 to `limit` printable characters.
    package func text(
        _ key: String, upTo limit: Int, default fallback: String? = nil
    ) throws(ConfigurationError) -> String {
        let text = try needed(key, "text", try value(key, "text", \.text) ?? fallback)
        guard Self.isPrintable(text), text.count <= limit else {
            throw fault(key, "expected 1 to \(limit) printable characters")
        }
        return text
    }

    /// A list of texts; nil where the key is absent or null.
    package func texts(_ key: String) throws(ConfigurationError) -> [String]? {
        try value(key, "a list of texts") { $0.list { $0.text } }
    }

    package func object(_ key: String) throws(ConfigurationError) -> ConfigurationReader {
        try needed(key, "an object", try optionalObject(key))
    }

    /// Nil where the key is absent or null. The same reader whenever the same key is asked for.
    package func optionalObject(_ key: String) throws(ConfigurationError) -> ConfigurationReader? {
        guard let members = try value(key, "an object", \.members) else { return nil }
        if let object = objects[key] { return object }
        let object = ConfigurationReader(members, path: place(of: key))
        objects[key] = object
        return object
    }

    /// A list of objects, each with a reader of its own; nil where the key is absent or null.
    package func objectList(_ key: String) throws(ConfigurationError) -> [ConfigurationReader]? {
        let type = "a list of objects"
        guard let list = try value(key, type, { $0.list { $0.members } }) else { return nil }
        return list.enumerated().map { index, members in
            let name = "\(key)[\(index)]"
            let object = objects[name] ?? ConfigurationReader(members, path: place(of: name))
            objects[name] = object
            return object
        }
    }

    /// An object as it stands, for what is read elsewhere; nil where the key is absent or null.
    package func wholeObject(_ key: String) throws(ConfigurationError) -> JSONValue? {
        try value(key, "an object") { $0.members.map(JSONValue.object) }
    }

    /// Whether an object has this key, with any value. Asking doesn't count as using it.
    package func has(_ key: String) -> Bool { members[key] != nil }

    /// Every object within this one, however deep, each as a reader of its own, by the order of their keys. Looking
    /// through them doesn't count as using any key.
    package var allObjects: [ConfigurationReader] {
        members.sorted { $0.key < $1.key }.flatMap { key, value in
            value.objects.map { ConfigurationReader($0, path: place(of: key)) }
        }.flatMap { [$0] + $0.allObjects }
    }

    private static func isPrintable(_ text: String) -> Bool {
        !text.isEmpty && text.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }
    }

    /// Text from the file, fit for one line of a message.
    package static func shown(_ text: String) -> String {
        let cut = text.unicodeScalars.prefix(80).map { isPrintable(String($0)) ? String($0) : "?" }.joined()
        return "\"\(cut)\(text.unicodeScalars.count > 80 ? "..." : "")\""
    }
}
