/// Reads YAML's flow style (YAML 1.2, section 7) out of one line.
struct YAMLFlow {
    private var rest: Substring

    init(_ text: String) {
        rest = text[...]
    }

    var isAtEnd: Bool { rest.allSatisfy { $0 == " " } }

    /// The node that begins here; nil where there is none.
    mutating func node() -> YAMLNode? {
        skipBlanks()
        switch rest.first {
        case "{": return members()
        case "[": return list()
        case "'", "\"": return quoted().map(YAMLNode.text)
        default: return plain().map(YAMLNode.plain)
        }
    }

    private mutating func members() -> YAMLNode? {
        var members: [(name: String, value: YAMLNode)] = []
        rest.removeFirst()
        while true {
            if take("}") { return .members(members) }
            skipBlanks()
            guard let name = ["'", "\""].contains(rest.first) ? quoted() : plain(), take(":"), let value = node() else { return nil }
            members.append((name, value))
            guard take(",") || rest.first == "}" else { return nil }
        }
    }

    private mutating func list() -> YAMLNode? {
        var items: [YAMLNode] = []
        rest.removeFirst()
        while true {
            if take("]") { return .list(items) }
            guard let item = node() else { return nil }
            items.append(item)
            guard take(",") || rest.first == "]" else { return nil }
        }
    }

    /// A quoted text. A single quotation mark in it is doubled; a backslash between double ones is not supported.
    private mutating func quoted() -> String? {
        guard let quote = rest.popFirst() else { return nil }
        var text = ""
        while let character = rest.popFirst() {
            if character == quote {
                guard quote == "'", rest.first == quote else { return text }
                rest.removeFirst()
            } else if character == "\\", quote == "\"" {
                return nil
            }
            text.append(character)
        }
        return nil
    }

    /// Up to what ends a plain scalar: a bracket, a comma, or a colon before a blank.
    private mutating func plain() -> String? {
        var text = ""
        while let character = rest.first, !",[]{}".contains(character) {
            if character == ":", rest.dropFirst().first.map({ $0 == " " }) ?? true { break }
            text.append(character)
            rest.removeFirst()
        }
        while text.last == " " { text.removeLast() }
        return text.isEmpty ? nil : text
    }

    private mutating func skipBlanks() {
        while rest.first == " " { rest.removeFirst() }
    }

    private mutating func take(_ character: Character) -> Bool {
        skipBlanks()
        guard rest.first == character else { return false }
        rest.removeFirst()
        return true
    }
}
