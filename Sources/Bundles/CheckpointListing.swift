package import Checkpoints

/// A checkpoint's tensors by name, for `weights inspect`.
package struct CheckpointListing: Sendable {
    private let dictionary: StateDict

    package init(_ dictionary: StateDict) { self.dictionary = dictionary }

    /// A line for each tensor, with its name, type and shape, and a line with the sums.
    package var text: String {
        var lines: [String] = []
        let width = min(dictionary.names.map(\.count).max() ?? 0, 80)
        var elements = 0.0, bytes = 0.0
        forEach { name, tensor in
            let shown = Self.oneLine(name)
            let blanks = String(repeating: " ", count: max(width - shown.count, 0) + 2)
            let type = tensor.scalarType.rawValue
            lines.append(shown + blanks + type + String(repeating: " ", count: max(9 - type.count, 1))
                + "[\(tensor.shape.map(String.init).joined(separator: ", "))]")
            elements += Double(tensor.elementCount)
            bytes += Double(tensor.byteCount)
        }
        lines.append("\(dictionary.names.count) tensors, \(Int(elements)) elements, \(Int(bytes)) bytes "
            + "(tensors with two names count twice)")
        return lines.joined(separator: "\n")
    }

    /// `{"tensors": [{"name": ..., "dtype": ..., "shape": [...]}, ...]}`, sorted by name.
    package var json: String {
        struct Entry: Encodable { let name, dtype: String, shape: [Int] }
        var entries: [Entry] = []
        forEach { entries.append(Entry(name: $0, dtype: $1.scalarType.rawValue, shape: $1.shape)) }
        return JSON.line(["tensors": entries])
    }

    private func forEach(_ body: (String, StoredTensor) -> Void) {
        for name in dictionary.names {
            if let tensor = dictionary[name] { body(name, tensor) }
        }
    }

    /// A name that can't move the cursor of the terminal it is printed on.
    private static func oneLine(_ name: String) -> String {
        String(String.UnicodeScalarView(name.unicodeScalars.map {
            $0.value < 0x20 || (0x7F...0x9F).contains($0.value) ? "\u{FFFD}" : $0
        }))
    }
}
