import Glibc

/// Chooses among labels by the cosine between a degradation embedding and the labels' features (README,
/// "Naming what is wrong").
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
        let logits = features.map { logitScale * dot($0, direction) }
        let maximum = logits.max() ?? 0
        let exponentials = logits.map { exp($0 - maximum) }
        let sum = exponentials.reduce(0, +)
        return exponentials.map { $0 / sum }
    }

    /// What stands in for a picture's own degradation embedding when `label` is forced: its mirror image in the plane
    /// midway between the feature of the label that it would get and that of `label`. The two labels' cosines change
    /// places and the length stays; so does the cosine to any label that is as close to one as to the other. nil for a
    /// label it doesn't know.
    ///
    /// A network that takes the whole embedding was never trained on a bare feature, and its pictures fall apart with
    /// one (`Weights/mini/README.md`). One that is told the label alone can't tell the two apart.
    package func embedding(forcing label: String, insteadOf embedding: [Float]) -> [Float]? {
        guard let wanted = labels.firstIndex(of: label) else { return nil }
        return closest(to: embedding) == wanted ? embedding : mirrored(embedding, towards: features[wanted])
    }

    /// The same for what is no label, by its feature.
    ///
    /// - Parameter feature: as long as the labels'.
    package func embedding(forcing feature: [Float], insteadOf embedding: [Float]) -> [Float] {
        mirrored(embedding, towards: feature.normalised)
    }

    private func mirrored(_ embedding: [Float], towards wanted: [Float]) -> [Float] {
        guard let found = closest(to: embedding) else { return embedding }
        let normal = zip(features[found], wanted).map { $0 - $1 }
        let squared = dot(normal, normal)
        guard squared > 0 else { return embedding }
        let factor = 2 * dot(normal, embedding) / squared
        return zip(embedding, normal).map { $0 - factor * $1 }
    }

    /// The label whose feature makes the least angle with one; nil where there are no labels.
    package func nearestLabel(to feature: [Float]) -> String? { closest(to: feature).map { labels[$0] } }

    /// How likely words are beside the labels, 0...1.
    package func probability(of feature: [Float], for embedding: [Float]) -> Float {
        let all = ZeroShotClassifier(labels: labels + [""], features: features + [feature], logitScale: logitScale)
        return all.probabilities(of: embedding).last ?? 0
    }

    private func closest(to direction: [Float]) -> Int? {
        let cosines = features.map { dot($0, direction) }
        return cosines.indices.max { cosines[$0] < cosines[$1] }
    }
}

private func dot(_ left: [Float], _ right: [Float]) -> Float {
    zip(left, right).reduce(0) { $0 + $1.0 * $1.1 }
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
