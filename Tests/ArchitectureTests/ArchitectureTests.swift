import Foundation
import Testing

/// The rules of the house that a compiler does not hold.
@Suite("Architecture")
struct ArchitectureTests {
    /// Longer files hold more than one idea.
    static let maximumLines = 400

    @Test("the manifest reads: the targets of the data flow are there, in its order")
    func manifestReads() throws {
        let names = try Manifest().targets.map(\.name)
        let flow = [
            "Threads", "Images", "Compute", "Checkpoints", "Layers", "CLIP", "RestorationUNet", "NAFNet",
            "ConditionalNAFNet", "SentenceEncoder", "InstructIR", "Restormer", "PromptIR", "GuidedRestoration", "LatentUNet",
            "Autoencoder", "Pseudowords", "Diffusion", "Bundles", "Scheduling", "Engine", "HTTPWire", "HTTPServer", "Redis", "Settings",
            "Service", "restored",
        ]
        #expect(names.filter(flow.contains) == flow)
        #expect(Set(names).count == names.count)
    }

    @Test("a target depends on those above it only")
    func dependenciesPointUp() throws {
        let manifest = try Manifest()
        var above: Set<String> = []
        for target in manifest.targets {
            let below = target.dependencies.filter { manifest.names.contains($0) && !above.contains($0) }
            #expect(below.isEmpty, "\(target.name) depends on \(below.joined(separator: ", ")), which stand below it")
            above.insert(target.name)
        }
    }

    @Test("the pictures know no tensors, the networks no diffusion, the queue no models, the wire no sockets")
    func strangersStayStrangers() throws {
        let strangers = [
            "Images": ["Compute"],
            "Compute": ["Images", "Checkpoints"],
            "Checkpoints": ["Images", "Compute"],
            "Layers": ["Images"],
            "CLIP": ["Diffusion", "Bundles"],
            "RestorationUNet": ["Images", "Diffusion"],
            "NAFNet": ["Images", "Diffusion", "Bundles"],
            "Restormer": ["Images", "CLIP", "Diffusion", "Bundles"],
            "PromptIR": ["Images", "CLIP", "Diffusion", "Bundles"],
            "GuidedRestoration": ["Images", "CLIP", "Diffusion", "Bundles"],
            "InstructIR": ["Images", "CLIP", "Diffusion", "Bundles"],
            "LatentUNet": ["Images", "CLIP", "Diffusion", "Bundles"],
            "Autoencoder": ["Images", "CLIP", "Diffusion", "Bundles"],
            "Pseudowords": ["LatentUNet", "Diffusion", "Bundles"],
            "SentenceEncoder": ["Images", "CLIP", "Diffusion", "Bundles"],
            "ConditionalNAFNet": ["Images", "CLIP", "Diffusion", "Bundles"],
            "Diffusion": ["Images", "CLIP", "RestorationUNet"],
            "Scheduling": ["Images", "Compute", "CLIP", "RestorationUNet", "Diffusion", "Bundles", "HTTPWire"],
            "Engine": ["HTTPWire", "HTTPServer", "httpTypes"],
            "HTTPWire": ["HTTPServer", "Images", "Engine"],
            "HTTPServer": ["Images", "Engine", "Scheduling"],
            "Redis": ["Scheduling", "Engine", "HTTPWire", "HTTPServer", "httpTypes"],
            "Settings": ["HTTPWire", "HTTPServer", "httpTypes"],
        ]
        for target in try Manifest().targets {
            let met = Set(target.dependencies).intersection(strangers[target.name] ?? [])
            #expect(met.isEmpty, "\(target.name) depends on \(met.sorted().joined(separator: ", "))")
        }
    }

    @Test("a file imports what its target declares", arguments: try SourceFile.all(in: "Sources").filter(\.isSwift))
    func importsAreDeclared(file: SourceFile) throws {
        let manifest = try Manifest()
        let target = try #require(manifest.targets.first { $0.name == file.target }, "\(file.path) is in no target")
        for (module, line) in file.imports where manifest.names.contains(module) {
            #expect(target.dependencies.contains(module), "\(file.path):\(line) imports \(module)")
        }
    }

    @Test("a target imports what it declares, in some file")
    func declarationsAreUsed() throws {
        let manifest = try Manifest()
        let files = try (SourceFile.all(in: "Sources") + SourceFile.all(in: "Tests")).filter(\.isSwift)
        for target in manifest.targets {
            let imported = Set(files.filter { $0.target == target.name }.flatMap { $0.imports.map(\.module) })
            let idle = target.dependencies.map(manifest.module).filter { !imported.contains($0) }
            #expect(idle.isEmpty, "\(target.name) declares \(idle.joined(separator: ", ")) and imports it nowhere")
        }
    }

    @Test("a package that no target uses is not fetched")
    func packagesAreUsed() throws {
        let manifest = try Manifest()
        let used = Set(manifest.targets.flatMap(\.dependencies))
        let idle = manifest.products.keys.filter { !used.contains($0) }
        #expect(idle.isEmpty, "no target uses \(idle.sorted().joined(separator: ", "))")
        #expect(manifest.packages == Set(manifest.products.values.map(\.package)))
    }

    @Test("no file is longer than a few screens", arguments: try SourceFile.all(in: "Sources"))
    func filesAreShort(file: SourceFile) {
        #expect(file.lines.count <= Self.maximumLines + 1, "\(file.path) has \(file.lines.count) lines")
    }

    @Test("neither NIO nor another server is behind this one")
    func noForeignServer() throws {
        for file in try SourceFile.all(in: "Sources") {
            for (module, line) in file.imports {
                let isForeign = module.hasPrefix("NIO") || ["Vapor", "Hummingbird", "FlyingFox"].contains(module)
                #expect(!isForeign, "\(file.path):\(line) imports \(module)")
            }
        }
    }

    @Test("tests use what any client of a target can use")
    func noTestableImports() throws {
        for file in try SourceFile.all(in: "Sources") + SourceFile.all(in: "Tests") where file.isSwift {
            for (index, line) in file.lines.enumerated() {
                #expect(!line.hasPrefix("@testable"), "\(file.path):\(index + 1)")
            }
        }
    }

    @Test("what can end the process or race says why it does not")
    func sharpEdgesAreExplained() throws {
        let edges = ["try!", "as!", "fatalError(", "preconditionFailure(", "@unchecked", "nonisolated(unsafe)"]
        for file in try SourceFile.all(in: "Sources") where file.isSwift {
            for index in file.lines.indices {
                let code = file.code(index)
                for edge in edges where code.contains(edge) {
                    #expect(file.hasAdjacentComment(index), "\(file.path):\(index + 1) has \(edge) without a reason")
                }
            }
        }
    }
}

/// The reader of the rules must see what breaks them.
@Suite("Architecture rules")
struct ArchitectureRuleTests {
    private func file(_ text: String) -> SourceFile {
        SourceFile(path: "Sources/X/Y.swift", lines: text.components(separatedBy: "\n"))
    }

    @Test("imports are seen in every form")
    func imports() {
        let text = """
            import A
            package import B
            @preconcurrency internal import C
            import struct D.E
            // import F
            let import2 = 1
            """
        #expect(file(text).imports.map(\.module) == ["A", "B", "C", "D"])
    }

    @Test("a comment counts on the line, above it and above its first line, no further")
    func comments() {
        let near = file("// because\nfatalError(\n)")
        #expect(near.hasAdjacentComment(1))
        #expect(file("fatalError() // because").hasAdjacentComment(0))
        #expect(file("// because\n@Attribute\nfatalError()").hasAdjacentComment(2))
        #expect(!file("// other\n\nlet a = 1\nfatalError()").hasAdjacentComment(3))
        #expect(file("// try! is here").code(0).isEmpty)
    }
}
