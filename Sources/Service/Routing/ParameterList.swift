import Engine
import HTTPWire

/// The parameters of one request by name, whether they came in the query or as form fields.
struct ParameterList: Sendable {
    /// Longest value, in bytes; no parameter needs more, and errors quote it.
    static let valueLimit = 8192

    /// What may be in it.
    let known: ParameterNames
    private var values: [String: String] = [:]

    /// None yet.
    init(of known: ParameterNames) {
        self.known = known
    }

    /// What stands after the question mark of a target.
    ///
    /// - Throws: `QueryError` or `ServiceFault`.
    init(query: String?, of known: ParameterNames) throws {
        self.init(of: known)
        guard let query else { return }
        for pair in try QueryParser.parse(query) { try add(pair.name, pair.value) }
    }

    /// Adds one parameter.
    mutating func add(_ name: String, _ value: String) throws(ServiceFault) {
        guard known.offered.contains(name) else { throw .unknownParameter(name: name, known: known.offered) }
        guard value.utf8.count <= Self.valueLimit else {
            throw .invalidParameter(name: name, value: value, expected: "at most \(Self.valueLimit) bytes long")
        }
        guard values.updateValue(value, forKey: name) == nil else { throw .duplicateParameter(name: name) }
    }

    subscript(name: String) -> String? { values[name] }

    /// All values by their names.
    var all: [String: String] { values }

    /// A whole number within bounds, in plain digits.
    func integer(_ name: String, in bounds: ClosedRange<Int>) throws(ServiceFault) -> Int? {
        guard let text = values[name] else { return nil }
        guard Self.isDigits(text), let number = Int(text), bounds.contains(number) else {
            throw .invalidParameter(
                name: name, value: text, expected: "a whole number from \(bounds.lowerBound) to \(bounds.upperBound)")
        }
        return number
    }

    /// One of the words of an enumeration.
    func choice<Choice: RawRepresentable & CaseIterable>(
        _ name: String, of: Choice.Type
    ) throws(ServiceFault) -> Choice? where Choice.RawValue == String {
        guard let text = values[name] else { return nil }
        guard let choice = Choice(rawValue: text) else {
            let words = Choice.allCases.map(\.rawValue)
            throw .invalidParameter(name: name, value: text, expected: "one of \(words.joined(separator: ", "))")
        }
        return choice
    }

    /// The pieces between commas: none empty, none twice.
    func list(_ name: String, of what: String) throws(ServiceFault) -> [String]? {
        guard let text = values[name] else { return nil }
        guard let pieces = CommaList.pieces(of: text) else {
            throw .invalidParameter(
                name: name, value: text, expected: "\(what), separated by commas, none empty and none twice")
        }
        return pieces
    }

    /// `Int` takes a sign, which no parameter here has.
    private static func isDigits(_ text: String) -> Bool {
        (1...20).contains(text.utf8.count) && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }
}

/// The parameters that an operation has.
struct ParameterNames: Sendable {
    let offered: [String]

    static let none = ParameterNames(offered: [])
}
