/// Why a checkpoint was not read. `description` is always one line without control characters, whatever the file holds.
package enum CheckpointError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The system would not give the file; the reason is the system's.
    case unreadable(String)
    /// Neither safetensors nor a PyTorch zip archive.
    case unrecognised(String)
    /// A safetensors file whose header and data disagree with the format or with each other.
    case malformedSafetensors(String)
    /// A zip archive that is damaged, ambiguous or not laid out as PyTorch does.
    case malformedArchive(String)
    /// A pickle that asks for more than inert values, or is damaged.
    case refusedPickle(String)
    /// A tensor whose type, shape or place in the file can't be right.
    case malformedTensor(name: String, String)
    /// A file that would take more memory or time to list than any real checkpoint; see `CheckpointLimits`.
    case overLimit(String, limit: Int)
    /// The file is sound, but not the one that the network needs.
    case mismatch(ParameterMismatch)
    /// The system would not take the file that was being written.
    case unwritable(String)

    package var description: String {
        switch self {
        case .unreadable(let reason): "can't be read: \(reason)"
        case .unrecognised(let found):
            "not a checkpoint: expected safetensors or a PyTorch zip archive, found \(found)"
        case .malformedSafetensors(let detail): "not a sound safetensors file: \(detail)"
        case .malformedArchive(let detail): "not a sound PyTorch archive: \(detail)"
        case .refusedPickle(let detail): "the archive's pickle is refused: \(detail)"
        case .malformedTensor(let name, let detail): "tensor \(quoted(name)): \(detail)"
        case .overLimit(let what, let limit): "over a limit: \(what), at most \(limit)"
        case .mismatch(let mismatch): mismatch.description
        case .unwritable(let reason): "can't be written: \(reason)"
        }
    }
}

/// How a checkpoint and the network that it should fill differ.
package struct ParameterMismatch: Sendable, Equatable, CustomStringConvertible {
    package struct Misshaped: Sendable, Equatable {
        package var name: String
        package var expected: [Int]
        package var found: [Int]

        package init(name: String, expected: [Int], found: [Int]) {
            self.name = name
            self.expected = expected
            self.found = found
        }
    }

    /// Needed by the network, absent from the file; in the order in which they were asked for.
    package var missing: [String]
    /// In the file, used by nothing; sorted.
    package var surplus: [String]
    package var misshaped: [Misshaped]

    package init(missing: [String], surplus: [String], misshaped: [Misshaped]) {
        self.missing = missing
        self.surplus = surplus
        self.misshaped = misshaped
    }

    /// How many names of each kind are spelled out.
    package static let namesShown = 8

    package var description: String {
        var parts: [String] = []
        if !missing.isEmpty { parts.append(Self.list("missing", missing.map { quoted($0) })) }
        if !surplus.isEmpty { parts.append(Self.list("surplus", surplus.map { quoted($0) })) }
        if !misshaped.isEmpty {
            parts.append(Self.list("mis-shaped", misshaped.map {
                "\(quoted($0.name)) (expected \($0.expected), found \($0.found))"
            }))
        }
        return "the tensors don't fit the network: " + parts.joined(separator: "; ")
    }

    private static func list(_ kind: String, _ items: [String]) -> String {
        let rest = items.count - namesShown
        return "\(items.count) \(kind): " + items.prefix(namesShown).joined(separator: ", ")
            + (rest > 0 ? " and \(rest) more" : "")
    }
}

/// Text from a file made fit for one line of a message: escaped, in quotation marks, and cut after 80 characters.
func quoted(_ text: String) -> String {
    var result = "\""
    var length = 0
    for scalar in text.unicodeScalars {
        if length == 80 { return result + "...\"" }
        length += 1
        switch scalar {
        case "\"", "\\": result.unicodeScalars.append("\\"); result.unicodeScalars.append(scalar)
        default:
            if scalar.properties.isPrintable {
                result.unicodeScalars.append(scalar)
            } else {
                result += "\\u{\(String(scalar.value, radix: 16))}"
            }
        }
    }
    return result + "\""
}

extension Unicode.Scalar.Properties {
    /// Neither a control, format, separator (but the blank) nor unassigned character.
    fileprivate var isPrintable: Bool {
        switch generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: false
        default: true
        }
    }
}
