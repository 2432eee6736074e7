import Bundles
import Checkpoints
import Engine
import Foundation
import Images
import TestSupport
import Testing

/// Checkpoints in the forms in which they are published, whose bundles are served as they are and after conversion.
@Suite("Published layouts", .enabled(if: ParityFolder.singlePass.has("config.json", "nafnet_a.pth")), .timeLimit(.minutes(5)))
struct PublishedLayoutTests {
    private static let fixtures = ParityFolder.singlePass

    /// A bundle whose files are links to fixtures.
    private static func published(_ kind: String, in folder: URL) throws -> URL {
        let original = folder.appendingPathComponent("published")
        try FileManager.default.createDirectory(at: original, withIntermediateDirectories: true)
        let data = try Data(contentsOf: fixtures.url("config.json"))
        let known = try #require(JSONSerialization.jsonObject(with: data) as? [String: [String: Any]])
        func file(_ name: String) throws -> [String: Any] {
            let source = fixtures.url(name)
            try FileManager.default.createSymbolicLink(at: original.appendingPathComponent(name), withDestinationURL: source)
            return ["file": name, "sha256": FileDigest.sha256(of: try CheckpointBytes(contentsOf: source.path))]
        }
        func section(_ name: String, _ ending: String, without keys: Set<String> = []) throws -> [String: Any] {
            let sizes = try #require(known[name]?["config"] as? [String: Any]).filter { !keys.contains($0.key) }
            return sizes.merging(try file(name + ending)) { $1 }
        }
        var manifest: [String: Any] = [
            "kind": kind, "name": "published-\(kind)", "version": "1", "licence": "none", "trainingDataTerms": "none",
            "labels": ["noisy"],
        ]
        switch kind {
        case "nafnet": manifest[kind] = try section("nafnet_a", ".pth")
        case "restormer": manifest[kind] = try section("restormer_a", ".pth")
        case "promptir": manifest[kind] = try section("promptir_a", ".ckpt")
        default:
            manifest[kind] = try section("instructir_a", ".pt")
            let sizes = try #require(known["instructir_text"]?["bert"] as? [String: Any])
            let taken = [
                "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
                "max_position_embeddings",
            ]
            manifest["words"] = [
                "encoder": sizes.filter { taken.contains($0.key) }.merging(try file("instructir_bert_half.bin")) { $1 },
                "head": try file("instructir_head.pt").merging(["tasks": 7]) { $1 },
                "vocabulary": try file("wordpiece_vocab.txt"), "sentences": ["noisy": "Remove the noise from the photo"],
            ]
        }
        try JSONSerialization.data(withJSONObject: manifest).write(to: original.appendingPathComponent("bundle.json"))
        return original
    }

    @Test(
        "a bundle of .pth, .pt, .ckpt and .bin files is restored with, and converted to safetensors gives the same bytes",
        arguments: ["nafnet", "restormer", "promptir", "instructir"])
    func converted(kind: String) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("restored-published-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        let original = try Self.published(kind, in: folder)
        let converted = folder.appendingPathComponent("converted")
        let conversion = BundleFolderConversion(
            original.path, to: converted.path, keepsOriginal: false, preparation: BundlePreparation(EngineConfiguration()))
        #expect(try await conversion.run())
        let names = try FileManager.default.contentsOfDirectory(atPath: converted.path)
        let forms = Set(names.map { ($0 as NSString).pathExtension })
        #expect(forms == (kind == "instructir" ? ["json", "safetensors", "txt"] : ["json", "safetensors"]))
        let picture = Picture.sample(width: 45, height: 38)
        var made: [Picture] = []
        for bundle in [original, converted] {
            let engine = try RecipeEngine(Bundles.Bundle.load(bundle.path), configuration: EngineConfiguration())
            var options = RestorationOptions()
            options.degradations = ["noisy"]
            made.append(try await engine.restore(picture, options: options) { _ in }.picture)
            if bundle == converted { #expect(try await BundleCheck.run(in: bundle.path, by: engine).isSame) }
            await engine.stop()
        }
        #expect(made[0] == made[1] && made[0] != picture)
    }
}
