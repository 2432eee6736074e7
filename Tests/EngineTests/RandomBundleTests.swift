import Bundles
import Checkpoints
import Dispatch
import Engine
import Foundation
import Images
import TestSupport
import Testing

/// Bundles that are sound in themselves work, whatever they say; those that are not fail by name. None ends the process.
@Suite("Random bundles")
struct RandomBundleTests {
    @Test("a random valid manifest loads, classifies and restores", arguments: 1...24 as ClosedRange<UInt64>)
    func valid(seed: UInt64) async throws {
        var bundle = RandomBundle(seed: seed)
        let folder = try bundle.write()
        defer { try? FileManager.default.removeItem(at: folder) }
        try await run(folder)
    }

    @Test("a random fault in a random manifest fails by name, or does no harm", arguments: 1...6 as ClosedRange<UInt64>)
    func faults(seed: UInt64) async throws {
        var bundle = RandomBundle(seed: 100 + seed)
        let folder = try bundle.write()
        defer { try? FileManager.default.removeItem(at: folder) }
        var random = SeededGenerator(seed: seed)
        var refused = 0
        for _ in 0..<120 {
            let changed = ManifestFault.added(to: bundle.manifest, of: Self.extremes, using: &random)
            try bundle.write(changed, folder)
            do {
                try await run(folder)
            } catch let error as BundleError {
                refused += 1
                #expect(!error.description.isEmpty && !error.description.contains("\n"), "\(changed)")
            }
        }
        #expect(refused > 60)
    }

    @Test("a checkpoint's logit scale must be the manifest's, but for what half precision rounds")
    func logitScale() throws {
        for (logarithm, scale, isRight) in [
            (Float(4.605_170_2), 100.0, true), (4.605_170_2, 100.3, true), (4.605_170_2, 99, false), (.nan, 100, false),
            (.infinity, 100, false), (4.605_170_2, 4.605_170_2, false),
        ] {
            var bundle = RandomBundle(seed: 1)
            bundle.storedLogitScale = logarithm
            bundle.manifest["logit_scale"] = scale
            let folder = try bundle.write()
            defer { try? FileManager.default.removeItem(at: folder) }
            let loaded = try Bundles.Bundle.load(folder.path)
            guard !isRight else {
                _ = try DegradationAwareNetworks(loaded)
                continue
            }
            let error = try #require(throws: BundleError.self) { try DegradationAwareNetworks(loaded) }
            let names = ["bundle.json, logit_scale: expected the checkpoint's ", ", found \(scale)"]
            #expect(names.allSatisfy(error.description.contains), "\(error)")
        }
    }

    private static let manyThreads: ParameterReader.ParallelLoop = { count, body in
        DispatchQueue.concurrentPerform(iterations: count) { body($0) }
    }

    @Test("threads change nothing of what is said of tensors that don't fit", arguments: 1...6 as ClosedRange<UInt64>)
    func errorsOnThreads(seed: UInt64) throws {
        var bundle = RandomBundle(seed: seed)
        let folder = try bundle.write()
        defer { try? FileManager.default.removeItem(at: folder) }
        for (section, key) in [("unet", "ch_mult"), ("daclip", "embed_dim")] {
            var manifest = bundle.manifest
            var changed = try #require(manifest[section] as? [String: Any])
            changed[key] = key == "ch_mult" ? [3, 3, 3] : 11
            manifest[section] = changed
            if section == "daclip", var network = manifest["unet"] as? [String: Any], network["context_dim"] != nil {
                network["context_dim"] = 11
                manifest["unet"] = network
            }
            try bundle.write(manifest, folder)
            let loops: [ParameterReader.ParallelLoop?] = [nil, Self.manyThreads]
            let errors = try loops.map { loop in
                let loaded = try Bundles.Bundle.load(folder.path, sharedBy: loop)
                return try #require(throws: BundleError.self) { try DegradationAwareNetworks(loaded) }
            }
            #expect(errors[0] == errors[1])
        }
    }

    /// Loads the bundle and works with it.
    private func run(_ folder: URL) async throws {
        let restorer = try RecipeEngine(
            Bundles.Bundle.load(folder.path, sharedBy: Self.manyThreads), configuration: EngineConfiguration())
        let picture = Picture.sample(width: 41, height: 23)
        let classification = try await restorer.classify(picture, labels: nil)
        #expect(classification.entries.count == restorer.recipe.labels.count)
        if restorer.recipe.takesOwnLabels {
            #expect(try await restorer.classify(picture, labels: ["abcd", "&amp; more"]).entries.count == 2)
        }
        var options = RestorationOptions()
        options.force = true
        let small = Picture.sample(width: 9, height: 8)
        if restorer.recipe.samplers[0].defaultSteps > 10 {
            options.sampler = "posterior"
            options.steps = 1
        }
        do throws(RestorationError) {
            let result = try await restorer.restore(small, options: options) { _ in }
            #expect(result.picture.width == 9 && result.picture.height == 8)
        } catch .nonFinite(let stage) {
            // Weights at random may lead anywhere; a picture must not come of it.
            #expect(stage == "diffuse")
        }
        await restorer.stop()
    }

    private static var extremes: [Any] { [
        NSNull(), true, 0, -1, 1, 2, 3, 31, 36, 64, 1_000, 1_024, 8_192, 10_000, Int(Int32.max), Int.max, Int.min, 0.5, -0.5,
        1e-300, 1e300, Double.leastNonzeroMagnitude, "", "text", "\u{0}", String(repeating: "x", count: 5_000), [Int](), [0], [1], [64, 64], [[1]],
        [String: Int](), ["a": [1: 2].count], ["file": "unet.safetensors", "sha256": "0"],
    ] }
}
