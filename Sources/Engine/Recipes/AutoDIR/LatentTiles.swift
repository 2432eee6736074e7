import Autoencoder
import Compute
import Diffusion
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
        case .decode:
            stage(DecodeStage(decoder: networks.autoencoder.decoder, scale: networks.configuration.latentScale))
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
            picture: picture,
            sampling: LatentSampling(
                plan: plan, guidance: guidance, noise: noise,
                channels: networks.configuration.autoencoder.latentChannels), context: context, empty: empty)
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

// MARK: - Correcting

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
