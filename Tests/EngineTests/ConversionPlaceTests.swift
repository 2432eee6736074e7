import Bundles
import Engine
import Foundation
import TestSupport
import Testing

/// Bundles that are converted where they are: what else a user has put there stays.
@Suite("Conversion in place")
struct ConversionPlaceTests {
    private let folder: URL
    private let bundle: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("restored-in-place-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        bundle = try OfficialSketch.universal.publish(in: folder)
    }

    private func write(_ text: String, to path: String) throws {
        let file = bundle.appendingPathComponent(path)
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
    }

    private func text(_ path: String) -> String? {
        try? String(contentsOf: bundle.appendingPathComponent(path), encoding: .utf8)
    }

    private func convert(
        _ path: String? = nil, keepsOriginal: Bool = false,
        by preparation: any BundlePreparing = BundlePreparation(EngineConfiguration(), checks: false)
    ) async throws -> Bool {
        try await BundleFolderConversion(
            path ?? bundle.path, to: nil, keepsOriginal: keepsOriginal, preparation: preparation).run()
    }

    /// Other labels want other features, so that converting once more changes the files.
    private func rename(_ label: String, to other: String) throws {
        let manifest = bundle.appendingPathComponent("bundle.json")
        try String(contentsOf: manifest, encoding: .utf8).replacing("\"\(label)\"", with: "\"\(other)\"")
            .write(to: manifest, atomically: true, encoding: .utf8)
    }

    @Test("folders, links, hidden files and files of the new names stay")
    func strangers() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let files = [
            "photographs/old/one.txt", "notes.txt", ".hidden/two.txt", "universal-ir.safetensors", "original/mine.txt",
        ]
        for file in files { try write(file, to: file) }
        try FileManager.default.createSymbolicLink(
            atPath: bundle.path + "/link", withDestinationPath: "photographs/nowhere")
        try FileManager.default.createDirectory(atPath: bundle.path + "/empty", withIntermediateDirectories: true)
        #expect(try await convert())
        for round in 0..<2 {
            for file in files { #expect(text(file) == file, "round \(round)") }
            #expect(
                try FileManager.default.destinationOfSymbolicLink(atPath: bundle.path + "/link") == "photographs/nowhere")
            #expect(FileManager.default.fileExists(atPath: bundle.path + "/empty"))
            let verification = try BundleVerification(bundle.path)
            #expect(verification.isSound && !verification.files.contains { $0.name.hasSuffix(".pth") })
            if round == 0 {
                try rename("hazy", to: "abab")
                #expect(try await convert())
            }
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["published"])
        let left = try FileManager.default.contentsOfDirectory(atPath: bundle.path)
        #expect(!left.contains("universal-ir.pth") && !left.contains("daclip_ViT-B-32.pt"), "\(left)")
    }

    @Test("what was published is kept once, and converting again leaves it as it is")
    func originals() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        try write("mine", to: "sub/mine.txt")
        #expect(try await convert(keepsOriginal: true))
        let published = try BundleVerification(bundle.path + "/original")
        #expect(published.isSound && published.files.contains { $0.name == "universal-ir.pth" })
        #expect(try await !convert(keepsOriginal: true))
        try rename("hazy", to: "abab")
        // Two of them have no room in one folder.
        let error = await #expect(throws: FetchError.self) { try await convert(keepsOriginal: true) }
        #expect(error?.description.contains("original") == true)
        #expect(try await convert())
        #expect(try BundleVerification(bundle.path + "/original") == published)
        #expect(try BundleVerification(bundle.path).isSound)
        #expect(text("sub/mine.txt") == "mine")
    }

    @Test("through a symbolic link it is the folder that is converted, and the link stays")
    func links() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let link = folder.appendingPathComponent("link").path
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "published")
        #expect(try await convert(link))
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == "published")
        #expect(try BundleVerification(bundle.path).files.allSatisfy { !$0.name.hasSuffix(".pth") })
        #expect(try await !convert(bundle.path + "/."))
    }

    @Test("while it runs, and where it ends in the middle, the folders around it show one bundle")
    func around() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let looking = Looking(around: folder.path)
        #expect(throws: Looking.Seen.self) { try looking.prepare(bundle.path, into: "") }
        let seen = await #expect(throws: Looking.Seen.self) { try await convert(by: looking) }
        #expect(seen?.bundles == [bundle.path])
        #expect(try await convert())
    }
}

/// A preparation that writes a whole bundle, looks around, and fails.
private struct Looking: BundlePreparing {
    struct Seen: Error { let bundles: [String] }

    let folder: String
    var kinds: Set<String> { [] }

    init(around folder: String) { self.folder = folder }

    func prepare(_ original: String, into folder: String) throws {
        if !folder.isEmpty {
            try Data(contentsOf: URL(fileURLWithPath: original + "/bundle.json"))
                .write(to: URL(fileURLWithPath: folder + "/bundle.json"))
        }
        throw Seen(bundles: BundleFolders.bundles(in: self.folder))
    }
}
