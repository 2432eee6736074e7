import Bundles
import Checkpoints
import Engine
import Foundation
import Images
import TestSupport
import Testing

/// Bundles as they are published become bundles that are served, with the same numbers.
@Suite("Conversion of bundles")
struct ConversionTests {
    private func inFolder(_ body: (URL) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("restored-conversion-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try await body(folder)
    }

    private func contents(_ folder: URL) throws -> [String: Data] {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        return Dictionary(uniqueKeysWithValues: try names.map { ($0, try Data(contentsOf: folder.appendingPathComponent($0))) })
    }

    private static let preparation = BundlePreparation(EngineConfiguration())

    @Test("the tensors are the same, and so are probabilities and pictures, to the last bit", arguments: [
        OfficialSketch.universal, .wild,
    ])
    func sameNumbers(sketch: OfficialSketch) async throws {
        try await inFolder { folder in
            let original = try sketch.publish(in: folder)
            let converted = folder.appendingPathComponent("converted")
            let conversion = BundleFolderConversion(
                original.path, to: converted.path, keepsOriginal: false, preparation: Self.preparation)
            #expect(try await conversion.run())
            let picture = Picture.sample(width: 41, height: 23)
            var results: [(Classification, [UInt8])] = []
            for bundle in [original, converted] {
                let engine = try RecipeEngine(Bundles.Bundle.load(bundle.path), configuration: EngineConfiguration())
                var options = RestorationOptions()
                (options.steps, options.seed, options.force) = (2, 1, true)
                let found = try await engine.classify(picture, labels: nil)
                results.append((found, try await engine.restore(picture, options: options) { _ in }.picture.pixels))
                #expect(try await engine.classify(picture, labels: ["abcd", "more"]).entries.count == 2)
                await engine.stop()
            }
            #expect(results[0].0 == results[1].0 && results[0].1 == results[1].1)
        }
    }

    @Test("converting once more changes nothing, in place and elsewhere")
    func again() async throws {
        try await inFolder { folder in
            let bundle = try OfficialSketch.universal.publish(in: folder)
            func convert(to target: URL? = nil) async throws -> Bool {
                try await BundleFolderConversion(
                    bundle.path, to: target?.path, keepsOriginal: false, preparation: Self.preparation).run()
            }
            #expect(try await convert())
            let first = try contents(bundle)
            #expect(Set(first.keys) == [
                "bundle.json", "check.safetensors", "daclip_ViT-B-32.safetensors", "universal-ir.safetensors",
                "bpe_simple_vocab_16e6.txt.gz",
            ])
            #expect(try await !convert())
            #expect(try contents(bundle) == first)
            let elsewhere = folder.appendingPathComponent("elsewhere")
            #expect(try await convert(to: elsewhere))
            #expect(try contents(elsewhere) == first)
            await #expect(throws: FetchError.self) { try await convert(to: elsewhere) }
        }
    }

    @Test("stored features are used for the labels that they are of, and computed anew for others")
    func otherLabels() async throws {
        try await inFolder { folder in
            let bundle = try OfficialSketch.universal.publish(in: folder)
            let converted = folder.appendingPathComponent("converted")
            _ = try await BundleFolderConversion(
                bundle.path, to: converted.path, keepsOriginal: false, preparation: Self.preparation).run()
            let manifest = converted.appendingPathComponent("bundle.json")
            let text = try String(contentsOf: manifest, encoding: .utf8)
            func probabilities() async throws -> [String: Double] {
                let engine = try RecipeEngine(Bundles.Bundle.load(converted.path), configuration: EngineConfiguration())
                let found = try await engine.classify(Picture.sample(width: 40, height: 30), labels: nil)
                await engine.stop()
                return Dictionary(uniqueKeysWithValues: found.entries.map { ($0.label, $0.probability) })
            }
            let before = try await probabilities()
            try text.replacing("\"hazy\"", with: "\"abab\"").write(to: manifest, atomically: true, encoding: .utf8)
            let after = try await probabilities()
            #expect(after["abab"] != nil && after["hazy"] == nil && after["rainy"] != before["rainy"])
        }
    }

    @Test("what is recorded is found again; a changed network is told")
    func check() async throws {
        try await inFolder { folder in
            let bundle = try OfficialSketch.wild.publish(in: folder)
            _ = try await BundleFolderConversion(bundle.path, to: nil, keepsOriginal: false, preparation: Self.preparation).run()
            func compare() async throws -> BundleCheck.Comparison {
                let engine = try RecipeEngine(Bundles.Bundle.load(bundle.path), configuration: EngineConfiguration())
                let comparison = try await BundleCheck.run(in: bundle.path, by: engine)
                await engine.stop()
                return comparison
            }
            let same = try await compare()
            #expect(same.isSame && same.largest == 0 && same.share == 0 && same.probabilities == 0)
            // Another network, under the same name and with its own digest.
            let name = "wild-ir.safetensors"
            let dictionary = try StateDict(contentsOf: bundle.path + "/" + name)
            var tensors: [String: StoredTensor] = [:]
            for tensor in dictionary.names { tensors[tensor] = dictionary[tensor] }
            let bias = try #require(tensors["final_conv.bias"]?.floats())
            tensors["final_conv.bias"] = StoredTensor(bias.map { $0 + 0.3 }, shape: [bias.count])
            let old = FileDigest.sha256(of: try CheckpointBytes(contentsOf: bundle.path + "/" + name))
            try SafetensorsWriter.write(tensors, to: bundle.path + "/" + name)
            let new = FileDigest.sha256(of: try CheckpointBytes(contentsOf: bundle.path + "/" + name))
            let manifest = bundle.appendingPathComponent("bundle.json")
            try String(contentsOf: manifest, encoding: .utf8).replacing(old, with: new)
                .write(to: manifest, atomically: true, encoding: .utf8)
            let other = try await compare()
            #expect(!other.isSame && (other.share ?? 0) > 0.01 && other.probabilities == 0)
            try FileManager.default.removeItem(at: bundle.appendingPathComponent(BundleCheck.name))
            let empty = try await compare()
            #expect(empty.isEmpty && empty.isSame)
        }
    }

    @Test(
        "a bundle without a classifier is converted and checked likewise",
        .enabled(if: FixtureBundle.isAvailable, "needs the parity fixtures' networks"))
    func plain() async throws {
        let bundle = try FixtureBundle.plain("plain")
        func pixels() async throws -> [UInt8] {
            let engine = try RecipeEngine(Bundles.Bundle.load(bundle.path), configuration: EngineConfiguration())
            var options = RestorationOptions()
            (options.steps, options.seed) = (2, 1)
            let result = try await engine.restore(Picture.sample(width: 24, height: 16), options: options) { _ in }
            await engine.stop()
            return result.picture.pixels
        }
        func convert() async throws -> Bool {
            try await BundleFolderConversion(
                bundle.path, to: nil, keepsOriginal: false, preparation: Self.preparation).run()
        }
        let before = try await pixels()
        #expect(try await convert())
        #expect(try await pixels() == before)
        let engine = try RecipeEngine(Bundles.Bundle.load(bundle.path), configuration: EngineConfiguration())
        let check = try await BundleCheck.run(in: bundle.path, by: engine)
        await engine.stop()
        #expect(check.largest == 0 && check.probabilities == nil)
        #expect(try await !convert())
    }

    @Test("the weights that come with the program compute what their training recorded")
    func shipped() async throws {
        let mini = Repository.root.appendingPathComponent("Weights/mini").path
        let engine = try RecipeEngine(Bundles.Bundle.load(mini), configuration: EngineConfiguration())
        let comparison = try await BundleCheck.run(in: mini, by: engine)
        await engine.stop()
        #expect(comparison.isSame && (comparison.probabilities ?? 1) < 1e-4)
    }

    @Test("a checkpoint that doesn't fit fails by name, and leaves nothing behind")
    func unfit() async throws {
        try await inFolder { folder in
            let bundle = try OfficialSketch.universal.publish(in: folder)
            let manifest = bundle.appendingPathComponent("bundle.json")
            try String(contentsOf: manifest, encoding: .utf8).replacing("\"nf\" : 32", with: "\"nf\" : 64")
                .write(to: manifest, atomically: true, encoding: .utf8)
            let before = try contents(bundle)
            let error = try await #require(throws: BundleError.self) {
                try await BundleFolderConversion(
                    bundle.path, to: nil, keepsOriginal: false, preparation: Self.preparation).run()
            }
            #expect(error.description.contains("universal-ir.safetensors: the tensors don't fit"))
            #expect(try contents(bundle) == before)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["published"])
        }
    }

    @Test("every bundle of the program's own catalogue is one that its kind understands: it lacks tensors and nothing else")
    func catalogue() async throws {
        try await inFolder { folder in
            for entry in try Catalogue.builtIn().entries {
                let bundle = folder.appendingPathComponent(entry.name)
                try FileManager.default.createDirectory(at: bundle, withIntermediateDirectories: true)
                var digests: [String: String] = [:]
                for file in entry.files {
                    let path = bundle.appendingPathComponent(file.name).path
                    if file.name.hasSuffix(".txt") {
                        let pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"] + (4..<30_522).map { "p\($0)" }
                        try Data(pieces.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: path))
                    } else {
                        try SafetensorsWriter.write(["odd": StoredTensor([1], shape: [1])], to: path)
                    }
                    digests[file.name] = FileDigest.sha256(of: try CheckpointBytes(contentsOf: path))
                }
                try Data(entry.manifest(digests: digests).document.utf8).write(to: bundle.appendingPathComponent("bundle.json"))
                let error = try #require(throws: BundleError.self, "\(entry.name)") {
                    try RecipeEngine(Bundles.Bundle.load(bundle.path), configuration: EngineConfiguration())
                }
                guard case .checkpoint(_, .mismatch(let mismatch)) = error else {
                    Issue.record("\(entry.name): \(error)")
                    continue
                }
                #expect(mismatch.missing.count > 10 && mismatch.misshaped.isEmpty, "\(entry.name)")
            }
        }
    }
}
