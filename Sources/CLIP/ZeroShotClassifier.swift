import Foundation

/// Chooses among labels by the cosine between a degradation embedding and the labels' features (`model.md` section 1).
package struct ZeroShotClassifier: Sendable {
    package let labels: [String]
    /// One a label, of unit length.
    package let features: [[Float]]
    package let logitScale: Float

    /// - Precondition: one feature a label, all of one length.
    package init(labels: [String], features: [[Float]], logitScale: Float) {
        precondition(labels.count == features.count)
        self.labels = labels
        self.features = features.map(\.normalised)
        self.logitScale = logitScale
    }

    /// softmax(logitScale * cosine), in the labels' order.
    package func probabilities(of embedding: [Float]) -> [Float] {
        let direction = embedding.normalised
        let logits = features.map { feature in logitScale * zip(feature, direction).reduce(0) { $0 + $1.0 * $1.1 } }
        let maximum = logits.max() ?? 0
        let exponentials = logits.map { exp($0 - maximum) }
        let sum = exponentials.reduce(0, +)
        return exponentials.map { $0 / sum }
    }

    /// What stands in for a picture's own degradation embedding when `label` is forced: the label's feature, scaled to
    /// the length of the picture's own. nil for a label it doesn't know.
    package func embedding(forcing label: String, lengthOf embedding: [Float]) -> [Float]? {
        guard let index = labels.firstIndex(of: label) else { return nil }
        let length = embedding.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return features[index].map { $0 * length }
    }
}

extension [Float] {
    /// Scaled to unit length; zero stays zero.
    package var normalised: [Float] {
        let length = reduce(0) { $0 + $1 * $1 }.squareRoot()
        return length > 0 ? map { $0 / length } : self
    }
}

extension Float {
    var exponential: Float { exp(self) }
}
