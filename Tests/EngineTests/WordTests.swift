import Bundles
import Checkpoints
import Engine
import Foundation
import Images
import TestSupport
import Testing

/// What a bundle with a text tower makes of words, with the parity fixtures' weights.
@Suite("Words", .enabled(if: FixtureBundle.isAvailable, "needs the parity fixtures' networks"), .timeLimit(.minutes(2)))
struct WordTests {
    private func engine(_ bundle: FixtureBundle) throws -> RecipeEngine {
        try RecipeEngine(Bundles.Bundle.load(bundle.path), configuration: EngineConfiguration())
    }

    private static func picture(_ name: String) throws -> Picture {
        try ImageDecoder.decode(Array(Data(contentsOf: ParityFolder.current.url("images/" + name))))
    }

    private func options(_ text: String, _ engine: RecipeEngine) throws -> RestorationOptions {
        try engine.recipe.options(reading: [.degradation: text, .seed: "7", .steps: "2"])
    }

    @Test("labels by words are those of the fixtures' text features, whoever's they are", arguments: [
        (0, "natural_300x200.png"), (1, "noise_gradient_224x224.png"),
    ])
    func zeroShot(row: Int, name: String) async throws {
        let recorded = try StateDict(contentsOf: ParityFolder.current.path("daclip_small_io.safetensors"))
        let table = try #require(recorded["probs.degra.softmax_logit_scale"])
        let expected = Array(table.floats()[row * 10..<row * 10 + 10])
        let engine = try engine(FixtureBundle.steered("words"))
        let picture = try Self.picture(name)
        let own = try await engine.classify(picture, labels: nil)
        // Asked twice: the second time the features come out of the cache.
        let words = try await engine.classify(picture, labels: FixtureBundle.degradations)
        let again = try await engine.classify(picture, labels: FixtureBundle.degradations)
        #expect(words == again)
        for (index, label) in FixtureBundle.degradations.enumerated() {
            let found = try #require(own.entries.first { $0.label == label })
            let asked = try #require(words.entries.first { $0.label == label })
            #expect(abs(found.probability - Double(expected[index])) < 1e-4, "\(label)")
            #expect(asked.probability == found.probability && asked.nearest == label && found.nearest == nil)
        }
    }

    @Test("words are looked up as they are read: case and spaces make no difference")
    func cleaning() async throws {
        let engine = try engine(FixtureBundle.steered("words"))
        let picture = try Self.picture("natural_300x200.png")
        let one = try await engine.classify(picture, labels: ["thick fog", "too dark"])
        let other = try await engine.classify(picture, labels: ["Thick   FOG", "too dark"])
        #expect(one.entries.map(\.probability) == other.entries.map(\.probability))
        #expect(one.entries.allSatisfy { FixtureBundle.degradations.contains($0.nearest ?? "") })
    }

    @Test("free words steer: two give two pictures, one gives the same again, and a label is what it was")
    func steering() async throws {
        let engine = try engine(FixtureBundle.steered("words"))
        let picture = Picture.sample(width: 24, height: 16)
        func restore(_ words: String) async throws -> RestorationResult {
            try await engine.restore(picture, options: try options(words, engine)) { _ in }
        }
        let foggy = try await restore("foggy")
        let overexposed = try await restore("overexposed")
        #expect(foggy.picture != overexposed.picture && foggy.picture != picture)
        #expect(try await restore("foggy").picture == foggy.picture)
        #expect(foggy.degradations == ["foggy"] && overexposed.degradations == ["overexposed"])
        #expect(FixtureBundle.degradations.contains(try #require(foggy.nearestLabels?.first)))
        #expect((0...1).contains(try #require(foggy.confidence)))
        let label = try await restore("hazy")
        #expect(label.nearestLabels == nil && label.rounds.map(\.nearest) == [nil])
        // Several, words and labels mixed, one after another.
        let both = try await restore("foggy,hazy")
        #expect(both.degradations == ["foggy", "hazy"])
        #expect(both.nearestLabels == [try #require(foggy.nearestLabels?.first), "hazy"])
        #expect(both.picture != foggy.picture)
    }

    @Test("words that mean the same as a label steer as the label does")
    func sameAsLabel() async throws {
        let known = try engine(FixtureBundle.steered("words"))
        // The same networks, which don't call it a label.
        let unknown = try engine(FixtureBundle.steered("words", ["labels": FixtureBundle.degradations.filter { $0 != "snowy" }]))
        let picture = Picture.sample(width: 24, height: 16)
        let label = try await known.restore(picture, options: try options("snowy", known)) { _ in }
        let words = try await unknown.restore(picture, options: try options("snowy", unknown)) { _ in }
        // But where the picture is taken for it already, which it isn't.
        #expect(try await known.classify(picture, labels: nil).best.label != "snowy")
        #expect(label.picture == words.picture)
        #expect(words.nearestLabels != nil && label.nearestLabels == nil)
    }

    @Test("words are taken up to their limits and not past them; auto stands alone", arguments: [
        (String(repeating: "a", count: 200), true), (String(repeating: "a", count: 201), false),
        ((0..<16).map { "w\($0)" }.joined(separator: ","), true), ((0..<17).map { "w\($0)" }.joined(separator: ","), false),
        ("auto,foggy", false), ("auto", true), (FixtureBundle.degradations.joined(separator: ","), true),
    ])
    func limits(text: String, isTaken: Bool) throws {
        let recipe = RecipeDescription(
            labels: FixtureBundle.degradations, takesOwnLabels: true, options: Set(RestorationOption.allCases))
        if isTaken {
            _ = try recipe.options(reading: [.degradation: text])
        } else {
            let fault = try #require(throws: OptionFault.self) { try recipe.options(reading: [.degradation: text]) }
            #expect(fault.option == .degradation)
        }
    }
}
