/// A document in the part of YAML 1.2 that `openapi.yaml` is written in: mappings, sequences and scalars in block and
/// flow style, plain, quoted, literal and folded ones; no anchors, tags, directives, comments or escapes.
indirect enum YAMLNode: Sendable {
    /// As it stands in JSON: a number, `true`, `false` or `null`.
    case literal(String)
    case text(String)
    case list([YAMLNode])
    /// In the order of the document.
    case members([(name: String, value: YAMLNode)])

    /// The same document in JSON (RFC 8259), its members in the same order.
    var json: String {
        switch self {
        case .literal(let literal): literal
        case .text(let text): LogLine.quoted(text)
        case .list(let items): "[" + items.map(\.json).joined(separator: ",") + "]"
        case .members(let members):
            "{" + members.map { LogLine.quoted($0.name) + ":" + $0.value.json }.joined(separator: ",") + "}"
        }
    }

    /// A plain scalar by the core schema (YAML 1.2, section 10.3.2), as far as numbers are written plainly.
    static func plain(_ text: String) -> YAMLNode {
        switch text {
        case "", "~", "null": return .literal("null")
        case "true", "false": return .literal(text)
        default: break
        }
        let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
        let parts = digits.split(separator: ".", omittingEmptySubsequences: false)
        let isNumber = (1...2).contains(parts.count) && parts.allSatisfy { part in
            !part.isEmpty && part.utf8.allSatisfy { (0x30...0x39).contains($0) }
        }
        return isNumber && (parts[0] == "0" || !parts[0].hasPrefix("0")) ? .literal(text) : .text(text)
    }
}

/// Where a document is outside of that part of YAML.
struct YAMLFault: Error, CustomStringConvertible {
    /// From 1.
    let line: Int
    let reason: String

    var description: String { "line \(line): \(reason)" }
}

/// Reads blocks by their lines' indentation.
struct YAMLReader {
    private struct Line {
        var indentation: Int
        var content: Substring
        var isBlank: Bool { content.isEmpty }
    }

    private var lines: [Line]
    private var position = 0

    /// - Throws: `YAMLFault`.
    static func read(_ text: String) throws(YAMLFault) -> YAMLNode {
        var reader = YAMLReader(text)
        reader.skipBlanks()
        let node = try reader.block()
        reader.skipBlanks()
        guard reader.position == reader.lines.count else { throw reader.fault("less indented than what it belongs to") }
        return node
    }

    private init(_ text: String) {
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            let content = line.drop { $0 == " " }
            return Line(indentation: content.isEmpty ? 0 : line.count - content.count, content: content)
        }
    }

    private func fault(_ reason: String) -> YAMLFault { YAMLFault(line: position + 1, reason: reason) }

    private mutating func skipBlanks() {
        while position < lines.count, lines[position].isBlank { position += 1 }
    }

    /// The node that begins at the present line.
    private mutating func block() throws(YAMLFault) -> YAMLNode {
        guard position < lines.count else { throw fault("expected more") }
        let line = lines[position]
        if line.content == "-" || line.content.hasPrefix("- ") { return try sequence(at: line.indentation) }
        if Self.key(of: line.content) != nil { return try mapping(at: line.indentation) }
        position += 1
        return try scalar(line.content, deeperThan: line.indentation - 1)
    }

    private mutating func sequence(at indentation: Int) throws(YAMLFault) -> YAMLNode {
        var items: [YAMLNode] = []
        while position < lines.count, lines[position].indentation == indentation, lines[position].content.hasPrefix("- ") {
            // What follows the dash is a block of its own, as deep as it stands there.
            let rest = lines[position].content.dropFirst(2)
            let content = rest.drop { $0 == " " }
            lines[position] = Line(indentation: indentation + 2 + rest.count - content.count, content: content)
            items.append(try block())
            skipBlanks()
        }
        return .list(items)
    }

    private mutating func mapping(at indentation: Int) throws(YAMLFault) -> YAMLNode {
        var members: [(name: String, value: YAMLNode)] = []
        while position < lines.count, lines[position].indentation == indentation {
            guard let (name, rest) = Self.key(of: lines[position].content) else { throw fault("expected a name and a colon") }
            guard !members.contains(where: { $0.name == name }) else { throw fault("\(name) stands here twice") }
            position += 1
            members.append((name, try value(rest, of: indentation)))
            skipBlanks()
        }
        return .members(members)
    }

    private mutating func value(_ rest: Substring, of indentation: Int) throws(YAMLFault) -> YAMLNode {
        if let first = rest.first, "|>".contains(first) { return try blockScalar(rest, deeperThan: indentation) }
        guard rest.isEmpty else { return try scalar(rest, deeperThan: indentation) }
        skipBlanks()
        guard position < lines.count, lines[position].indentation > indentation else { return .literal("null") }
        return try block()
    }

    /// A flow node, or a quoted or plain scalar, with the deeper lines that go on with it.
    private mutating func scalar(_ start: Substring, deeperThan indentation: Int) throws(YAMLFault) -> YAMLNode {
        var text = String(start)
        while position < lines.count, lines[position].isBlank || lines[position].indentation > indentation {
            if !lines[position].isBlank { text += " " + lines[position].content }
            position += 1
        }
        guard let first = text.first, "{['\"".contains(first) else { return .plain(Self.trimmed(text[...])) }
        var flow = YAMLFlow(text)
        guard let node = flow.node(), flow.isAtEnd else { throw fault("expected one flow node or quoted text") }
        return node
    }

    /// Literal or folded text; folding keeps the ends of lines only where they are empty or indented (section 8.1.3).
    private mutating func blockScalar(_ head: Substring, deeperThan indentation: Int) throws(YAMLFault) -> YAMLNode {
        guard ["|", "|-", ">", ">-"].contains(Self.trimmed(head)) else { throw fault("\(head) is not supported") }
        var (taken, depth): ([String], Int) = ([], 0)
        while position < lines.count, lines[position].isBlank || lines[position].indentation > indentation {
            let line = lines[position]
            if depth == 0 { depth = line.indentation }
            taken.append(line.isBlank ? "" : String(repeating: " ", count: max(0, line.indentation - depth)) + line.content)
            position += 1
        }
        while taken.last == "" { taken.removeLast() }
        var text = ""
        for (index, line) in taken.enumerated() {
            guard index > 0 else { text = line; continue }
            let isFolded = head.hasPrefix(">") && !line.isEmpty && !line.hasPrefix(" ") && !taken[index - 1].hasPrefix(" ")
            let isBehindGap = isFolded && taken[index - 1].isEmpty
            text += (isFolded ? (isBehindGap ? "" : " ") : "\n") + line
        }
        return .text(head.hasSuffix("-") || taken.isEmpty ? text : text + "\n")
    }

    /// The name at the start of a mapping's line, and what stands behind its colon; nil for other lines.
    private static func key(of content: Substring) -> (name: String, rest: Substring)? {
        if let quote = content.first, "'\"".contains(quote) {
            guard let end = content.dropFirst().firstIndex(of: quote) else { return nil }
            let rest = content[content.index(after: end)...]
            guard rest.hasPrefix(":") else { return nil }
            return (String(content[content.index(after: content.startIndex)..<end]), Substring(trimmed(rest.dropFirst())))
        }
        guard let first = content.first, !"{[|>".contains(first) else { return nil }
        if let colon = content.firstRange(of: ": ") {
            return (String(content[..<colon.lowerBound]), Substring(trimmed(content[colon.upperBound...])))
        }
        return content.hasSuffix(":") ? (String(content.dropLast()), "") : nil
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text.drop { $0 == " " }
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
