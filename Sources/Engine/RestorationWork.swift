import CLIP
import Diffusion
import Images
import Scheduling
import Synchronization

/// One restoration between its samples: for each degradation to treat first an embedding, then tiles.
///
/// Guarded by one `Mutex`, for tiles may be handed back at the same time; it is never held while pixels are worked on.
final class RestorationWork: Sendable {
    /// What the restoration is made of; nil labels stand for what the classifier finds.
    struct Order: Sendable {
        let picture: Picture
        let layout: RestorationLayout
        let labels: [String]?
        let returnsCleanUnchanged: Bool
        let plan: SamplerPlan
        let seed: UInt64
        let classifier: ZeroShotClassifier
    }

    /// The label of pictures that nothing is wrong with, in bundles that know it.
    static let cleanLabel = "clean"

    private struct Progress {
        var picture: Picture
        var embeddings: DegradationAwareCLIP.Embeddings?
        /// Takes the tiles of this round.
        var blender: TileBlender?
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

    func makeSample(_ index: Int) throws -> sending EngineSample {
        let now = ContinuousClock.now
        let (picture, embeddings) = progress.withLock { progress in
            progress.started = progress.started ?? now
            if case .embedding = order.layout[index] { progress.since = now }
            return (progress.picture, progress.embeddings)
        }
        switch order.layout[index] {
        case .embedding:
            return EngineSample(.embedding(EmbeddingWork(picture: picture)))
        case .tile(let tile, let round):
            guard let embeddings else { throw RestorationError.internalFault("a tile before its embedding") }
            let place = order.layout.tiles[tile]
            return EngineSample(.diffusion(DiffusionWork(
                region: .init(x: place.x, y: place.y, width: place.width, height: place.height),
                condition: picture.floats(of: place), plan: order.plan,
                noise: NoiseSource(seed: order.seed, stream: UInt32(round)), embeddings: embeddings)))
        }
    }

    func finishSample(_ sample: EngineSample, _ index: Int) throws -> JobDirection {
        switch (sample.work, order.layout[index]) {
        case (.embedding(let work), .embedding(let round)):
            guard let embeddings = work.embeddings else { throw RestorationError.internalFault("no embedding") }
            return finishEmbedding(embeddings, round: round)
        case (.diffusion(let work), .tile(let tile, _)):
            finishTile(tile, work)
            return .goOn
        default: throw RestorationError.internalFault("sample \(index) is of another kind")
        }
    }

    private func finishEmbedding(_ found: DegradationAwareCLIP.Embeddings, round: Int) -> JobDirection {
        let known = order.classifier.labels
        let probabilities = order.classifier.probabilities(of: found.degradation)
        // What must be restored is not clean: a network that is told so would change nothing to speak of.
        let candidates = known.indices.filter { order.returnsCleanUnchanged || known[$0] != Self.cleanLabel }
        let best = candidates.max { probabilities[$0] < probabilities[$1] } ?? 0
        let label = order.labels?[round] ?? known[best]
        let probability = known.firstIndex(of: label).map { Double(probabilities[$0]) } ?? 0
        var embeddings = found
        embeddings.degradation =
            order.classifier.embedding(forcing: label, insteadOf: found.degradation) ?? found.degradation
        let unchanged = order.returnsCleanUnchanged && label == Self.cleanLabel
        progress.withLock { progress in
            if round == 0 { progress.confidence = probability }
            progress.labels.append(label)
            progress.embeddings = embeddings
            progress.unchanged = unchanged
            progress.blender = unchanged ? nil : TileBlender(order.layout.tiles)
            let now = ContinuousClock.now
            progress.classify += now - (progress.since ?? now)
            progress.since = now
        }
        return unchanged ? .complete : .goOn
    }

    private func finishTile(_ tile: Int, _ work: DiffusionWork) {
        guard let blender = progress.withLock({ $0.blender }) else { return }
        guard blender.add(work.state, layout: .interleaved, ofTile: tile) else { return }
        let pixels = blender.takePixels()
        progress.withLock { progress in
            progress.picture.pixels = pixels
            progress.blender = nil
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

extension Picture {
    /// A tile's pixels as interleaved floats of 0...1.
    fileprivate func floats(of tile: TilePlan.Tile) -> [Float] {
        [Float](unsafeUninitializedCapacity: tile.width * tile.height * 3) { buffer, count in
            for row in 0..<tile.height {
                let source = ((tile.y + row) * width + tile.x) * 3
                for offset in 0..<tile.width * 3 {
                    buffer.initializeElement(at: count + offset, to: Float(pixels[source + offset]) / 255)
                }
                count += tile.width * 3
            }
        }
    }
}
