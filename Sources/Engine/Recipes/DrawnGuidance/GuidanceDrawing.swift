package import Checkpoints
import Compute
import Diffusion

/// Draws guidance pictures: a degraded picture becomes words, the words are cleaned, and a latent diffusion draws what they say (Lin et
/// al., CVPR 2024). What is drawn is the centre square of the picture: its content and style, not its pixels.
package struct GuidanceDrawing: Sendable {
    package let networks: DrawnGuidanceNetworks
    let memory: DrawnGuidanceMemory
    private let empty: LatentContext
    private let maximumBatch: Int

    /// A part of the work, in their order.
    enum Part: CaseIterable {
        case look, write, sample, decode

        var name: String {
            switch self {
            case .look: "look"
            case .write: "words"
            case .sample: "draw"
            // Files are decoded as well.
            case .decode: "decode-latent"
            }
        }
    }

    /// - Parameters:
    ///   - maximumBatch: pictures of one evaluation.
    ///   - loop: shares measuring evaluations out among threads.
    package init(
        _ networks: DrawnGuidanceNetworks, maximumBatch: Int, sharedBy loop: ParameterReader.ParallelLoop
    ) {
        self.networks = networks
        self.maximumBatch = maximumBatch
        let states = networks.reader.emptyContext(in: Workspace(threads: 1))
        empty = LatentContext(states)
        memory = DrawnGuidanceMemory(measuring: networks, empty: states, sharedBy: loop)
    }

    /// Pixels along a side of what is drawn.
    package var side: Int { networks.configuration.side }

    /// What samples, for a recipe's description: the default first.
    package static func samplers(_ defaults: DrawnGuidanceConfiguration.Defaults) -> [RecipeDescription.Sampler] {
        LatentSamplerKind.offered(first: defaults.sampler, defaultSteps: defaults.steps)
    }

    /// The drawing of one picture's guidance, with what a request says of it.
    ///
    /// - Parameter noise: of a seed; nil for PyTorch's.
    /// - Throws: `internalFault` for options that were not checked.
    package func run(
        _ options: RestorationOptions, noise: LatentNoise? = nil
    ) throws(RestorationError) -> GuidanceRun {
        let defaults = networks.configuration.defaults
        let samplers = Self.samplers(defaults)
        guard let sampler = samplers.first(where: { $0.name == options.sampler ?? samplers[0].name }) else {
            throw .internalFault("a sampler that is not this recipe's")
        }
        let plan = try LatentSamplerPlan(sampler, steps: options.steps, schedule: networks.configuration.schedule)
        let seed = options.seed ?? .random(in: .min ... .max)
        let sampling = LatentSampling(
            plan: plan, guidance: Guidance(text: options.guidance?.text ?? defaults.guidance), noise: noise ?? .torch(seed),
            channels: networks.configuration.decoder.latentChannels)
        return GuidanceRun(
            self, sampling: sampling, empty: empty, named: .init(sampler: sampler.name, steps: plan.steps.count, seed: seed))
    }

    // MARK: Stages

    /// The stages of a run, in the order of `Part`.
    func stages(_ sampling: LatentSampling) -> [Stage] {
        Part.allCases.map { part in
            switch part {
            case .look: stage(part, by: TokenStage(reader: networks.reader))
            case .write: stage(part, by: PromptWritingStage(reader: networks.reader))
            case .sample:
                stage(
                    part, by: DiffuseStage(network: networks.network), steps: sampling.plan.steps.count,
                    evaluations: sampling.guidance.evaluations.count)
            case .decode:
                stage(part, by: DecodeStage(decoder: networks.decoder, scale: networks.configuration.latentScale))
            }
        }
    }

    private func stage(
        _ part: Part, by evaluator: some StageEvaluator, steps: Int = 1, evaluations: Int = 1
    ) -> Stage {
        let isLatent = part == .sample || part == .decode
        return Stage(
            part.name, by: evaluator, width: isLatent ? side : 0, height: isLatent ? side : 0, steps: steps,
            sampleBytes: sampleBytes(part),
            evaluationBytes: memory.bytes(part, side: networks.configuration.latentSide) * evaluations,
            cost: cost(part) * Double(evaluations),
            // Latents are large already: company makes an evaluation no cheaper.
            maximumBatch: isLatent ? 1 : maximumBatch, waits: true, isProgress: isLatent)
    }

    private func sampleBytes(_ part: Part) -> Int {
        let configuration = networks.configuration
        let (vision, float) = (configuration.vision, MemoryLayout<Float>.stride)
        let tokens = (vision.grid * vision.grid + 1) * vision.width * float
        let states = configuration.text.contextLength * configuration.text.width * float
        let latent = configuration.latentSide * configuration.latentSide * configuration.decoder.latentChannels * float
        return switch part {
        case .look: vision.imageSize * vision.imageSize * 3 + tokens
        case .write: tokens + states
        // What the words are projected to is made once and kept.
        case .sample: memory.contextBytes + states + 4 * latent
        case .decode: side * side * 3 * float + latent
        }
    }

    /// In pixels of an evaluation of the U-Net; of the official multiplications.
    private func cost(_ part: Part) -> Double {
        let pixels = Double(side * side)
        let vision = networks.configuration.vision
        return switch part {
        case .look: Double(vision.imageSize * vision.imageSize) * 2.2
        case .write: Double(vision.grid * vision.grid) * 200
        case .sample: pixels
        case .decode: pixels * 3.1
        }
    }
}
