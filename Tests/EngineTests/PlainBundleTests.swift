import Bundles
import Checkpoints
import Engine
import Foundation
import Images
import TestSupport
import Testing

/// Bundles of a network without contexts: the kind `ir-sde`.
@Suite(
    "Plain IR-SDE bundles", .enabled(if: FixtureBundle.isAvailable, "needs the parity fixtures' networks"),
    .timeLimit(.minutes(2)))
struct PlainBundleTests {
    private let picture = Picture.sample(width: 40, height: 24)

    private func engine(_ bundle: FixtureBundle) throws -> RecipeEngine {
        try RecipeEngine(Bundles.Bundle.load(bundle.path), configuration: EngineConfiguration())
    }

    private func restore(_ engine: RecipeEngine, _ text: [RestorationOption: String] = [:]) async throws -> RestorationResult {
        let given = [.seed: "3", .force: "true"].merging(text) { $1 } as [RestorationOption: String]
        return try await engine.restore(picture, options: try engine.recipe.options(reading: given)) { _ in }
    }

    @Test("it restores, names what its one label says, and knows no confidence")
    func restores() async throws {
        let engine = try engine(FixtureBundle.plain("plain"))
        let result = try await restore(engine)
        #expect(result.picture != picture && result.picture.width == 40 && result.picture.height == 24)
        #expect(result.degradations == ["noisy"] && result.confidence == nil && !result.unchanged)
        #expect(result.sampling?.sampler == "posterior" && result.sampling?.steps == 1)
        #expect(try await restore(engine).picture == result.picture)
        #expect(try await restore(engine, [.steps: "3"]).picture != result.picture)
        #expect(try await restore(engine, [.degradation: "noisy"]).picture == result.picture)
    }

    @Test("tiles are put together as for any recipe")
    func tiles() async throws {
        let engine = try engine(FixtureBundle.plain("plain"))
        var options = try engine.recipe.options(reading: [.seed: "3", .force: "true", .tile: "64", .overlap: "16"])
        options.steps = 1
        let large = Picture.sample(width: 100, height: 70)
        let result = try await engine.restore(large, options: options) { _ in }
        #expect(result.picture.width == 100 && result.picture != large)
    }

    @Test("without a label it names nothing, with several it is told which, once")
    func labels() async throws {
        let none = try engine(FixtureBundle.plain("plain", ["labels": NSNull()]))
        #expect(try await restore(none).rounds.isEmpty)
        #expect(throws: OptionFault.self) { try none.recipe.options(reading: [.degradation: "noisy"]) }
        let several = try engine(FixtureBundle.plain("plain", ["labels": ["rainy", "hazy"]]))
        #expect(try await restore(several).rounds.isEmpty)
        #expect(try await restore(several, [.degradation: "hazy"]).degradations == ["hazy"])
        let error = await #expect(throws: RestorationError.self) { try await restore(several, [.degradation: "hazy,rainy"]) }
        guard case .option(let fault)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(fault.option == .degradation && fault.expected.contains("one label"))
    }

    @Test("it has no classification, rounds or words, and says so")
    func notOffered() async throws {
        let engine = try engine(FixtureBundle.plain("plain"))
        for labels in [nil, ["a", "b"]] {
            await #expect(throws: RestorationError.notOffered("classification", bundle: "plain")) {
                try await engine.classify(picture, labels: labels)
            }
        }
        #expect(!engine.recipe.classifies && !engine.recipe.takesOwnLabels)
        for (option, value) in [(RestorationOption.rounds, "2"), (.degradation, "foggy")] {
            let fault = try #require(throws: OptionFault.self) { try engine.recipe.options(reading: [option: value]) }
            #expect(fault.option == option)
        }
    }

    @Test("what can't be is told by name: contexts, or keys of DA-CLIP")
    func malformed() throws {
        let bundle = try FixtureBundle.plain("plain")
        let manifest = try bundle.manifest()
        func error(_ change: (inout [String: Any]) -> Void) throws -> String {
            var changed = manifest
            change(&changed)
            try bundle.write(changed)
            return try #require(throws: BundleError.self) { try self.engine(bundle) }.description
        }
        let contexts = try error { manifest in
            var section = manifest["unet"] as? [String: Any] ?? [:]
            section["use_degra_context"] = true
            section["context_dim"] = 32
            manifest["unet"] = section
        }
        #expect(contexts.contains("unet.context_dim") && contexts.contains("ir-sde"))
        #expect(try error { $0["logit_scale"] = 20 }.contains("logit_scale"))
        #expect(try error { $0["prediction"] = "nothing" }.contains("prediction"))
    }

    @Test("what it offers is known before it is loaded, as for the kind with DA-CLIP")
    func listing() throws {
        for bundle in [try FixtureBundle.plain("plain"), try FixtureBundle.steered("steered")] {
            let contents = try BundleListing(folder: bundle.path).contents.get()
            let engine = try engine(bundle)
            // What it is computed with is known then alone.
            var loadedRecipe = engine.recipe
            #expect(loadedRecipe.precisions?["unet"] == .fp32)
            loadedRecipe.precisions = nil
            #expect(contents.recipe == loadedRecipe && contents.summary == engine.bundle)
            // What it takes as well, to the byte.
            let loaded = try Bundles.Bundle.load(bundle.path)
            _ = try RecipeEngine(loaded, configuration: EngineConfiguration())
#expect(loaded.weightBytes == contents.weightBytes && loaded.weightBytes > 0)
        }
    }
}
