import Bundles
import Checkpoints
import Diffusion
import Engine
import Foundation
import Images
import TestSupport
import Testing

/// Restoration with a guidance that is drawn from words, run by the engine as it is.
@Suite("Words: engine", .enabled(if: WordsBundle.isThere), .timeLimit(.minutes(5)))
struct WordsEngineTests {
    static func recorded() throws -> StateDict { try StateDict(contentsOf: WordsBundle.fixtures.path("run.safetensors")) }

    static func picture() throws -> Picture {
        try ImageDecoder.decode([UInt8](Data(contentsOf: WordsBundle.fixtures.url("picture.png"))))
    }

    /// Of the recorded run: the seed that its noise is of, and its steps.
    static let (seed, steps): (UInt64, Int) = {
        let guidance = try? WordsBundle.fixtures.configuration().object("guidance")
        return (UInt64((try? guidance?.size("seed", 0...Int(UInt32.max))) ?? 0), (try? guidance?.size("steps", 1...200)) ?? 0)
    }()

    static func restore(
        _ picture: Picture, on engine: RecipeEngine, _ change: (inout RestorationOptions) -> Void = { _ in }
    ) async throws -> RestorationResult {
        var options = RestorationOptions()
        (options.drawsGuidance, options.seed) = (true, seed)
        change(&options)
        return try await engine.restore(picture, options: options) { _ in }
    }

    static func expect(_ found: [UInt8], _ name: String) throws {
        let expected = try #require(recorded()[name]).withBytes { [UInt8]($0) }
        let differences = zip(found, expected).map { abs(Int($0) - Int($1)) }
        let wrong = differences.count { $0 > 0 }
        #expect(
            found.count == expected.count && differences.allSatisfy { $0 <= 1 } && wrong * 1_000 <= expected.count,
            "\(name): \(wrong) of \(expected.count), by up to \(differences.max() ?? 0)")
    }

    @Test("the recorded run comes out of a bundle in either layout: guidance and restored picture", arguments: WordsBundle.Layout.allCases)
    func recorded(layout: WordsBundle.Layout) async throws {
        let engine = try WordsBundle(layout).engine()
        #expect(engine.recipe.drawsGuidance && engine.recipe.options.isSuperset(of: [.guidance, .reference, .steps, .sampler, .seed]))
        let result = try await Self.restore(Self.picture(), on: engine)
        let guidance = try #require(result.guidance)
        try Self.expect(guidance.pixels, "guidance_u8")
        try Self.expect(result.picture.pixels, "restored_u8")
        #expect(result.sampling == .init(sampler: "ddim", steps: Self.steps, seed: Self.seed) && result.degradations == ["noisy"])
        let stages = result.timing.stages.map(\.name)
        #expect(Set(stages) == ["look", "words", "draw", "decode-latent", "reference", "restore"], "\(stages)")
    }

    @Test("what was drawn does the same as a reference of these bytes")
    func reference() async throws {
        let engine = try WordsBundle().engine()
        let picture = try Self.picture()
        let drawn = try await Self.restore(picture, on: engine)
        // Large enough to be looked at as it is.
        guard let guidance = drawn.guidance, guidance.width >= 192 else { return }
        let other = try await Self.restore(picture, on: engine) {
            ($0.drawsGuidance, $0.seed, $0.reference) = (false, nil, ReferencePicture(guidance))
        }
        #expect(other.picture == drawn.picture && other.guidance == nil && other.sampling == nil)
    }

    @Test("the same bytes in company, whatever the workers; steps, seed and strength matter")
    func company() async throws {
        let bundle = try WordsBundle(), picture = try Self.picture()
        let alone = try await Self.restore(picture, on: bundle.engine())
        let engine = try bundle.engine { ($0.workers, $0.threadsPerEvaluation) = (2, 2) }
        let other = Picture.sample(width: 90, height: 70)
        try await withThrowingTaskGroup(of: Picture?.self) { group in
            for number in 0..<2 {
                group.addTask { try await Self.restore(picture, on: engine).picture }
                group.addTask {
                    _ = try await Self.restore(other, on: engine) { $0.seed = UInt64(number) }
                    return nil
                }
            }
            group.addTask {
                _ = try await Self.restore(other, on: engine) { ($0.drawsGuidance, $0.reference) = (false, ReferencePicture(picture)) }
                return nil
            }
            for try await found in group where found != nil { #expect(found == alone.picture) }
        }
        let changes: [(inout RestorationOptions) -> Void] = [
            { $0.seed = 1 }, { $0.guidance = Guidance(text: 1) }, { $0.steps = 5 }, { $0.sampler = "euler" },
        ]
        for change in changes { #expect(try await Self.restore(picture, on: engine, change).guidance != alone.guidance) }
    }

    @Test("a look comes before the drawing: what the bundle is not for is never drawn")
    func looks() async throws {
        let bundle = try WordsBundle(), picture = try Self.picture()
        let labels = ["noisy", "hazy"]
        try bundle.change([
            "labels": labels, "logit_scale": 100, "daclip": SinglePassBundle.classifier(bundle.folder, labels: 2, seed: 1),
        ])
        let best = try await bundle.engine().classify(picture, labels: nil).best.label
        try bundle.change(["restores": [best]])
        let drawn = try await Self.restore(picture, on: bundle.engine()) { $0.force = true }
        #expect(drawn.guidance != nil && drawn.sampling?.sampler == "ddim" && drawn.degradations == [best])
        try Self.expect(try #require(drawn.guidance).pixels, "guidance_u8")
        try bundle.change(["restores": labels.filter { $0 != best }])
        let other = try await Self.restore(picture, on: bundle.engine())
        #expect(other.unchanged && other.guidance == nil && other.sampling == nil && other.timing["draw"] == .zero)
    }

    @Test("options of a drawing are for drawings, and a drawing takes the place of a reference")
    func options() async throws {
        let bundle = try WordsBundle()
        let recipe = try bundle.engine().recipe
        for (text, guidance) in [("words", nil), ("words,7.5", Guidance(text: 7.5)), ("words,0", Guidance(text: 0))] {
            let options = try recipe.options(reading: [.guidance: text, .steps: "7"])
            #expect(options.drawsGuidance && options.guidance == guidance && options.steps == 7, "\(text)")
        }
        for text in ["5", "words,", "words,20.5", "words,1,2", "word", "words,-1", "words, 1", "Words", ""] {
            #expect(throws: OptionFault.self, "\(text)") { try recipe.options(reading: [.guidance: text]) }
        }
        for (option, value) in [(RestorationOption.steps, "4"), (.sampler, "ddim")] {
            let fault = OptionFault(option, value, expected: "left out where no guidance is drawn (guidance=words)")
            #expect(throws: fault) { try recipe.options(reading: [option: value]) }
        }
        var both = RestorationOptions()
        (both.drawsGuidance, both.reference) = (true, ReferencePicture(try Self.picture()))
        #expect(throws: OptionFault(.guidance, "words", expected: "left out where a reference comes with the picture")) {
            try recipe.check(both)
        }
        #expect(throws: OptionFault.self) { try recipe.options(reading: [.guidance: "words", .steps: "101"]) }
        #expect(throws: OptionFault.self) { try recipe.options(reading: [.guidance: "words", .steps: "3"]) }
        _ = try recipe.options(reading: [.guidance: "words", .steps: "100"])
        let plain = try WordsBundle(changes: nil).engine().recipe
        #expect(!plain.drawsGuidance && !plain.options.contains(.guidance))
        #expect(throws: OptionFault.self) { try plain.options(reading: [.guidance: "words"]) }
        var drawn = RestorationOptions()
        drawn.drawsGuidance = true
        #expect(throws: OptionFault.self) { try plain.check(drawn) }
    }

    @Test("what a bundle offers is known before it is loaded", arguments: [true, false])
    func outline(draws: Bool) throws {
        let bundle = try WordsBundle(changes: draws ? [:] : nil)
        let known = try #require(try RecipeRegistry.standard.description(of: BundleOutline(bundle.folder.path)))
        var loaded = try bundle.engine().recipe
        #expect(loaded.precisions == (draws ? ["network_g": .fp32, "words": .fp32] : ["network_g": .fp32]))
        loaded.precisions = nil
        #expect(known == loaded && known.drawsGuidance == draws)
    }

    @Test("a bundle whose parts don't fit says what and where")
    func faults() throws {
        func problem(_ changes: [String: Any], _ layout: WordsBundle.Layout = .single) -> String {
            do {
                _ = try WordsBundle(layout, changes: changes).engine()
                return "is taken"
            } catch {
                return "\(error)"
            }
        }
        #expect(problem(["template": "a b"]).contains("words.template"))
        #expect(problem(["latent": 3]).contains("words.latent"))
        #expect(problem(["unknown": 3]).contains("unknown"))
        #expect(problem(["placeholder": "two words"]).contains("words.template"))
        #expect(problem(["merges": [:]]).contains("words.merges"))
        #expect(problem(["unet": ["in_channels": 4]], .diffusers).contains("words.unet"))
    }

    @Test("a converted bundle lacks what is of no use, and makes the same bytes", arguments: WordsBundle.Layout.allCases)
    func conversion(layout: WordsBundle.Layout) async throws {
        let bundle = try WordsBundle(layout)
        let picture = try Self.picture()
        let before = try await Self.restore(picture, on: bundle.engine())
        let target = FileManager.default.temporaryDirectory.appendingPathComponent("restored-words-converted-\(UUID())")
        try FileManager.default.createDirectory(at: target, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: target) }
        try BundlePreparation(EngineConfiguration(), checks: false).prepare(bundle.folder.path, into: target.path)
        let files = try FileManager.default.contentsOfDirectory(atPath: target.path)
        #expect(files.allSatisfy { !$0.hasSuffix(".pt") && !$0.hasSuffix(".pth") }, "\(files)")
        var names: [String] = []
        for file in files where file.hasSuffix(".safetensors") {
            names += try StateDict(contentsOf: target.appendingPathComponent(file).path).names
        }
        for part in ["attn2.to_k", "ln_post", "text_projection", "logit_scale", "visual.proj"] {
            #expect(!names.contains { $0.contains(part) }, "\(part)")
        }
        let engine = try RecipeEngine(Bundles.Bundle.load(target.path), configuration: EngineConfiguration())
        let after = try await Self.restore(picture, on: engine)
        #expect(after.picture == before.picture && after.guidance == before.guidance)
    }
}
