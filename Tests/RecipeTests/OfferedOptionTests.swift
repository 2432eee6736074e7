import Bundles
import Engine
import Foundation
import TestSupport
import Testing

/// Which options each kind of bundle offers, option by option: one that is new to the program is offered nowhere until it is
/// named here as well as in its recipe.
@Suite("Offered options")
struct OfferedOptionTests {
    private typealias Options = Set<RestorationOption>

    private func expect(_ expected: Options, of folder: URL, _ comment: Comment? = nil) throws {
        let recipe = try #require(try RecipeRegistry.standard.description(of: BundleOutline(folder.path)))
        #expect(recipe.options == expected, comment)
    }

    private static let labelled: Options = [.degradation, .mode, .rounds, .force, .tile, .overlap]
    private static let diffusing = labelled.union([.steps, .sampler, .seed])

    @Test("bundles that diffuse: with a classifier, without one and without a label, and in latents")
    func diffusions() throws {
        let steered = try SinglePassBundle("daclip-ir-sde", labels: ["noisy", "hazy"], classifier: true)
        try expect(Self.diffusing, of: steered.folder)
        let latent = try AutoDIRBundle()
        try expect(Self.diffusing.union([.prompt, .guidance, .colour]), of: latent.folder)
    }

    @Test("a plain diffusion has a label at most", .enabled(if: FixtureBundle.isAvailable))
    func plainDiffusion() throws {
        let bundle = try FixtureBundle.plain("plain")
        try expect([.degradation, .mode, .steps, .sampler, .seed, .force, .tile, .overlap], of: bundle.folder)
        let nameless = try FixtureBundle.plain("plain", ["labels": NSNull()])
        try expect([.mode, .steps, .sampler, .seed, .force, .tile, .overlap], of: nameless.folder)
    }

    @Test(
        "networks of one evaluation: alone, with labels, with a classifier",
        arguments: ["nafnet", "conditional-nafnet", "instructir", "restormer", "promptir", "guided"])
    func evaluations(kind: String) throws {
        var own: Options = [.mode, .tile, .overlap]
        if kind == "instructir" { own.insert(.prompt) }
        if kind == "guided" { own.insert(.reference) }
        if ["nafnet", "restormer", "promptir", "guided"].contains(kind) {
            let alone = try SinglePassBundle(kind)
            try expect(own, of: alone.folder, "alone")
        }
        let labelled = try SinglePassBundle(kind, labels: ["noisy", "hazy"])
        try expect(own.union([.degradation]), of: labelled.folder, "labelled")
        let seeing = try SinglePassBundle(kind, labels: ["noisy", "hazy"], classifier: true)
        try expect(own.union(Self.labelled), of: seeing.folder, "seeing")
    }

    @Test("restorers by label: with the diffusion of the bundle whose classifier they borrow, or without one")
    func restorers() throws {
        let noise = try SinglePassBundle("nafnet", seed: 3)
        let fast = ["noisy": ["bundle": noise.folder.lastPathComponent]]
        for (kind, expected) in [("daclip-ir-sde", Self.diffusing), ("conditional-nafnet", Self.labelled)] {
            let owner = try SinglePassBundle(kind, labels: ["noisy", "hazy"], classifier: true)
            let bundle = try SinglePassBundle(
                "restorers", ["classifier": ["bundle": owner.folder.lastPathComponent], "fast": fast])
            try expect(expected, of: bundle.folder, "\(kind)")
        }
    }

    @Test("what is drawn from words is sampled", .enabled(if: WordsBundle.isThere))
    func words() throws {
        let guided: Options = [.degradation, .mode, .reference, .tile, .overlap]
        let bundle = try WordsBundle()
        try expect(guided.union([.guidance, .steps, .sampler, .seed]), of: bundle.folder)
        let plain = try WordsBundle(changes: nil)
        try expect(guided, of: plain.folder)
    }
}
