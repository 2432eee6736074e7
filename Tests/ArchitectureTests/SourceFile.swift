import Foundation
import TestSupport
import Testing

/// One file of this project's code, by lines.
struct SourceFile: CustomTestStringConvertible {
    /// From the repository's root: `Sources/Images/Picture.swift`.
    var path: String
    var lines: [String]

    var testDescription: String { path }

    /// The target whose folder it is in.
    var target: String {
        let folders = path.split(separator: "/").map(String.init)
        // Networks and the fuzzer's parts lie one folder deeper than the others.
        if folders.starts(with: ["Sources", "Networks"]) { return folders.count > 2 ? folders[2] : "" }
        if folders.starts(with: ["Tests", "Fuzz", "Checks"]) { return "FuzzChecks" }
        return folders.count > 1 ? folders[1] : ""
    }

    var isSwift: Bool { path.hasSuffix(".swift") }

    /// All code under a folder of the root.
    static func all(in folder: String) throws -> [SourceFile] {
        let base = Repository.root.appending(path: folder)
        let paths = FileManager.default.enumerator(atPath: base.path)?.compactMap { $0 as? String } ?? []
        return try paths.sorted()
            .filter { ["swift", "c", "h", "inc"].contains(($0 as NSString).pathExtension) }
            .map { path in
                let text = try String(contentsOf: base.appending(path: path), encoding: .utf8)
                return SourceFile(path: "\(folder)/\(path)", lines: text.components(separatedBy: "\n"))
            }
    }

    /// The modules that it imports, with the line of each.
    var imports: [(module: String, line: Int)] {
        lines.enumerated().compactMap { index, line in
            let pattern = /^\s*(?:@\w+(?:\(\w+\))? )*(?:[a-z]+ )?import (?:[a-z]+ )?(\w+)/
            guard let match = line.firstMatch(of: pattern) else { return nil }
            return (String(match.output.1), index + 1)
        }
    }

    /// The code of a line, without a comment at its end.
    func code(_ index: Int) -> Substring {
        let line = Substring(lines[index])
        guard let comment = line.range(of: "//") else { return line }
        return line[..<comment.lowerBound]
    }

    /// Whether a comment stands on the line, or above it with nothing but attributes or one line of the same
    /// statement between.
    func hasAdjacentComment(_ index: Int) -> Bool {
        lines[index].contains("//") || (1...2).contains { distance in
            index >= distance && lines[index - distance].trimmingCharacters(in: .whitespaces).hasPrefix("//")
        }
    }
}
