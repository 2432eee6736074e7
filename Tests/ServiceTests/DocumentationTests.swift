import Foundation
import HTTPTypes
import Service
import Settings
import TestSupport
import Testing

/// What is written for operators and clients agrees with the program.
@Suite("Documentation")
struct DocumentationTests {
    private static func text(_ path: String) throws -> String {
        try String(contentsOf: Repository.root.appending(path: path), encoding: .utf8)
    }

    /// The rows of the operators' tables whose first cell begins so.
    private static func rows(beginning start: String) throws -> [Substring] {
        try text("Deploy/README.md").split(separator: "\n").filter { $0.hasPrefix("| `" + start) }
    }

    @Test("every setting has its row, with variable, default, bounds and meaning, and no row is of another")
    func settings() throws {
        let rows = try Self.rows(beginning: "--")
        let help = Configuration.help.split(separator: "\n")
        for setting in Setting.all {
            let line = try #require(help.firstIndex { $0.hasPrefix("  \(setting.flag) ") })
            // Two lines below its flag: "0...65535, default 8080".
            let remarks = try #require(help.dropFirst(line + 2).first)
            let standard = remarks.firstRange(of: "default ").map { remarks[$0.upperBound...] } ?? "unset"
            let start = "| `\(setting.flag)` | `\(setting.environmentVariable)` | \(standard) | "
            let row = try #require(rows.first { $0.hasPrefix(start) }, "no row begins with \(start)")
            if let bounds = setting.boundsText { #expect(row.contains(" | \(bounds) "), "\(setting.flag)") }
            #expect(row.contains("| \(setting.help) "), "\(setting.flag)")
        }
        #expect(rows.count == Setting.all.count)
    }

    @Test("every metric has its row, with its type, and no row is of another")
    func metrics() async throws {
        let rows = try Self.rows(beginning: "restored_")
        let page = await ServiceUnderTest().send(.get, "/metrics").text
        let families = page.matches(of: /# TYPE (\w+) (\w+)\n/)
        for family in families {
            let start = "| `\(family.output.1)` | \(family.output.2) |"
            #expect(rows.contains { $0.hasPrefix(start) }, "no row begins with \(start)")
        }
        #expect(rows.count == families.count)
    }

    @Test("a page of another origin may read every field of answers that the description has, and no others are described")
    func answerFields() async throws {
        let subject = ServiceUnderTest { $0.corsOrigin = "https://photos.example" }
        let answer = await subject.send(.get, "/health", fields: [.origin: "https://photos.example"])
        let exposed = (answer["Access-Control-Expose-Headers"] ?? "").replacing(" ", with: "").split(separator: ",")
        let described = try Self.text("openapi.yaml").matches(of: /\n    (Restored-[\w-]+):/).map(\.output.1)
        #expect(described.count >= 10 && Set(described) == Set(exposed.filter { $0.hasPrefix("Restored-") }))
    }

    @Test("every parameter stands in the README and in the description")
    func parameters() async throws {
        let operations = await ServiceUnderTest().send(.get, "/capabilities").json["parameters"]?.members ?? [:]
        let names = operations.values.flatMap { $0.items ?? [] }.compactMap(\.text)
        #expect(names.count >= 10)
        let readme = try Self.text("README.md")
        let description = try Self.text("openapi.yaml")
        for name in names {
            #expect(readme.contains("`\(name)`"), "\(name)")
            #expect(description.contains("name: \(name)\n"), "\(name)")
        }
    }

    @Test(
        "files and tests that a document refers to are there",
        arguments: [
            "README.md", "Sources/README.md", "Sources/Diffusion/README.md", "Sources/Networks/CLIP/README.md",
            "Sources/Networks/RestorationUNet/README.md", "Sources/Networks/NAFNet/README.md",
            "Sources/Networks/ConditionalNAFNet/README.md", "Sources/Networks/SentenceEncoder/README.md",
            "Sources/Networks/InstructIR/README.md", "Sources/Networks/Restormer/README.md",
            "Sources/Networks/PromptIR/README.md", "Sources/Networks/GuidedRestoration/README.md", "Sources/Service/Jobs/Shared/README.md", "Sources/Networks/LatentUNet/README.md",
            "Sources/Networks/Autoencoder/README.md", "Sources/Networks/Pseudowords/README.md", "Deploy/README.md", "Weights/README.md", "Weights/mini/README.md",
            "Weights/mini/history.md", "Weights/training/README.md", "Tests/Benchmarks/README.md", "Tests/Hardness/README.md",
            "Tests/Fuzz/README.md", "Tests/Fixtures/Parity/README.md",
        ])
    func references(document: String) throws {
        let text = try Self.text(document)
        let folder = Repository.root.appending(path: document).deletingLastPathComponent()
        let links = text.matches(of: /\]\(([^)\s#]+)(?:#([\w-]+))?\)/).filter { !$0.output.1.contains("://") }
        for link in links {
            guard let section = link.output.2 else { continue }
            let page = try String(contentsOf: folder.appending(path: link.output.1), encoding: .utf8)
            let titles = page.matches(of: /\n#+ (.+)/).map { $0.output.1.lowercased().replacing(" ", with: "-") }
            #expect(titles.contains(String(section)), "\(link.output.1) has no section \(section)")
        }
        var targets = links.map { folder.appending(path: $0.output.1).path }
        // `HTTPServer/Listener.swift`, from the document's folder.
        targets += text.matches(of: /`([\w\/+-]+\.(?:swift|c|h|inc))`/).map { folder.appending(path: $0.output.1).path }
        // `HTTPServerTests/LimitTests` is a file of Swift, `EndToEndTests/drain.sh` one of the shell.
        targets += text.matches(of: /`(\w+Tests\/[\w-]+)(\.sh)?`/).map { match in
            Repository.root.appending(path: "Tests/\(match.output.1)\(match.output.2 ?? ".swift")").path
        }
        targets += text.matches(of: /`(Hardness\/\w+\.py)`/).map { match in
            Repository.root.appending(path: "Tests/\(match.output.1)").path
        }
        for target in targets {
            #expect(FileManager.default.fileExists(atPath: target), "\(target)")
        }
    }
}
