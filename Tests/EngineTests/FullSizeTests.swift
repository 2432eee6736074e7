import Bundles
import Checkpoints
import Engine
import Foundation
import Images
import TestSupport
import Testing

/// The published architectures at their real size, with random weights: `Deploy/test --full`.
@Suite(
    "Full-size networks", .serialized,
    .enabled("needs RESTORED_FULL, as Deploy/test --full sets it, and the parity folder's STATE_DICTS.md") {
        ProcessInfo.processInfo.environment["RESTORED_FULL"] == "1" && ParityFolder.current.has("STATE_DICTS.md")
    })
struct FullSizeTests {
    @Test("a published pair loads, classifies and restores", arguments: FullSizeBundle.all)
    func pair(model: FullSizeBundle) async throws {
        let folder = try model.write()
        defer { try? FileManager.default.removeItem(at: folder) }
        let loading = ContinuousClock.now
        var configuration = EngineConfiguration()
        configuration.threadsPerEvaluation = 2
        let restorer = try RecipeEngine(Bundles.Bundle.load(folder.path), configuration: configuration)
        let loaded = ContinuousClock.now

        let first = Picture.sample(width: 256, height: 256)
        var generator = SeededGenerator(seed: 7)
        let second = Picture.noise(width: 256, height: 256, using: &generator)
        let classes = [try await restorer.classify(first, labels: nil), try await restorer.classify(second, labels: nil)]
        #expect(classes[0] != classes[1])
        #expect(Set(classes[0].entries.map(\.label)) == Set(restorer.recipe.labels))
        let own = try await restorer.classify(first, labels: ["a rainy day", "a clean photograph"])
        #expect(abs(own.entries.reduce(0) { $0 + $1.probability } - 1) < 1e-5)
        let classified = ContinuousClock.now

        var options = RestorationOptions()
        options.steps = 2
        options.seed = 1
        let restored = [
            try await restorer.restore(first, options: options) { _ in },
            try await restorer.restore(second, options: options) { _ in },
        ]
        let end = ContinuousClock.now
        for result in restored { #expect(result.picture.width == 256 && result.picture.height == 256) }
        #expect(restored[0].picture.pixels != restored[1].picture.pixels)
        #expect(restored[0].picture.pixels != first.pixels)
        #expect(Set(restored[0].picture.pixels).count > 16)
        print(
            "\(model.name): load \(loaded - loading), three classifications \(classified - loaded),"
                + " two pictures of two steps \(end - classified), \(Self.peakMemory)")
    }

    private static var peakMemory: String {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        return status.split(separator: "\n").first { $0.hasPrefix("VmHWM") }.map { String($0) } ?? "memory unknown"
    }
}

/// A bundle of a published pair of networks with random weights.
struct FullSizeBundle: CustomTestStringConvertible, Sendable {
    let name: String
    let classifier: String
    let network: String
    /// `daclip` and `unet` of `bundle.json`, files and digests aside.
    let classifierSettings: String
    let networkSettings: String

    var testDescription: String { name }

    static let all = [
        FullSizeBundle(
            name: "universal", classifier: "daclip_ViT-B-32", network: "unet_test_yml",
            classifierSettings: """
                "embed_dim": 512, "vision_cfg": {"image_size": 224, "layers": 12, "width": 768, "patch_size": 32},
                "text_cfg": {"width": 512, "heads": 8, "layers": 12}
                """,
            networkSettings: """
                "in_nc": 3, "out_nc": 3, "nf": 64, "ch_mult": [1, 2, 4, 8], "context_dim": 512,
                "use_degra_context": true, "use_image_context": true
                """),
        FullSizeBundle(
            name: "wild", classifier: "daclip_ViT-L-14", network: "unet_wild_ir",
            classifierSettings: """
                "embed_dim": 768, "vision_cfg": {"image_size": 224, "layers": 24, "width": 1024, "patch_size": 14},
                "text_cfg": {"width": 768, "heads": 12, "layers": 12}
                """,
            networkSettings: """
                "in_nc": 3, "out_nc": 3, "nf": 64, "ch_mult": [1, 2, 4, 8], "context_dim": 768,
                "use_degra_context": false, "use_image_context": true, "scale": 0.5
                """),
    ]

    /// Writes the bundle into a new temporary folder.
    func write() throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("restored-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let merges = "bpe_simple_vocab_16e6.txt.gz"
        try FileManager.default.copyItem(at: ParityFolder.current.url(merges), to: folder.appendingPathComponent(merges))
        try writeCheckpoint(classifier, to: folder.appendingPathComponent("daclip.pt"), seed: 1)
        try writeCheckpoint(network, to: folder.appendingPathComponent("unet.pth"), seed: 2)
        func file(_ name: String) throws -> String {
            let digest = FileDigest.sha256(of: try CheckpointBytes(contentsOf: folder.path + "/" + name))
            return "\"file\": \"\(name)\", \"sha256\": \"\(digest)\""
        }
        let manifest = """
            {"name": "\(name)-random", "version": "0", "licence": "none: random numbers", "trainingDataTerms": "none",
             "prediction": "noise", "logit_scale": 100,
             "labels": ["motion-blurry", "hazy", "jpeg-compressed", "low-light", "noisy", "raindrop", "rainy",
                        "shadowed", "snowy", "uncompleted"],
             "daclip": {\(try file("daclip.pt")), \(classifierSettings), "merges": {\(try file(merges))}},
             "unet": {\(try file("unet.pth")), \(networkSettings)},
             "diffusion": {}, "default": {"sampler": "posterior", "steps": 100}}
            """
        try manifest.write(to: folder.appendingPathComponent("bundle.json"), atomically: true, encoding: .utf8)
        return folder
    }

    private func writeCheckpoint(_ model: String, to file: URL, seed: UInt64) throws {
        let listing = try #require(StateDictListing(model), "STATE_DICTS.md lists no \(model)")
        let bytes = TorchArchiveWriter.bytes(of: listing.randomTensors(seed: seed))
        try Data(bytes).write(to: file)
    }
}
