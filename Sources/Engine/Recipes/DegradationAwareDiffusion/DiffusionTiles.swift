import CLIP
import Compute
import Diffusion
import Images
import RestorationUNet

/// Restores tiles by diffusion, each from the degraded pixels to the clean ones.
///
/// The noise is a field over the whole picture: neighbouring tiles have the same where they overlap.
struct DiffusionTiles: TileRestorer {
    let network: ConditionalUNet
    let plan: SamplerPlan
    let seed: UInt64
    let memory: MemoryEstimate
    let maximumBatch: Int

    /// Pixels of a batch beyond which another tile no longer makes an evaluation cheaper.
    private static let batchPixels = 256 * 256

    /// How many tiles of a size share an evaluation.
    ///
    /// - Parameter limit: the most of any size.
    static func maximumBatch(width: Int, height: Int, limit: Int) -> Int {
        max(1, min(limit, batchPixels / max(1, width * height)))
    }

    static let stageName = "diffuse"

    var names: [String] { [Self.stageName] }

    func name(for label: String) -> String { Self.stageName }

    func mode(for label: String) -> RestorationMode { .photo }

    /// Of a tile in flight.
    var bytesPerPixel: Int { DiffusionTile.bytesPerPixel(plan) }

    /// Whatever label there is conditions the network.
    func treats(_ label: String) -> Bool { true }

    func sampling(of modes: [RestorationMode]) -> RestorationResult.Sampling? {
        .init(sampler: plan.sampler.rawValue, steps: plan.steps.count, seed: seed)
    }

    func stage(for tiles: TilePlan, label: String?) -> Stage? {
        let (width, height) = (tiles.tileWidth, tiles.tileHeight)
        return Stage(
            Self.stageName, by: DiffusionStage(network: network), width: width, height: height, count: tiles.count,
            steps: plan.steps.count, sampleBytes: width * height * bytesPerPixel,
            evaluationBytes: memory.bytes(width: width, height: height), cost: Double(width * height),
            maximumBatch: Self.maximumBatch(width: width, height: height, limit: maximumBatch), waits: true,
            isProgress: true)
    }

    func makeSample(
        _ tile: TilePlan.Tile, of picture: Picture, _ finding: Look.Finding, round: Int
    ) -> sending any StageSample {
        makeTile(tile, of: picture, finding, round: round)
    }

    func makeTile(_ tile: TilePlan.Tile, of picture: Picture, _ finding: Look.Finding, round: Int) -> sending DiffusionTile {
        DiffusionTile(
            region: .init(x: tile.x, y: tile.y, width: tile.width, height: tile.height),
            condition: picture.floats(of: tile), plan: plan,
            noise: NoiseSource(seed: seed, stream: UInt32(truncatingIfNeeded: round)), embeddings: finding.embeddings)
    }

    func values(of sample: any StageSample) throws(RestorationError) -> [Float] {
        guard let tile = sample as? DiffusionTile else { throw .internalFault("a sample of another stage") }
        guard tile.isFinite else { throw .nonFinite(stage: Self.stageName) }
        return tile.state
    }
}

/// One evaluation of the network for all tiles of a batch.
struct DiffusionStage: StageEvaluator {
    let network: ConditionalUNet

    func advance(_ tiles: [DiffusionTile], in workspace: Workspace) {
        guard let first = tiles.first else { return }
        network.evaluate(
            tiles.map { $0.networkSample(network.configuration) }, height: first.region.height,
            width: first.region.width, in: workspace
        ) { index, output in tiles[index].advance(output) }
    }
}

/// A tile's diffusion: where it stands and what conditions it.
final class DiffusionTile: StageSample {
    /// Of the condition, the state and a field of noise; with some plans also of a clean estimate.
    static func bytesPerPixel(_ plan: SamplerPlan) -> Int {
        (plan.keepsEstimates ? 4 : 3) * 3 * MemoryLayout<Float>.stride
    }

    /// The tile's place in the picture.
    let region: NoiseSource.Region
    /// x_t: interleaved RGB, nominally 0...1.
    private(set) var state: [Float] = []
    /// The clean estimate of the step before, where the plan keeps it.
    private var estimate: [Float]
    /// Standard normal numbers of the step that is taken: in the same memory at each.
    private var field: [Float]
    /// Whether all numbers that the network answered were finite.
    private(set) var isFinite = true
    /// mu, laid out as the state.
    private let condition: [Float]
    private let plan: SamplerPlan
    private let noise: NoiseSource
    private let embeddings: DegradationAwareCLIP.Embeddings
    /// The step that comes next.
    private var index = 0

    init(
        region: NoiseSource.Region, condition: [Float], plan: SamplerPlan, noise: NoiseSource,
        embeddings: DegradationAwareCLIP.Embeddings
    ) {
        self.region = region
        self.condition = condition
        self.plan = plan
        self.noise = noise
        self.embeddings = embeddings
        estimate = plan.keepsEstimates ? [Float](repeating: 0, count: condition.count) : []
        field = [Float](repeating: 0, count: condition.count)
        draw(NoiseSource.startDraw)
        state = plan.startState(mu: condition, noise: field)
    }

    /// Whether its last step was taken.
    var isDone: Bool { index == plan.steps.count }

    /// What the network is asked next.
    func networkSample(_ configuration: ConditionalUNetConfiguration) -> ConditionalUNet.Sample {
        ConditionalUNet.Sample(
            state: state, condition: condition, time: plan.steps[index].networkTime,
            degradation: configuration.usesDegradation ? embeddings.degradation : nil,
            content: configuration.usesContent ? embeddings.content : nil)
    }

    /// Takes the network's answer. Neither copies the state nor takes memory.
    func advance(_ output: UnsafeBufferPointer<Float>) {
        let step = plan.steps[index]
        if step.usesNoise { draw(NoiseSource.draw(ofStep: index)) }
        isFinite = isFinite && output.allAreFinite
        step.advance(
            &state, mu: condition, output: output, noise: step.usesNoise ? field : nil, keeping: &estimate)
        index += 1
    }

    private func draw(_ draw: UInt32) {
        field.withUnsafeMutableBufferPointer { noise.fill($0, draw: draw, region: region) }
    }
}

extension Picture {
    /// A tile's pixels as interleaved floats of 0...1.
    func floats(of tile: TilePlan.Tile) -> [Float] {
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
