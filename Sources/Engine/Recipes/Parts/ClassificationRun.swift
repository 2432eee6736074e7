import CLIP
import Compute
import Images
import Synchronization

/// A classification: a look at the picture, and the features of labels where the request brings labels of its own.
///
/// The mutex guards what came of the samples, for they may be finished at the same time.
final class ClassificationRun: RecipeRun {
    private struct Progress {
        var picture: Picture?
        var embedding: [Float]?
        var features: [[Float]?]
    }

    let stages: [Stage]
    let samplesAtOnce: Int
    let ownBytes = 0
    private let look: Look
    private let labels: [String]?
    private let progress: Mutex<Progress>

    /// - Parameters:
    ///   - labels: those to choose among instead of the bundle's own.
    ///   - labelStage: embeds such labels.
    init(_ look: Look, labels: [String]?, labelStage: LabelStage?, samplesAtOnce: Int) {
        self.look = look
        self.labels = labels
        self.samplesAtOnce = samplesAtOnce
        stages = [look.stage(waits: false)] + (labelStage.map { [$0.stage(count: labels?.count ?? 0)] } ?? [])
        progress = Mutex(Progress(features: [[Float]?](repeating: nil, count: labels?.count ?? 0)))
    }

    func begin(_ picture: Picture) { progress.withLock { $0.picture = picture } }

    func makeSample(
        _ index: Int, ofStage stage: Int, in workspace: Workspace, shouldContinue: @escaping () -> Bool
    ) throws(RestorationError) -> sending any StageSample {
        if stage > 0, let labels { return LabelSample(labels[index]) }
        guard let picture = progress.withLock({ $0.picture.take() }) else { throw .internalFault("no picture yet") }
        return try look.makeSample(of: picture, in: workspace, shouldContinue: shouldContinue)
    }

    func finishSample(
        _ sample: any StageSample, _ index: Int, ofStage stage: Int
    ) throws(RestorationError) -> StageOutcome {
        if let label = sample as? LabelSample {
            let feature = label.feature
            guard feature?.allAreFinite ?? true else { throw .nonFinite(stage: "label") }
            progress.withLock { $0.features[index] = feature }
        } else {
            let embedding = try look.embeddings(sample).degradation
            progress.withLock { $0.embedding = embedding }
        }
        return .goOn
    }

    /// - Throws: `internalFault` where a sample was not computed or there are no labels, `nonFinite`.
    func result() throws(RestorationError) -> Classification {
        let (found, features) = progress.withLock { ($0.embedding, $0.features.compactMap { $0 }) }
        guard let found, features.count == labels?.count ?? 0 else {
            throw .internalFault("a sample of a classification is missing")
        }
        let chosen = labels.map {
            ZeroShotClassifier(labels: $0, features: features, logitScale: look.classifier.logitScale)
        } ?? look.classifier
        let entries = zip(chosen.labels, try chosen.finiteProbabilities(of: found)).map {
            Classification.Entry(label: $0, probability: Double($1))
        }
        guard let classification = Classification(entries: entries) else {
            throw .internalFault("no labels to choose among")
        }
        return classification
    }
}

/// Labels of a caller's own on their way through the text tower.
struct LabelStage: StageEvaluator {
    private let encoder: LabelEncoder
    private let cost: Double
    private let maximumBatch: Int
    private let evaluationBytes: Int

    /// Encodes a label to measure what that takes.
    init(_ encoder: LabelEncoder, cost: Double, maximumBatch: Int) {
        self.encoder = encoder
        self.cost = cost
        self.maximumBatch = maximumBatch
        let workspace = Workspace(threads: 1)
        _ = encoder.features(of: ["clean"], in: workspace)
        evaluationBytes = workspace.pool.peakBytes
    }

    func stage(count: Int) -> Stage {
        Stage(
            "label", by: self, count: count, sampleBytes: 4_096, evaluationBytes: evaluationBytes, cost: cost,
            maximumBatch: maximumBatch)
    }

    func advance(_ samples: [LabelSample], in workspace: Workspace) {
        for (sample, feature) in zip(samples, encoder.features(of: samples.map(\.label), in: workspace)) {
            sample.feature = feature
        }
    }
}

final class LabelSample: StageSample {
    let label: String
    fileprivate(set) var feature: [Float]?

    init(_ label: String) { self.label = label }
}
