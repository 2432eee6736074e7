import Compute
import Diffusion
import LatentUNet

/// What latents are sampled by: steps, guidance and noise.
struct LatentSampling: Sendable {
    let plan: LatentSamplerPlan
    let guidance: Guidance
    let noise: LatentNoise
    /// Of a latent.
    let channels: Int
}

/// A tile's latent on its way from noise.
final class LatentTile: StageSample {
    let region: NoiseSource.Region
    private(set) var state: [Float]
    /// Whether all that the network answered was finite.
    private(set) var isFinite = true
    private let picture: [Float]?
    private let sampling: LatentSampling
    private let context: LatentContext
    private let empty: LatentContext
    private var kept: [Float]
    private var index = 0

    /// - Parameters:
    ///   - picture: the latent of the tile itself, which a network of the edit form sees beside the state; nil for others.
    ///   - context: what steers it.
    ///   - empty: what takes its place where the guidance leaves it out.
    init(
        region: NoiseSource.Region, picture: [Float]?, sampling: LatentSampling, context: LatentContext, empty: LatentContext
    ) {
        self.region = region
        self.picture = picture
        self.sampling = sampling
        self.context = context
        self.empty = empty
        let deviation = sampling.plan.startDeviation
        state = sampling.noise(NoiseSource.startDraw, region, channels: sampling.channels).map { deviation * $0 }
        kept = sampling.plan.keepsEstimates ? [Float](repeating: 0, count: state.count) : []
    }

    var evaluations: [(conditions: Guidance.Conditions, factor: Float)] { sampling.guidance.evaluations }

    /// What the network is asked next: a sample for each evaluation.
    fileprivate func samples(of network: LatentUNet, in workspace: Workspace) -> [LatentUNet.Sample] {
        let step = sampling.plan.steps[index]
        return evaluations.map { evaluation in
            let context = evaluation.conditions == .both ? context : empty
            return LatentUNet.Sample(
                latent: input(step, seesPicture: evaluation.conditions != .none), time: step.time,
                context: context.projection(by: network, in: workspace))
        }
    }

    /// The scaled state, and side by side with it the picture's latent as it is, where there is one.
    private func input(_ step: LatentSamplerStep, seesPicture: Bool) -> [Float] {
        guard let picture else { return state.map { $0 * step.inputScale } }
        let channels = sampling.channels
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
        let step = sampling.plan.steps[index]
        let answer = Guidance.combined(answers, factors: evaluations.map(\.factor))
        isFinite = isFinite && answer.allAreFinite
        let noise = step.usesNoise
            ? sampling.noise(NoiseSource.draw(ofStep: index), region, channels: sampling.channels) : nil
        step.advance(&state, answer: answer, noise: noise, keeping: &kept)
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
