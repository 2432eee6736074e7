import Bundles
import Checkpoints

/// Several restorers behind one classifier: for each label a network of one evaluation, or the classifier's own diffusion.
struct Restorers: Recipe {
    let description: RecipeDescription
    private let bundleName: String
    private let classifier: BundleClassifier
    private let treatments: Treatments
    private let planner: SinglePassPlanner
    private let choice: ModeChoice
    /// That of the bundle whose classifier is used; nil without one.
    private let diffusion: DegradationAwareDiffusion?
    private let engine: EngineConfiguration

    /// Builds the networks and measures what they need.
    ///
    /// - Throws: `BundleError` where tensors or sizes don't fit.
    init(_ bundle: Bundles.Bundle, engine: EngineConfiguration) throws {
        let diffusion = try Self.diffusion(of: bundle, engine: engine)
        guard let classifier = try diffusion.flatMap(BundleClassifier.init) ?? .read(bundle, engine: engine) else {
            throw Self.noClassifier(bundle.configuration)
        }
        let parts = try RestorersBundle(bundle, classifier: classifier, choosing: engine.precision(among:))
        try bundle.finish()
        bundleName = bundle.manifest.name
        self.classifier = classifier
        self.diffusion = diffusion
        self.engine = engine
        treatments = parts.treatments
        planner = SinglePassPlanner(of: parts.members, memoryBudget: engine.memoryPerWorker)
        choice = ModeChoice(
            fastLabels: Set(treatments.byLabel.keys), hasPhoto: diffusion != nil, measured: parts.measured)
        description = Self.description(
            .init(labels: classifier.labels, takesOwnLabels: classifier.words != nil), diffusion: diffusion?.description)
    }

    /// What such a bundle offers.
    ///
    /// - Throws: the first value of its configuration that can't be, with its place.
    static func description(of outline: BundleOutline) throws(BundleError) -> RecipeDescription {
        guard let classifier = try BundleClassifier.outline(of: outline) else {
            throw noClassifier(outline.configuration)
        }
        var diffusion: RecipeDescription?
        if let section = try lender(outline.configuration) {
            let neighbour = try outline.neighbour(of: section)
            if isDiffusion(neighbour.manifest) { diffusion = try DegradationAwareDiffusion.description(of: neighbour) }
        }
        return description(classifier, diffusion: diffusion)
    }

    private static func description(
        _ classifier: BundleClassifier.Outline, diffusion: RecipeDescription?
    ) -> RecipeDescription {
        var options: Set<RestorationOption> = [.degradation, .mode, .rounds, .force, .tile, .overlap]
        if diffusion != nil { options.formUnion([.steps, .sampler, .seed]) }
        return RecipeDescription(
            labels: classifier.labels, takesOwnLabels: classifier.takesOwnLabels, samplers: diffusion?.samplers ?? [],
            options: options, modes: diffusion == nil ? [.fast] : [.fast, .photo], precisions: diffusion?.precisions)
    }

    /// The diffusion of the bundle whose classifier is used, where it is one that diffuses.
    private static func diffusion(
        of bundle: Bundles.Bundle, engine: EngineConfiguration
    ) throws -> DegradationAwareDiffusion? {
        guard let section = try lender(bundle.configuration) else { return nil }
        let neighbour = try bundle.neighbour(of: section)
        return isDiffusion(neighbour.manifest) ? try DegradationAwareDiffusion(neighbour, engine: engine) : nil
    }

    /// The object that names the bundle whose classifier is used.
    private static func lender(_ configuration: ConfigurationReader) throws(BundleError) -> ConfigurationReader? {
        guard configuration.has("classifier"), !configuration.has("daclip") else { return nil }
        return try reading { () throws(ConfigurationError) in try configuration.object("classifier") }
    }

    private static func isDiffusion(_ manifest: BundleManifest) -> Bool { manifest.kind == DegradationAwareNetworks.kind }

    private static func noClassifier(_ configuration: ConfigurationReader) -> BundleError {
        .malformed(configuration.fault("classifier", "is needed, or daclip"))
    }

    // MARK: Runs

    func restoration(
        width: Int, height: Int, options: RestorationOptions
    ) throws(RestorationError) -> any RecipeRun<RestorationResult> {
        try check(options)
        let photo = try diffusion?.restorer(options)
        let tiles = try plan(width: width, height: height, options: options, photo: photo)
        let fast = SinglePassTiles(
            treatments: treatments, instruction: nil, tileCount: tiles.count, planner: planner,
            maximumBatch: engine.maximumBatch)
        let batch = SinglePassTiles.maximumBatch(
            width: tiles.tileWidth, height: tiles.tileHeight, limit: engine.maximumBatch)
        let tilesAtOnce = min(tiles.count, batch * engine.workers)
        let own = (options.degradations ?? []).filter { !description.labels.contains($0) }
        let words = own.isEmpty ? nil : classifier.words?.features(of: own)
        guard let photo else {
            return RestorationRun(
                look: classifier.look, tiles: tiles, restorer: fast, tilesAtOnce: tilesAtOnce, options: options, words: words)
        }
        return RestorationRun(
            look: classifier.look, tiles: tiles,
            restorer: ChosenTiles(fast: fast, photo: photo, choice: choice, wanted: options.mode), tilesAtOnce: tilesAtOnce,
            options: options, words: words)
    }

    /// - Throws: for labels that nothing is there for.
    private func check(_ options: RestorationOptions) throws(RestorationError) {
        for label in options.degradations ?? [] {
            let mode = options.mode ?? choice.mode(for: label)
            guard mode == .fast, treatments[label] == nil else { continue }
            let treated = treatments.byLabel.keys.sorted().joined(separator: ", ")
            throw .option(OptionFault(
                .degradation, label,
                expected: "auto or labels among \(treated)" + (diffusion == nil ? "" : " where mode is fast")))
        }
    }

    /// Tiles that whatever may be chosen can take.
    private func plan(
        width: Int, height: Int, options: RestorationOptions, photo: DiffusionTiles?
    ) throws(RestorationError) -> TilePlan {
        guard let diffusion, let photo, options.mode != .fast else {
            return try planner.plan(width: width, height: height, tile: options.tile, overlap: options.overlap)
        }
        let (other, bytesPerPixel) = (diffusion.planner, photo.bytesPerPixel)
        if options.mode == .photo {
            return try other.plan(
                width: width, height: height, tile: options.tile, overlap: options.overlap, bytesPerPixel: bytesPerPixel)
        }
        return try planner.joined(with: other, bytesPerPixel: bytesPerPixel)
            .plan(width: width, height: height, tile: options.tile, overlap: options.overlap)
    }

    func classification(labels: [String]?) throws(RestorationError) -> any RecipeRun<Classification> {
        if labels != nil, classifier.words == nil { throw .needsTextTower(bundle: bundleName) }
        return ClassificationRun(
            classifier.look, labels: labels.flatMap { classifier.words?.features(of: $0) },
            samplesAtOnce: engine.maximumBatch)
    }
}
