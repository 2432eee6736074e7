import Bundles
package import CLIP
package import Checkpoints
import Compute
import Diffusion

/// AutoDIR (Jiang et al., ECCV 2024): a look tells what is worst, a latent diffusion steered by texts about it restores that, a
/// correction mends the structure, and the result is looked at again.
package struct AutoDIR: Recipe {
    package let description: RecipeDescription
    private let networks: AutoDIRNetworks
    private let assessment: Assessment
    private let labels: [String]
    private let look: AssessmentStage
    private let reader: PromptStage
    private let empty: LatentContext
    private let planner: AutoDIRPlanner
    private let engine: EngineConfiguration
    private let noise: @Sendable (_ seed: UInt64) -> LatentNoise
    private let bundleName: String
    package let weightBytes: Int?

    /// Builds the networks and measures what they need.
    ///
    /// - Throws: `BundleError` where tensors, sizes or words don't fit.
    init(_ bundle: Bundles.Bundle, engine: EngineConfiguration) throws(BundleError) {
        let allowed = try reading { () throws(ConfigurationError) in
            try bundle.configuration.object("model").precisions()
        }
        let precision = engine.precision(among: allowed)
        let networks = try AutoDIRNetworks(bundle, precision: precision)
        let (name, bytes) = try bundle.file(of: bundle.section("merges"))
        let tokenizer: BytePairTokenizer
        do throws(TokenizerError) {
            tokenizer = try BytePairTokenizer(
                merges: bytes.withBytes(in: 0..<bytes.count) { [UInt8]($0) },
                vocabularySize: networks.towers.configuration.text.vocabularySize)
        } catch {
            throw .merges(file: name, reason: error.description)
        }
        try bundle.finish()
        let labels = try Self.checkedLabels(bundle)
        self.init(
            networks, tokenizer: tokenizer, labels: labels, bundleName: bundle.manifest.name, precision: precision,
            weightBytes: try Self.weightBytes(bundle, precision), engine: engine, sharedBy: bundle.loop)
    }

    private static func weightBytes(_ bundle: Bundles.Bundle, _ precision: Precision) throws(BundleError) -> Int? {
        let name = try bundle.file(of: bundle.section("model")).name
        guard let file = bundle.manifest.files.first(where: { $0.name == name }) else { return nil }
        return AutoDIRNetworks.weightBytes(try bundle.tensors(of: file), precision: precision)
    }

    /// - Parameters:
    ///   - labels: a name for each category, in the categories' order.
    ///   - weightBytes: what the networks hold.
    ///   - noise: of a seed.
    ///   - loop: shares measuring evaluations out among threads.
    package init(
        _ networks: AutoDIRNetworks, tokenizer: BytePairTokenizer, labels: [String], bundleName: String,
        precision: Precision, weightBytes: Int? = nil, engine: EngineConfiguration,
        sharedBy loop: ParameterReader.ParallelLoop,
        noise: @escaping @Sendable (_ seed: UInt64) -> LatentNoise = { .seeded($0) }
    ) {
        self.networks = networks
        self.labels = labels
        self.bundleName = bundleName
        self.weightBytes = weightBytes
        self.engine = engine
        self.noise = noise
        assessment = Assessment(
            networks.towers, tokenizer: tokenizer, cropsASide: networks.configuration.cropsASide, in: Workspace(threads: engine.threadsPerEvaluation))
        look = AssessmentStage(assessment, maximumBatch: engine.maximumBatch)
        reader = PromptStage(assessment)
        empty = LatentContext(assessment.emptyStates)
        planner = AutoDIRPlanner(
            memory: AutoDIRMemory(measuring: networks, empty: assessment.emptyStates, sharedBy: loop),
            memoryBudget: engine.memoryPerWorker)
        description = Self.description(networks.configuration, labels: labels, precision: precision)
    }

    /// What a bundle of this kind offers.
    ///
    /// - Throws: the first value of its configuration that can't be, with its place.
    static func description(of outline: BundleOutline) throws(BundleError) -> RecipeDescription {
        let configuration = try reading { () throws(ConfigurationError) in
            try AutoDIRConfiguration(outline.configuration)
        }
        return description(configuration, labels: outline.manifest.labels, precision: nil)
    }

    private static func description(
        _ configuration: AutoDIRConfiguration, labels: [String], precision: Precision?
    ) -> RecipeDescription {
        let defaults = configuration.defaults
        return RecipeDescription(
            labels: labels,
            samplers: LatentSamplerKind.offered(first: defaults.sampler, defaultSteps: defaults.steps),
            options: [
                .degradation, .prompt, .mode, .steps, .sampler, .seed, .rounds, .guidance, .colour, .force, .tile, .overlap,
            ], modes: [.photo],
            precisions: precision.map { ["model": $0] })
    }

    /// A label for each category.
    private static func checkedLabels(_ bundle: Bundles.Bundle) throws(BundleError) -> [String] {
        let labels = bundle.manifest.labels
        guard labels.count == Assessment.categories.count else {
            throw .malformed(bundle.configuration.fault(
                "labels", "expected \(Assessment.categories.count), for \(Assessment.categories.joined(separator: ", ")), "
                    + "found \(labels.count)"))
        }
        return labels
    }

    // MARK: Runs

    package func restoration(
        width: Int, height: Int, options: RestorationOptions
    ) throws(RestorationError) -> any RecipeRun<RestorationResult> {
        guard let sampler = description.sampler(named: options.sampler) else {
            throw .internalFault("a sampler that is not this recipe's")
        }
        let plan = try LatentSamplerPlan(sampler, steps: options.steps, schedule: networks.configuration.schedule)
        let guidance = options.guidance ?? Guidance()
        let tiles = try planner.plan(
            width: width, height: height, tile: options.tile, overlap: options.overlap,
            evaluations: guidance.evaluations.count)
        let seed = options.seed ?? .random(in: .min ... .max)
        let batch = LatentTiles.batch(width: tiles.tileWidth, height: tiles.tileHeight, limit: engine.maximumBatch)
        return AutoDIRRun(
            assessment: assessment, labels: labels, look: look, reader: reader,
            restorer: LatentTiles(
                networks: networks, memory: planner.memory, plan: plan, guidance: guidance, noise: noise(seed),
                empty: empty, maximumBatch: engine.maximumBatch),
            size: (width, height), tiles: tiles, tilesAtOnce: min(tiles.count, batch * engine.workers),
            task: try task(options), colour: options.colour,
            sampling: .init(sampler: sampler.name, steps: plan.steps.count, seed: seed))
    }

    private func task(_ options: RestorationOptions) throws(RestorationError) -> AutoDIRRun.Task {
        if let prompt = options.prompt { return .prompt(prompt) }
        guard let treated = options.degradations else {
            return .assess(rounds: options.rounds ?? networks.configuration.defaults.rounds, mayBeClean: !options.force)
        }
        return .categories(treated.compactMap { labels.firstIndex(of: $0) })
    }

    package func classification(labels own: [String]?) throws(RestorationError) -> any RecipeRun<Classification> {
        guard own == nil else { throw .needsTextTower(bundle: bundleName) }
        return AssessmentRun(assessment: assessment, labels: labels, look: look)
    }
}
