import Batching
import CLIP
import Diffusion
import Images
import Synchronization

/// One restoration between its samples: for each degradation to treat first an embedding, then a diffusion.
///
/// Guarded by one `Mutex`; its samples follow one another, so it is never contended.
final class RestorationWork: Sendable {
    typealias Outline = SampleOutline<NetworkEvaluator.BatchKey>

    /// What the restoration is made of; nil labels stand for what the classifier finds.
    struct Order: Sendable {
        let picture: Picture
        let labels: [String]?
        let returnsCleanUnchanged: Bool
        let plan: SamplerPlan
        let seed: UInt64
        let classifier: ZeroShotClassifier
        let imageSize: Int
    }

    /// The label of pictures that nothing is wrong with, in bundles that know it.
    static let cleanLabel = "clean"

    private struct Progress {
        var picture: Picture
        var embeddings: DegradationAwareCLIP.Embeddings?
        var labels: [String] = []
        var confidence = 0.0
        var unchanged = false
        var started: ContinuousClock.Instant?
        var classify = Duration.zero
        var diffuse = Duration.zero
        var since: ContinuousClock.Instant?
    }

    let order: Order
    private let submitted = ContinuousClock.now
    private let progress: Mutex<Progress>

    init(_ order: Order) {
        self.order = order
        progress = Mutex(Progress(picture: order.picture))
    }

    var rounds: Int { order.labels?.count ?? 1 }

    func makeSample(_ index: Int) -> sending EngineSample {
        let now = ContinuousClock.now
        let (picture, embeddings) = progress.withLock { progress in
            progress.started = progress.started ?? now
            progress.since = now
            return (progress.picture, progress.embeddings)
        }
        guard index % 2 == 1, let embeddings else {
            return EngineSample(.embedding(EmbeddingWork(crop: picture.resizedForCLIP(side: order.imageSize))))
        }
        let condition = picture.pixels.map { Float($0) / 255 }
        return EngineSample(.diffusion(DiffusionWork(
            width: picture.width, height: picture.height, condition: condition, plan: order.plan,
            noise: NoiseSource(seed: order.seed, stream: UInt32(index / 2)), embeddings: embeddings)))
    }

    func finishSample(_ sample: EngineSample, _ index: Int) throws -> JobDirection {
        switch sample.work {
        case .embedding(let work):
            guard let embeddings = work.embeddings else { throw RestorationError.internalFault("no embedding") }
            return finishEmbedding(embeddings, round: index / 2)
        case .diffusion(let work):
            finishDiffusion(work)
            return .goOn
        case .label: throw RestorationError.internalFault("a label among the samples of a restoration")
        }
    }

    private func finishEmbedding(_ found: DegradationAwareCLIP.Embeddings, round: Int) -> JobDirection {
        let probabilities = order.classifier.probabilities(of: found.degradation)
        let best = probabilities.indices.max { probabilities[$0] < probabilities[$1] } ?? 0
        let label = order.labels?[round] ?? order.classifier.labels[best]
        let probability = order.classifier.labels.firstIndex(of: label).map { Double(probabilities[$0]) } ?? 0
        var embeddings = found
        if order.labels != nil {
            embeddings.degradation =
                order.classifier.embedding(forcing: label, lengthOf: found.degradation) ?? found.degradation
        }
        let unchanged = order.returnsCleanUnchanged && label == Self.cleanLabel
        progress.withLock { progress in
            if round == 0 { progress.confidence = probability }
            progress.labels.append(label)
            progress.embeddings = embeddings
            progress.unchanged = unchanged
            progress.classify += .now - (progress.since ?? .now)
        }
        return unchanged ? .complete : .goOn
    }

    private func finishDiffusion(_ work: DiffusionWork) {
        let bytes = work.state.map(Picture.byte)
        progress.withLock { progress in
            progress.picture.pixels = bytes
            progress.diffuse += .now - (progress.since ?? .now)
        }
    }

    func result(sampler: SamplerKind) -> RestorationResult {
        progress.withLock { progress in
            RestorationResult(
                picture: progress.picture, degradations: progress.labels, confidence: progress.confidence,
                seed: order.seed, steps: order.plan.steps.count, sampler: sampler, unchanged: progress.unchanged,
                timing: .init(
                    queue: (progress.started ?? submitted) - submitted, classify: progress.classify,
                    diffuse: progress.diffuse))
        }
    }
}
