import Bundles
import CLIP
import Checkpoints
import Compute
import Diffusion
import RestorationUNet

/// DA-CLIP with IR-SDE (Luo et al., ICLR 2024): a look tells what is wrong, and a diffusion that it steers takes that
/// away, tile by tile.
struct DegradationAwareDiffusion: Recipe {
    let description: RecipeDescription
    private let bundleName: String
    private let diffusion: DiffusionConfiguration
    private let prediction: DiffusionConfiguration.Prediction
    private let defaultTimes: [Int]?
    private let look: Look
    private let labelStage: LabelStage?
    private let network: ConditionalUNet
    private let planner: TilePlanner
    private let engine: EngineConfiguration

    /// Builds the networks and measures what they need.
    ///
    /// - Throws: `BundleError` where tensors don't fit, `RestorationError` where labels have no features.
    init(_ bundle: Bundles.Bundle, engine: EngineConfiguration) throws {
        let networks = try DegradationAwareNetworks(bundle, choosing: engine.precision(among:))
        let (encoder, labelEncoder, configuration) = (networks.encoder, networks.labelEncoder, networks.configuration)
        network = networks.network
        let labels = bundle.manifest.labels
        guard
            let features = encoder.storedLabelFeatures
                ?? labelEncoder?.features(of: labels, in: Workspace(threads: engine.threadsPerEvaluation))
        else { throw RestorationError.internalFault("the bundle has neither label features nor a text tower") }
        bundleName = bundle.manifest.name
        self.engine = engine
        diffusion = configuration.diffusion
        prediction = configuration.prediction
        defaultTimes = configuration.defaults.times
        look = Look(
            encoder,
            classifier: ZeroShotClassifier(
                labels: labels, features: features, logitScale: Float(configuration.logitScale)),
            maximumBatch: engine.maximumBatch)
        labelStage = labelEncoder.map { [look] in
            LabelStage($0, cost: look.labelCost, maximumBatch: engine.maximumBatch)
        }
        planner = TilePlanner(memory: MemoryEstimate(measuring: network), memoryBudget: engine.memoryPerWorker)
        description = Self.description(
            configuration, labels: labels, takesOwnLabels: labelEncoder != nil,
            precisions: ["daclip": networks.precisions.encoder, "unet": networks.precisions.network])
    }

    private static func description(
        _ configuration: DegradationAwareNetworks.Configuration, labels: [String], takesOwnLabels: Bool,
        precisions: [String: Precision]
    ) -> RecipeDescription {
        let (defaults, diffusion) = (configuration.defaults, configuration.diffusion)
        let kinds = [defaults.sampler] + SamplerKind.allCases.filter { $0 != defaults.sampler }
        return RecipeDescription(
            labels: labels, takesOwnLabels: takesOwnLabels,
            samplers: kinds.map { kind in
                let allowed = SamplerPlan.allowedStepCounts(kind, diffusion).clamped(to: 1...SamplerDefaults.stepLimit)
                let standard = kind == defaults.sampler ? defaults.steps : SamplerPlan.defaultStepCount(kind, diffusion)
                return .init(
                    name: kind.rawValue, steps: allowed, defaultSteps: min(standard, allowed.upperBound))
            }, options: Set(RestorationOption.allCases), precisions: precisions)
    }

    // MARK: Runs

    func restoration(
        width: Int, height: Int, options: RestorationOptions
    ) throws(RestorationError) -> any RecipeRun<RestorationResult> {
        let tiles = try planner.plan(width: width, height: height, tile: options.tile, overlap: options.overlap)
        let restorer = DiffusionTiles(
            network: network, plan: try samplerPlan(options), seed: options.seed ?? .random(in: .min ... .max),
            memory: planner.memory, maximumBatch: engine.maximumBatch)
        let batch = DiffusionTiles.maximumBatch(
            width: tiles.tileWidth, height: tiles.tileHeight, limit: engine.maximumBatch)
        return RestorationRun(
            look: look, tiles: tiles, restorer: restorer, tilesAtOnce: min(tiles.count, batch * engine.workers),
            options: options)
    }

    func classification(labels: [String]?) throws(RestorationError) -> any RecipeRun<Classification> {
        if labels != nil, labelStage == nil { throw .needsTextTower(bundle: bundleName) }
        return ClassificationRun(
            look, labels: labels, labelStage: labels == nil ? nil : labelStage, samplesAtOnce: engine.maximumBatch)
    }

    private func samplerPlan(_ options: RestorationOptions) throws(RestorationError) -> SamplerPlan {
        guard let sampler = description.sampler(named: options.sampler), let kind = SamplerKind(rawValue: sampler.name)
        else { throw .internalFault("a sampler that is not this recipe's") }
        do throws(SamplerError) {
            if options.steps == nil, options.sampler == nil, let defaultTimes {
                return try SamplerPlan(diffusion, prediction: prediction, times: defaultTimes)
            }
            return try SamplerPlan(
                diffusion, sampler: kind, prediction: prediction, steps: options.steps ?? sampler.defaultSteps)
        } catch {
            throw .internalFault(error.description)
        }
    }
}
