import CLIP
import Testing

@Suite("Zero-shot classification")
struct ZeroShotClassifierTests {
    /// Features that are neither of unit length nor at right angles.
    private let classifier = ZeroShotClassifier(
        labels: ["rainy", "hazy", "noisy"], features: [[2, 0, 0, 0], [1, 1, 0, 0], [0, 0, 3, 1]], logitScale: 20)
    private let embedding: [Float] = [3, -1, 0.5, 4]

    private func length(_ vector: [Float]) -> Float { vector.reduce(0) { $0 + $1 * $1 }.squareRoot() }

    @Test("probabilities sum to one, and do not depend on the embedding's length")
    func probabilities() {
        let probabilities = classifier.probabilities(of: embedding)
        #expect(abs(probabilities.reduce(0, +) - 1) < 1e-6)
        #expect(probabilities[0] == probabilities.max())
        let doubled = classifier.probabilities(of: embedding.map { 2 * $0 })
        for (one, other) in zip(probabilities, doubled) { #expect(abs(one - other) < 1e-6) }
    }

    @Test("a forced label changes places with the one found, at the same length", arguments: ["hazy", "noisy"])
    func forced(label: String) throws {
        let forced = try #require(classifier.embedding(forcing: label, insteadOf: embedding))
        #expect(abs(length(forced) - length(embedding)) < 1e-4)
        let before = classifier.probabilities(of: embedding)
        let after = classifier.probabilities(of: forced)
        let wanted = try #require(classifier.labels.firstIndex(of: label))
        // Of logits: exact where features are at right angles to the third.
        let ratio = after[wanted] / after[0]
        #expect(abs(ratio - before[0] / before[wanted]) < 1e-3 * ratio)
    }

    @Test("forcing the label that it has changes nothing, and an unknown one is nil")
    func sameAndUnknown() {
        #expect(classifier.embedding(forcing: "rainy", insteadOf: embedding) == embedding)
        #expect(classifier.embedding(forcing: "foggy", insteadOf: embedding) == nil)
    }
}
