import Bundles
import CLIP
import Checkpoints
import Compute
import Diffusion
import RestorationUNet

/// DA-CLIP with IR-SDE (Luo et al., ICLR 2024): a look tells what is wrong, and a diffusion that it steers takes that
/// away, tile by tile. A bundle without DA-CLIP looks at nothing: its network takes away what it was trained for.
struct DegradationAwareDiffusion: Recipe {
    let description: RecipeDescription
    /// Length of the embeddings; nil without DA-CLIP.
    let embeddingWidth: Int?
    private let bundleName: String
    private let diffusion: DiffusionConfiguration
    private let prediction: DiffusionConfiguration.Prediction
    private let defaultTimes: [Int]?
    /// Nil without DA-CLIP.
    let look: Look?
    /// Nil without a text tower.
    let words: WordEncoder?
    private let network: ConditionalUNet
    let planner: TilePlanner
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
        embeddingWidth = configuration.encoder.embeddingWidth
        self.engine = engine
        diffusion = configuration.diffusion
        prediction = configuration.prediction
        defaultTimes = configuration.defaults.times
        let look = Look(
            encoder,
            classifier: ZeroShotClassifier(
                labels: labels, features: features, logitScale: Float(configuration.logitScale)),
            maximumBatch: engine.maximumBatch, sharedBy: bundle.loop)
        words = labelEncoder.map { WordEncoder($0, cost: look.labelCost, maximumBatch: engine.maximumBatch) }
        self.look = look
        planner = TilePlanner(
            memory: MemoryEstimate(measuring: network, sharedBy: bundle.loop), memoryBudget: engine.memoryPerWorker)
        var description = Self.description(configuration, labels: labels)
        description.precisions = ["daclip": networks.precisions.encoder, "unet": networks.precisions.network]
        self.description = description
    }

    /// Builds the network of a bundle without DA-CLIP.
    ///
    /// - Throws: `BundleError` where tensors don't fit.
    init(plain bundle: Bundles.Bundle, engine: EngineConfiguration) throws(BundleError) {
        let plain = try PlainNetwork(bundle, choosing: engine.precision(among:))
        network = plain.network
        bundleName = bundle.manifest.name
        self.engine = engine
        diffusion = plain.sections.diffusion
        prediction = plain.sections.prediction
        defaultTimes = plain.sections.defaults.times
        (look, words, embeddingWidth) = (nil, nil, nil)
        planner = TilePlanner(
            memory: MemoryEstimate(measuring: network, sharedBy: bundle.loop), memoryBudget: engine.memoryPerWorker)
        var description = Self.description(plain.sections, labels: bundle.manifest.labels)
        description.precisions = ["unet": plain.precision]
        self.description = description
    }

    /// What a bundle of this kind offers.
    ///
    /// - Throws: the first value of its configuration that can't be, with its place.
    static func description(of outline: BundleOutline) throws(BundleError) -> RecipeDescription {
        do {
            return description(
                try DegradationAwareNetworks.Configuration(outline.configuration), labels: outline.manifest.labels)
        } catch {
            throw .malformed(error)
        }
    }

    /// The same of one without DA-CLIP.
    static func description(ofPlain outline: BundleOutline) throws(BundleError) -> RecipeDescription {
        description(try PlainNetwork.sections(outline.configuration), labels: outline.manifest.labels)
    }

    private static func description(
        _ configuration: DegradationAwareNetworks.Configuration, labels: [String]
    ) -> RecipeDescription {
        RecipeDescription(
            labels: labels, takesOwnLabels: configuration.encoder.text != nil, samplers: samplers(configuration.sections),
            options: [.degradation, .mode, .steps, .sampler, .seed, .rounds, .force, .tile, .overlap], modes: [.photo])
    }

    /// Without a classifier there is nothing to look for again.
    private static func description(_ sections: DiffusionSections, labels: [String]) -> RecipeDescription {
        var options: Set<RestorationOption> = [.mode, .steps, .sampler, .seed, .force, .tile, .overlap]
        if !labels.isEmpty { options.insert(.degradation) }
        return RecipeDescription(labels: labels, classifies: false, samplers: samplers(sections), options: options, modes: [.photo])
    }

    private static func samplers(_ sections: DiffusionSections) -> [RecipeDescription.Sampler] {
        let (defaults, diffusion) = (sections.defaults, sections.diffusion)
        let kinds = [defaults.sampler] + SamplerKind.allCases.filter { $0 != defaults.sampler }
        return kinds.map { kind in
            let allowed = SamplerPlan.allowedStepCounts(kind, diffusion).clamped(to: 1...SamplerDefaults.stepLimit)
            let standard = kind == defaults.sampler ? defaults.steps : SamplerPlan.defaultStepCount(kind, diffusion)
            return .init(name: kind.rawValue, steps: allowed, defaultSteps: min(standard, allowed.upperBound))
        }
    }

    // MARK: Runs

    func restoration(
        width: Int, height: Int, options: RestorationOptions
    ) throws(RestorationError) -> any RecipeRun<RestorationResult> {
        let restorer = try restorer(options)
        let tiles = try planner.plan(
            width: width, height: height, tile: options.tile, overlap: options.overlap, bytesPerPixel: restorer.bytesPerPixel)
        let batch = DiffusionTiles.maximumBatch(
            width: tiles.tileWidth, height: tiles.tileHeight, limit: engine.maximumBatch)
        let tilesAtOnce = min(tiles.count, batch * engine.workers)
        guard let look else {
            return UnguidedRun(
                tiles: tiles, restorer: restorer, tilesAtOnce: tilesAtOnce, label: try plainLabel(options))
        }
        return run(of: tiles, by: restorer, tilesAtOnce: tilesAtOnce, options: options, look: look)
    }

    /// A run that looks at a picture, and has its tiles restored by this diffusion or by what begins with it.
    func run<Tiles: TileRestorer>(
        of tiles: TilePlan, by restorer: Tiles, tilesAtOnce: Int, options: RestorationOptions, look: Look
    ) -> RestorationRun<Tiles> {
        let own = (options.degradations ?? []).filter { !description.labels.contains($0) }
        return RestorationRun(
            look: look, tiles: tiles, restorer: restorer, tilesAtOnce: tilesAtOnce, options: options,
            words: own.isEmpty ? nil : words?.features(of: own))
    }

    /// What a network without contexts takes away, as far as that has one name.
    private func plainLabel(_ options: RestorationOptions) throws(RestorationError) -> String? {
        let labels = options.degradations ?? description.labels
        guard labels.count > 1 else { return labels.first }
        guard options.degradations == nil else {
            throw .option(OptionFault(
                .degradation, labels.joined(separator: ","), expected: "one label: this bundle restores once"))
        }
        return nil
    }

    /// What restores a picture's tiles.
    func restorer(_ options: RestorationOptions) throws(RestorationError) -> DiffusionTiles {
        DiffusionTiles(
            network: network, plan: try samplerPlan(options), seed: options.seed ?? .random(in: .min ... .max),
            memory: planner.memory, maximumBatch: engine.maximumBatch)
    }

    func classification(labels: [String]?) throws(RestorationError) -> any RecipeRun<Classification> {
        guard let look else { throw .notOffered("classification", bundle: bundleName) }
        if labels != nil, words == nil { throw .needsTextTower(bundle: bundleName) }
        return ClassificationRun(
            look, labels: labels.flatMap { words?.features(of: $0) }, samplesAtOnce: engine.maximumBatch)
    }

    private func samplerPlan(_ options: RestorationOptions) throws(RestorationError) -> SamplerPlan {
        guard let sampler = description.sampler(named: options.sampler), let kind = SamplerKind(rawValue: sampler.name)
        else { throw .internalFault("a sampler that is not this recipe's") }
        do throws(SamplerError) {
            if options.steps == nil, options.sampler == nil, let defaultTimes {
                return try SamplerPlan(diffusion, sampler: kind, prediction: prediction, times: defaultTimes)
            }
            return try SamplerPlan(
                diffusion, sampler: kind, prediction: prediction, steps: options.steps ?? sampler.defaultSteps)
        } catch {
            throw .internalFault(error.description)
        }
    }
}
