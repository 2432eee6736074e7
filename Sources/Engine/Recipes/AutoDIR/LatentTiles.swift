import Autoencoder
import Compute
import Diffusion
import LatentUNet
import NAFNet

/// The stages that the tiles of a picture go through in a round: encoded, sampled, decoded and corrected.
struct LatentTiles: Sendable {
    let networks: AutoDIRNetworks
    let memory: AutoDIRMemory
    let plan: LatentSamplerPlan
    let guidance: Guidance
    let noise: LatentNoise
    /// Of the empty text.
    let empty: LatentContext
    let maximumBatch: Int

    /// A part of a round.
    enum Part: CaseIterable {
        case encode, diffuse, decode, correct

        var name: String {
            switch self {
            case .encode: "encode"
            case .diffuse: "diffuse"
            case .decode: "decode"
            case .correct: "correct"
            }
        }

        /// Multiplications of a pixel, in those of an evaluation of the U-Net; of the official sizes.
        var cost: Double {
            switch self {
            case .encode: 1.4
            case .diffuse: 1
            case .decode: 3.1
            case .correct: 0.6
            }
        }
    }

    /// Pixels of a batch beyond which another tile no longer makes an evaluation cheaper.
    private static let batchPixels = 256 * 256

    static func batch(width: Int, height: Int, limit: Int) -> Int {
        max(1, min(limit, batchPixels / max(1, width * height)))
    }

    /// - Parameter tiles: of the padded picture.
    func stage(_ part: Part, for tiles: TilePlan) -> Stage {
        let (width, height) = (tiles.tileWidth, tiles.tileHeight)
        let evaluations = part == .diffuse ? guidance.evaluations.count : 1
        func stage(_ evaluator: some StageEvaluator) -> Stage {
            Stage(
                part.name, by: evaluator, width: width, height: height, count: tiles.count,
                steps: part == .diffuse ? plan.steps.count : 1,
                sampleBytes: width * height * AutoDIRMemory.sampleBytesPerPixel,
                evaluationBytes: memory.bytes(part, width: width, height: height) * evaluations,
                cost: Double(width * height) * part.cost * Double(evaluations),
                maximumBatch: Self.batch(width: width, height: height, limit: maximumBatch), waits: true,
                isProgress: true)
        }
        return switch part {
        case .encode: stage(EncodeStage(autoencoder: networks.autoencoder))
        case .diffuse: stage(DiffuseStage(network: networks.network))
        case .decode: stage(DecodeStage(autoencoder: networks.autoencoder, scale: networks.configuration.latentScale))
        case .correct: stage(CorrectStage(network: networks.correction))
        }
    }

    /// A tile's latent, of noise.
    ///
    /// - Parameter picture: the latent of the tile itself.
    func latentTile(_ tile: TilePlan.Tile, picture: [Float], context: LatentContext) -> LatentTile {
        let factor = networks.configuration.autoencoder.factor
        return LatentTile(
            region: .init(
                x: tile.x / factor, y: tile.y / factor, width: tile.width / factor, height: tile.height / factor),
            picture: picture, tiles: self, context: context)
    }
}

// MARK: - Encoding

final class EncodedTile: StageSample {
    let picture: SignedPicture
    /// The mode of its latent, as the encoder has it.
    fileprivate(set) var latent: [Float] = []

    init(_ picture: SignedPicture) { self.picture = picture }
}

struct EncodeStage: StageEvaluator {
    let autoencoder: Autoencoder

    func advance(_ samples: [EncodedTile], in workspace: Workspace) {
        guard let first = samples.first?.picture else { return }
        let posteriors = autoencoder.encode(
            samples.map(\.picture.values), height: first.height, width: first.width, in: workspace)
        for (sample, posterior) in zip(samples, posteriors) { sample.latent = posterior.mean }
    }
}

// MARK: - Sampling

/// A tile's latent on its way from noise.
final class LatentTile: StageSample {
    let region: NoiseSource.Region
    private(set) var state: [Float]
    /// Whether all that the network answered was finite.
    private(set) var isFinite = true
    private let picture: [Float]
    private let tiles: LatentTiles
    private let context: LatentContext
    private var kept: [Float]
    private var index = 0

    init(region: NoiseSource.Region, picture: [Float], tiles: LatentTiles, context: LatentContext) {
        self.region = region
        self.picture = picture
        self.tiles = tiles
        self.context = context
        kept = tiles.plan.keepsEstimates ? [Float](repeating: 0, count: picture.count) : []
        let deviation = tiles.plan.startDeviation
        state = []
        state = draw(NoiseSource.startDraw).map { deviation * $0 }
    }

    private var channels: Int { tiles.networks.configuration.autoencoder.latentChannels }

    private func draw(_ draw: UInt32) -> [Float] { tiles.noise(draw, region, channels: channels) }

    var evaluations: [(conditions: Guidance.Conditions, factor: Float)] { tiles.guidance.evaluations }

    /// What the network is asked next: a sample for each evaluation.
    fileprivate func samples(of network: LatentUNet, in workspace: Workspace) -> [LatentUNet.Sample] {
        let step = tiles.plan.steps[index]
        return evaluations.map { evaluation in
            let context = evaluation.conditions == .both ? context : tiles.empty
            return LatentUNet.Sample(
                latent: input(step, seesPicture: evaluation.conditions != .none), time: step.time,
                context: context.projection(by: network, in: workspace))
        }
    }

    /// The scaled state and the picture's latent, as it is, side by side.
    private func input(_ step: LatentSamplerStep, seesPicture: Bool) -> [Float] {
        let channels = channels
        return [Float](unsafeUninitializedCapacity: 2 * state.count) { buffer, count in
            for pixel in 0..<state.count / channels {
                for channel in 0..<channels {
                    let source = pixel * channels + channel
                    buffer.initializeElement(at: 2 * pixel * channels + channel, to: state[source] * step.inputScale)
                    buffer.initializeElement(
                        at: (2 * pixel + 1) * channels + channel, to: seesPicture ? picture[source] : 0)
                }
            }
            count = 2 * state.count
        }
    }

    fileprivate func advance(_ answers: [[Float]]) {
        let step = tiles.plan.steps[index]
        let answer = Guidance.combined(answers, factors: evaluations.map(\.factor))
        isFinite = isFinite && answer.allAreFinite
        step.advance(
            &state, answer: answer, noise: step.usesNoise ? draw(NoiseSource.draw(ofStep: index)) : nil, keeping: &kept)
        index += 1
    }
}

/// One evaluation of the network for all tiles of a batch, and for all that their guidance needs.
struct DiffuseStage: StageEvaluator {
    let network: LatentUNet

    func advance(_ tiles: [LatentTile], in workspace: Workspace) {
        guard let region = tiles.first?.region else { return }
        let samples = tiles.map { $0.samples(of: network, in: workspace) }
        var answers = network(
            samples.flatMap(\.self), height: region.height, width: region.width, in: workspace)[...]
        for (tile, own) in zip(tiles, samples) {
            tile.advance(Array(answers.prefix(own.count)))
            answers = answers.dropFirst(own.count)
        }
    }
}

// MARK: - Decoding and correcting

final class DecodedTile: StageSample {
    let region: NoiseSource.Region
    fileprivate let latent: [Float]
    fileprivate(set) var values: [Float] = []

    init(_ latent: [Float], region: NoiseSource.Region) {
        self.latent = latent
        self.region = region
    }
}

struct DecodeStage: StageEvaluator {
    let autoencoder: Autoencoder
    let scale: Float

    func advance(_ samples: [DecodedTile], in workspace: Workspace) {
        guard let region = samples.first?.region else { return }
        let pictures = autoencoder.decode(
            samples.map { $0.latent.map { $0 / scale } }, height: region.height, width: region.width, in: workspace)
        for (sample, picture) in zip(samples, pictures) { sample.values = picture }
    }
}

/// A tile's pixels before the round and after its sampling; then corrected, where that is wanted.
final class CorrectedTile: StageSample {
    fileprivate let before: SignedPicture
    fileprivate let isCorrected: Bool
    fileprivate(set) var values: [Float]

    init(_ decoded: [Float], before: SignedPicture, isCorrected: Bool) {
        values = decoded
        self.before = before
        self.isCorrected = isCorrected
    }

    fileprivate var joined: [Float] {
        [Float](unsafeUninitializedCapacity: 2 * values.count) { buffer, count in
            for pixel in 0..<values.count / 3 {
                for channel in 0..<3 {
                    buffer.initializeElement(at: 6 * pixel + channel, to: before.values[3 * pixel + channel])
                    buffer.initializeElement(at: 6 * pixel + 3 + channel, to: values[3 * pixel + channel])
                }
            }
            count = 2 * values.count
        }
    }
}

struct CorrectStage: StageEvaluator {
    let network: NAFNet

    func advance(_ samples: [CorrectedTile], in workspace: Workspace) {
        let wanted = samples.filter(\.isCorrected)
        guard let first = wanted.first?.before else { return }
        let results = network(
            wanted.map(\.joined), height: first.height, width: first.width, in: workspace)
        for (sample, result) in zip(wanted, results) { sample.values = result }
    }
}
