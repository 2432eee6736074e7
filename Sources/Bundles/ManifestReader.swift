import FoundationEssentials

/// One object of a `bundle.json`, read key by key. It knows its own place for messages, and in the end refuses keys
/// that nobody asked for: a misspelt one would otherwise be ignored in silence.
final class ManifestReader {
    private let container: KeyedDecodingContainer<Key>
    private let path: String
    private var asked: Set<String> = ["note"]

    struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }

        init?(intValue: Int) { nil }
    }

    /// Lets a decoder give its container to the caller.
    private struct Capture: Decodable {
        var container: KeyedDecodingContainer<Key>

        init(from decoder: any Decoder) throws { container = try decoder.container(keyedBy: Key.self) }
    }

    /// - Throws: `malformed` for what is not a JSON object.
    init(json: Data) throws(BundleError) {
        do {
            container = try JSONDecoder().decode(Capture.self, from: json).container
        } catch {
            throw .malformed(key: "", "expected a JSON object" + Self.reason(error))
        }
        path = ""
    }

    private init(_ container: KeyedDecodingContainer<Key>, path: String) {
        self.container = container
        self.path = path
    }

    private func place(of key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    /// The error for a value that has the right type and yet can't be.
    func fault(_ key: String, _ detail: String) -> BundleError { .malformed(key: place(of: key), detail) }

    /// Nil where the key is absent or null.
    func optional<Value: Decodable>(_ type: Value.Type, _ key: String) throws(BundleError) -> Value? {
        asked.insert(key)
        do {
            return try container.decodeIfPresent(type, forKey: Key(stringValue: key))
        } catch {
            throw fault(key, "expected \(Self.name(of: type))" + Self.reason(error))
        }
    }

    func required<Value: Decodable>(_ type: Value.Type, _ key: String) throws(BundleError) -> Value {
        guard let value = try optional(type, key) else { throw fault(key, "is needed (\(Self.name(of: type)))") }
        return value
    }

    /// Nil where the key is absent or null.
    func optionalObject(_ key: String) throws(BundleError) -> ManifestReader? {
        asked.insert(key)
        let key = Key(stringValue: key)
        guard container.contains(key), (try? container.decodeNil(forKey: key)) == false else { return nil }
        do {
            return ManifestReader(
                try container.nestedContainer(keyedBy: Key.self, forKey: key), path: place(of: key.stringValue))
        } catch {
            throw fault(key.stringValue, "expected an object")
        }
    }

    func object(_ key: String) throws(BundleError) -> ManifestReader {
        guard let reader = try optionalObject(key) else { throw fault(key, "is needed (an object)") }
        return reader
    }

    /// A whole number within a range.
    func size(_ key: String, _ range: ClosedRange<Int>, default fallback: Int? = nil) throws(BundleError) -> Int {
        guard let value = try optional(Int.self, key) ?? fallback else {
            throw fault(key, "is needed (a whole number)")
        }
        guard range.contains(value) else {
            throw fault(key, "expected \(range.lowerBound) to \(range.upperBound), found \(value)")
        }
        return value
    }

    /// A list of whole numbers within a range.
    func sizes(_ key: String, _ range: ClosedRange<Int>, count: ClosedRange<Int>) throws(BundleError) -> [Int]? {
        guard let values = try optional([Int].self, key) else { return nil }
        guard count.contains(values.count), values.allSatisfy(range.contains) else {
            throw fault(key, "expected \(count.lowerBound) to \(count.upperBound) numbers from \(range.lowerBound) to "
                + "\(range.upperBound)")
        }
        return values
    }

    /// A finite number with `lower < value <= upper`.
    func number(
        _ key: String, above lower: Double, upTo upper: Double, default fallback: Double? = nil
    ) throws(BundleError) -> Double {
        guard let value = try optional(Double.self, key) ?? fallback else { throw fault(key, "is needed (a number)") }
        guard value > lower, value <= upper else {
            throw fault(key, "expected a number above \(lower) and up to \(upper), found \(value)")
        }
        return value
    }

    /// One of the names of an enumeration.
    func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ type: Choice.Type, _ key: String, default fallback: Choice? = nil
    ) throws(BundleError) -> Choice {
        guard let name = try optional(String.self, key) else {
            guard let fallback else { throw fault(key, "is needed (text)") }
            return fallback
        }
        guard let value = Choice(rawValue: name) else {
            let known = Choice.allCases.map { $0.rawValue }.joined(separator: ", ")
            throw fault(key, "expected one of \(known), found \(Self.shown(name))")
        }
        return value
    }

    /// Text of 1 to `limit` printable characters.
    func text(_ key: String, upTo limit: Int) throws(BundleError) -> String {
        let value = try required(String.self, key)
        guard Self.isPrintable(value), value.count <= limit else {
            throw fault(key, "expected 1 to \(limit) printable characters")
        }
        return value
    }

    /// Whatever was in the object has been asked for.
    func finish() throws(BundleError) {
        if let unknown = container.allKeys.map(\.stringValue).filter({ !asked.contains($0) }).min() {
            throw .malformed(key: path, "the key \(Self.shown(unknown)) is not known")
        }
    }

    static func isPrintable(_ text: String) -> Bool {
        !text.isEmpty && text.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }
    }

    /// Text from the file, fit for one line of a message.
    static func shown(_ text: String) -> String {
        let cut = text.unicodeScalars.prefix(80).map { isPrintable(String($0)) ? String($0) : "?" }.joined()
        return "\"\(cut)\(text.unicodeScalars.count > 80 ? "..." : "")\""
    }

    private static func name<Value>(of type: Value.Type) -> String {
        switch type {
        case is Int.Type: "a whole number"
        case is Double.Type: "a number"
        case is Bool.Type: "true or false"
        case is String.Type: "text"
        case is [Int].Type: "a list of whole numbers"
        case is [String].Type: "a list of texts"
        default: "another value"
        }
    }

    /// What the decoder found, in its own few words.
    private static func reason(_ error: any Error) -> String {
        switch error as? DecodingError {
        case .typeMismatch: ", found a value of another type"
        case .valueNotFound: ", found null"
        case .dataCorrupted(let context) where context.codingPath.isEmpty: "; it is not valid JSON"
        default: ""
        }
    }
}
