import CLIP
import Compute
import Images
import Synchronization

/// A classification: a look at the picture, and the features of words where the request brings labels of its own.
///
/// The mutex guards what came of the look.
final class ClassificationRun: RecipeRun {
    private struct Progress {
        var picture: Picture?
        var embedding: [Float]?
    }

    let stages: [Stage]
    let samplesAtOnce: Int
    let ownBytes = 0
    private let look: Look
    private let labels: WordFeatures?
    private let progress = Mutex(Progress())

    /// - Parameter labels: those to choose among instead of the bundle's own.
    init(_ look: Look, labels: WordFeatures?, samplesAtOnce: Int) {
        self.look = look
        self.labels = labels
        self.samplesAtOnce = samplesAtOnce
        stages = [look.stage(waits: false)] + (labels?.stage.map { [$0] } ?? [])
    }

    func begin(_ picture: Picture) { progress.withLock { $0.picture = picture } }

    func makeSample(
        _ index: Int, ofStage stage: Int, in workspace: Workspace, shouldContinue: @escaping () -> Bool
    ) throws(RestorationError) -> sending any StageSample {
        if stage > 0, let labels { return labels.makeSample(index) }
        guard let picture = progress.withLock({ $0.picture.take() }) else { throw .internalFault("no picture yet") }
        return try look.makeSample(of: picture, in: workspace, shouldContinue: shouldContinue)
    }

    func finishSample(
        _ sample: any StageSample, _ index: Int, ofStage stage: Int
    ) throws(RestorationError) -> StageOutcome {
        if let word = sample as? WordSample {
            try labels?.finish(word, index)
        } else {
            let embedding = try look.embeddings(sample).degradation
            progress.withLock { $0.embedding = embedding }
        }
        return .goOn
    }

    /// - Throws: `internalFault` where a sample was not computed or there are no labels, `nonFinite`.
    func result() throws(RestorationError) -> Classification {
        guard let embedding = progress.withLock({ $0.embedding }) else {
            throw .internalFault("a sample of a classification is missing")
        }
        let entries: [Classification.Entry]
        if let labels {
            entries = try self.entries(labels.words, try labels.all(), for: embedding)
        } else {
            entries = try entriesOfBundle(for: embedding)
        }
        guard let classification = Classification(entries: entries) else {
            throw .internalFault("no labels to choose among")
        }
        return classification
    }

    private func entriesOfBundle(for embedding: [Float]) throws(RestorationError) -> [Classification.Entry] {
        let probabilities = try look.classifier.finiteProbabilities(of: embedding)
        return zip(look.classifier.labels, probabilities).map { .init(label: $0, probability: Double($1)) }
    }

    private func entries(
        _ words: [String], _ features: [[Float]], for embedding: [Float]
    ) throws(RestorationError) -> [Classification.Entry] {
        let chosen = ZeroShotClassifier(labels: words, features: features, logitScale: look.classifier.logitScale)
        let probabilities = try chosen.finiteProbabilities(of: embedding)
        return words.indices.map { index in
            .init(
                label: words[index], probability: Double(probabilities[index]),
                nearest: look.classifier.nearestLabel(to: features[index]))
        }
    }
}
