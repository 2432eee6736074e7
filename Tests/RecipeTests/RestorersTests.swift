import Bundles
import Engine
import Foundation
import Images
import TestSupport
import Testing

/// Networks by label behind the classifier, and beside the diffusion, of another bundle.
@Suite("Restorers", .timeLimit(.minutes(2)))
struct RestorersTests {
    private static let labels = ["noisy", "hazy", "snowy"]
    private static let picture = Picture.sample(width: 61, height: 43)

    /// Folders side by side.
    private struct Shelf {
        let diffusion: SinglePassBundle
        let noise: SinglePassBundle
        let words: SinglePassBundle

        init() throws {
            diffusion = try SinglePassBundle("daclip-ir-sde", labels: RestorersTests.labels, classifier: true)
            noise = try SinglePassBundle("nafnet", seed: 3)
            words = try SinglePassBundle("instructir", labels: ["hazy"], seed: 4)
        }

        func restorers(_ members: [String: Any] = [:]) throws -> SinglePassBundle {
            let standard: [String: Any] = [
                "classifier": ["bundle": diffusion.folder.lastPathComponent],
                "fast": [
                    "noisy": ["bundle": noise.folder.lastPathComponent], "hazy": ["bundle": words.folder.lastPathComponent],
                ], "measured": ["noisy": ["fast": 30, "photo": 28]],
            ]
            return try SinglePassBundle("restorers", standard.merging(members) { $1 })
        }
    }

    private func restore(
        _ engine: RecipeEngine, _ change: (inout RestorationOptions) -> Void = { _ in }
    ) async throws -> RestorationResult {
        var options = RestorationOptions()
        (options.seed, options.steps, options.sampler) = (1, 2, "posterior")
        change(&options)
        return try await engine.restore(Self.picture, options: options) { _ in }
    }

    @Test("each label has its own restorer, and modes choose between one evaluation and diffusion")
    func modes() async throws {
        let shelf = try Shelf()
        let engine = try shelf.restorers().engine()
        #expect(engine.recipe.labels == Self.labels && engine.recipe.modes == [.fast, .photo])
        func made(_ label: String, _ mode: RestorationMode?) async throws -> RestorationResult {
            try await restore(engine) { ($0.degradations, $0.mode) = ([label], mode) }
        }
        let noise = try await shelf.noise.engine().restore(Self.picture, options: RestorationOptions()) { _ in }.picture
        var haze = RestorationOptions()
        haze.degradations = ["hazy"]
        let words = try await shelf.words.engine().restore(Self.picture, options: haze) { _ in }.picture
        let diffusion = try shelf.diffusion.engine()
        let fast = try await made("noisy", .fast)
        #expect(fast.picture == noise && fast.modes == [.fast] && fast.sampling == nil)
        #expect(try await made("hazy", .fast).picture == words)
        for label in Self.labels {
            let photo = try await made(label, .photo)
            #expect(photo.picture == (try await restore(diffusion) { $0.degradations = [label] }.picture))
            #expect(photo.modes == [.photo] && photo.sampling?.steps == 2)
        }
        // Haze was not measured, and for snow there is nothing else.
        #expect(try await made("noisy", nil).modes == [.fast])
        #expect(try await made("hazy", nil).modes == [.photo])
        #expect(try await made("snowy", nil).modes == [.photo])
        await #expect(throws: RestorationError.self) { try await made("snowy", .fast) }
        let both = try await restore(engine) { $0.degradations = ["noisy", "hazy"] }
        #expect(both.modes == [.fast, .photo] && both.timing.stages.map(\.name) == ["classify", "restore", "diffuse"])
    }

    @Test("auto goes by what was measured")
    func measured() async throws {
        let shelf = try Shelf()
        for (figures, expected) in [
            (["fast": 20, "photo": 21], RestorationMode.photo), (["fast": 21, "photo": 20], .fast),
            (["fast": -0.5, "photo": -0.5], .fast), (["fast": 21], .photo), ([:], .photo),
        ] as [([String: Double], RestorationMode)] {
            let engine = try shelf.restorers(["measured": ["hazy": figures]]).engine()
            let made = try await restore(engine) { $0.degradations = ["hazy"] }
            #expect(made.modes == [expected])
        }
    }

    @Test("what a look finds is restored in the way that suits it, in rounds as well", arguments: [1, 3])
    func look(rounds: Int) async throws {
        let shelf = try Shelf()
        let engine = try shelf.restorers().engine()
        let best = try await engine.classify(Self.picture, labels: nil).best.label
        let made = try await restore(engine) { ($0.force, $0.rounds) = (true, rounds) }
        let named = try await restore(engine) { $0.degradations = [best] }
        #expect(made.degradations.first == best && made.modes.count == made.rounds.count && made.modes.first == named.modes.first)
        if made.rounds.count == 1 { #expect(made.picture == named.picture) }
    }

    @Test("one label may do with another's network, and without a diffusion what has none comes back as it was")
    func alias() async throws {
        let shelf = try Shelf()
        let name = shelf.noise.folder.lastPathComponent
        let owner = try SinglePassBundle("conditional-nafnet", labels: Self.labels, classifier: true)
        let bundle = try SinglePassBundle("restorers", [
            "classifier": ["bundle": owner.folder.lastPathComponent],
            "fast": ["noisy": ["bundle": name], "hazy": ["as": "noisy"]],
        ])
        let engine = try bundle.engine()
        #expect(engine.recipe.modes == [.fast] && engine.recipe.samplers.isEmpty)
        func made(_ change: (inout RestorationOptions) -> Void) async throws -> RestorationResult {
            var options = RestorationOptions()
            change(&options)
            return try await engine.restore(Self.picture, options: options) { _ in }
        }
        #expect(try await made { $0.degradations = ["hazy"] }.picture == made { $0.degradations = ["noisy"] }.picture)
        let found = try await made { $0.force = true }
        let best = try await engine.classify(Self.picture, labels: nil).best.label
        #expect(found.unchanged == (best == "snowy") && (found.declined == .notTreated) == (best == "snowy"))
        await #expect(throws: RestorationError.self) { try await made { $0.mode = .photo } }
    }

    @Test("a bundle that several labels name is there once, and counts with its neighbours as long as it is there")
    func weights() throws {
        let shelf = try Shelf()
        let name = shelf.noise.folder.lastPathComponent
        func bytes(_ fast: [String: Any]) throws -> (before: Int, after: Int) {
            let bundle = try shelf.restorers(["fast": fast])
            let loaded = try Bundles.Bundle.load(bundle.folder.path)
            _ = try RecipeRegistry.standard.recipe(for: loaded, engine: EngineConfiguration())
            return (try BundleOutline(bundle.folder.path).weightBytes(), loaded.weightBytes)
        }
        let one = try bytes(["noisy": ["bundle": name]])
        let two = try bytes(["noisy": ["bundle": name], "hazy": ["bundle": name]])
        let noise = try BundleOutline(shelf.noise.folder.path).weightBytes()
        #expect(one == two && one.after > noise && one.before >= one.after)
    }

    @Test("of a neighbour whose classifier alone is borrowed nothing else counts")
    func borrowedWeights() throws {
        let owner = try SinglePassBundle("conditional-nafnet", labels: Self.labels, classifier: true)
        let borrower = try SinglePassBundle(
            "nafnet", labels: [], ["classifier": ["bundle": owner.folder.lastPathComponent]])
        let loaded = try Bundles.Bundle.load(borrower.folder.path)
        _ = try RecipeRegistry.standard.recipe(for: loaded, engine: EngineConfiguration())
        let listed = try BundleListing(folder: borrower.folder.path).contents.get().weightBytes
        #expect(listed == loaded.weightBytes && listed > 0)
    }

    @Test("a bundle is another one where one beside it that it names is")
    func digest() throws {
        let shelf = try Shelf()
        let bundle = try shelf.restorers()
        let path = bundle.folder.path
        let first = try BundleOutline(path).manifestDigest
        #expect(try BundleOutline(path).manifestDigest == first && Bundles.Bundle.load(path).manifestDigest == first)
        let file = shelf.noise.folder.appendingPathComponent("bundle.json")
        var manifest = try #require(JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
        manifest["version"] = "2"
        try shelf.noise.write(manifest)
        #expect(try BundleOutline(path).manifestDigest != first)
        try FileManager.default.removeItem(at: file)
        #expect(try BundleOutline(path).manifestDigest != first)
        #expect(throws: BundleError.self) { try BundleOutline(path).weightBytes() }
    }

    @Test("what a bundle offers is known before it is loaded", arguments: [0, 1, 2, 3, 4, 5, 6])
    func outline(number: Int) throws {
        let shelf = try Shelf()
        let owner = try SinglePassBundle("conditional-nafnet", labels: Self.labels, classifier: true)
        let borrowed = ["bundle": owner.folder.lastPathComponent]
        let bundle = switch number {
        case 0: try shelf.restorers()
        case 1: try shelf.restorers(["classifier": borrowed])
        case 2: owner
        case 3: shelf.words
        case 4: shelf.noise
        case 5: try SinglePassBundle("restormer", ["classifier": borrowed, "restores": ["noisy"]])
        default: try SinglePassBundle("promptir", labels: ["hazy", "noisy"])
        }
        let known = try #require(try RecipeRegistry.standard.description(of: BundleOutline(bundle.folder.path)))
        var loaded = try bundle.engine().recipe
        loaded.precisions = nil
        #expect(known == loaded)
    }

    @Test("what a bundle of restorers has wrong is named")
    func wrong() throws {
        let shelf = try Shelf()
        let noise = shelf.noise.folder.lastPathComponent
        let cases: [(members: [String: Any], place: String)] = [
            (["fast": [String: Any]()], "fast"), (["fast": ["noisy": ["bundle": noise], "odd": ["bundle": noise]]], "odd"),
            (["fast": ["noisy": ["as": "hazy"]]], "fast.noisy"), (["fast": ["noisy": ["bundle": "../x"]]], "fast.noisy.bundle"),
            (["fast": ["snowy": ["bundle": shelf.words.folder.lastPathComponent]]], "fast.snowy"),
            (["fast": ["noisy": ["bundle": shelf.diffusion.folder.lastPathComponent]]], "kind"),
            (["classifier": ["bundle": noise]], "daclip"), (["measured": ["noisy": ["fast": "much"]]], "measured.noisy.fast"),
            (["measured": ["odd": ["fast": 1]]], "measured"),
        ]
        for (members, place) in cases {
            let error = #expect(throws: BundleError.self) { try shelf.restorers(members).engine() }
            #expect(error?.description.contains(place) ?? false, "\(place): \(String(describing: error))")
        }
    }
}
