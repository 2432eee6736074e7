import Bundles
import Checkpoints
import Compute
import GuidedRestoration

/// One evaluation a picture with the help of a reference: a network that borrows from another picture what the degraded one has
/// lost. Where the guidance comes from is a `GuidanceSource`.
///
///     "network_g": {"type": "NAFNetRefFusion", "file": ..., "width": 64, ...}, "needs_reference": true, "words": {...}
///
/// With `after` it follows the diffusion of a bundle beside it, and without a reference that is all there is:
///
///     "after": {"bundle": "mini"}
struct Guided: Recipe {
    static let kind = "guided"

    let description: RecipeDescription
    let weightBytes: Int?
    private let bundleName: String
    private let network: any GuidedNetwork
    private let classifier: BundleClassifier?
    /// What goes before; nil where the degraded picture itself is restored.
    private let first: DegradationAwareDiffusion?
    private let treated: [String]
    private let needsReference: Bool
    /// Draws a reference; nil where the bundle has nothing that could.
    private let drawing: GuidanceDrawing?
    private let memory: GuidedMemory
    private let planner: SinglePassPlanner
    private let referenceSize: ReferenceSize
    private let cache: ReferenceCache
    private let engine: EngineConfiguration

    /// Builds the network and measures what it needs.
    ///
    /// - Throws: `BundleError` where tensors or sizes don't fit.
    init(_ bundle: Bundles.Bundle, engine: EngineConfiguration) throws {
        let first = try Self.first(bundle.configuration).map { section in
            let neighbour = try bundle.neighbour(of: section)
            try Self.checkDiffuses(neighbour.manifest, section)
            return try DegradationAwareDiffusion(neighbour, engine: engine)
        }
        let classifier = try first.flatMap(BundleClassifier.init) ?? BundleClassifier.read(bundle, engine: engine)
        let labels = classifier?.labels ?? bundle.manifest.labels
        let (network, precision) = try bundle.guidedNetwork(choosing: engine.precision(among:))
        treated = first == nil ? try SinglePass.restored(bundle.configuration, labels: labels) : labels
        needsReference = try first == nil && Self.needsReference(bundle.configuration)
        let networkBytes = bundle.weightBytes
        let words = try bundle.drawnGuidance(choosing: engine.precision(among:))
        try bundle.finish()
        bundleName = bundle.manifest.name
        self.network = network
        self.classifier = classifier
        self.first = first
        self.engine = engine
        let configuration = network.guidance.configuration
        let memory = GuidedMemory(measuring: network, threads: engine.threadsPerEvaluation)
        self.memory = memory
        let side = memory.largestReference(within: engine.memoryPerWorker)
        let kept = memory.keptBytes(width: side, height: side)
        referenceSize = ReferenceSize(configuration, pixels: side * side)
        planner = SinglePassPlanner(
            alignment: 1 << (configuration.levels - 1), mostSide: GuidedTiles.mostSide,
            memoryBudget: engine.memoryPerWorker) { memory.restorationBytes(width: $0, height: $1) + kept }
        // The cache is counted with the weights, for it stays as long.
        cache = ReferenceCache(limit: min(ReferenceLimits.cacheBytes, ReferenceLimits.cachedReferences * kept))
        weightBytes = networkBytes + (words?.networks.weightBytes ?? 0) + cache.limit
        drawing = words.map { GuidanceDrawing($0.networks, maximumBatch: engine.maximumBatch, sharedBy: bundle.loop) }
        let outline = classifier.map { BundleClassifier.Outline(labels: $0.labels, takesOwnLabels: $0.words != nil) }
        var description = first.map { Self.description(following: $0.description) } ?? Self.description(
            outline, labels: labels, treated: treated, drawing: words?.networks.configuration.defaults)
        description.precisions = (description.precisions ?? [:]).merging([GuidedNetworkKind.section: precision]) { $1 }
        if let words { description.precisions?[DrawnGuidanceConfiguration.section] = words.precision }
        self.description = description
    }

    /// What a bundle of this kind offers.
    ///
    /// - Throws: the first value of its configuration that can't be, with its place.
    static func description(of outline: BundleOutline) throws(BundleError) -> RecipeDescription {
        if let section = try first(outline.configuration) {
            let neighbour = try outline.neighbour(of: section)
            try checkDiffuses(neighbour.manifest, section)
            return description(following: try DegradationAwareDiffusion.description(of: neighbour))
        }
        let classifier = try BundleClassifier.outline(of: outline)
        let labels = classifier?.labels ?? outline.manifest.labels
        let treated = try SinglePass.restored(outline.configuration, labels: labels)
        _ = try needsReference(outline.configuration)
        let words = try reading { () throws(ConfigurationError) in
            try outline.configuration.optionalObject(DrawnGuidanceConfiguration.section)
                .map { section throws(ConfigurationError) in try DrawnGuidanceConfiguration(section) }
        }
        return description(classifier, labels: labels, treated: treated, drawing: words?.defaults)
    }

    private static func description(
        _ classifier: BundleClassifier.Outline?, labels: [String], treated: [String],
        drawing: DrawnGuidanceConfiguration.Defaults?
    ) -> RecipeDescription {
        var options: Set<RestorationOption> = [.mode, .reference, .tile, .overlap]
        if !treated.isEmpty { options.insert(.degradation) }
        if classifier != nil { options.formUnion([.rounds, .force]) }
        if drawing != nil { options.formUnion([.guidance, .sampler, .steps, .seed]) }
        return RecipeDescription(
            labels: labels, classifies: classifier != nil, takesOwnLabels: classifier?.takesOwnLabels ?? false,
            samplers: drawing.map { GuidanceDrawing.samplers($0) } ?? [], options: options, drawsGuidance: drawing != nil,
            modes: [.fast])
    }

    /// Of a network that follows a diffusion.
    private static func description(following first: RecipeDescription) -> RecipeDescription {
        var description = first
        description.options.insert(.reference)
        return description
    }

    /// The object that names the bundle whose restoration goes before; nil without one.
    private static func first(_ configuration: ConfigurationReader) throws(BundleError) -> ConfigurationReader? {
        guard configuration.has("after") else { return nil }
        for other in ["classifier", "daclip", "restores", "needs_reference", DrawnGuidanceConfiguration.section]
        where configuration.has(other) {
            throw .malformed(configuration.fault(other, "expected nothing beside after, whose bundle looks and treats"))
        }
        return try reading { () throws(ConfigurationError) in try configuration.object("after") }
    }

    private static func checkDiffuses(
        _ manifest: BundleManifest, _ section: ConfigurationReader
    ) throws(BundleError) {
        guard manifest.kind == DegradationAwareNetworks.kind else {
            throw .malformed(section.fault(
                "bundle", "expected one of the kind \(DegradationAwareNetworks.kind), found \(ConfigurationReader.shown(manifest.kind))"))
        }
    }

    /// Whether nothing is restored without one; else the picture itself stands in.
    private static func needsReference(_ configuration: ConfigurationReader) throws(BundleError) -> Bool {
        try reading { () throws(ConfigurationError) in try configuration.flag("needs_reference", default: true) }
    }

    // MARK: Runs

    func restoration(
        width: Int, height: Int, options: RestorationOptions
    ) throws(RestorationError) -> any RecipeRun<RestorationResult> {
        if let first, let look = first.look {
            return try restoration(width: width, height: height, options: options, following: first, look: look)
        }
        let tiles = try planner.plan(width: width, height: height, tile: options.tile, overlap: options.overlap)
        for label in options.degradations ?? [] where !treated.contains(label) {
            throw .option(OptionFault(
                .degradation, label, expected: "auto or labels among \(treated.sorted().joined(separator: ", "))"))
        }
        let source = try guidance(options, width: width, height: height)
        let restorer = self.tiles(guidedBy: source)
        let batch = SinglePassTiles.maximumBatch(
            width: tiles.tileWidth, height: tiles.tileHeight, limit: engine.maximumBatch)
        let tilesAtOnce = min(tiles.count, batch * engine.workers)
        if let classifier {
            return GuidedRun(
                RestorationRun(
                    look: classifier.look, tiles: tiles, restorer: restorer, tilesAtOnce: tilesAtOnce, options: options,
                    words: nil),
                lead: 1, guidedBy: source)
        }
        let labels: [String?] = options.degradations.map { $0 } ?? [treated.count == 1 ? treated[0] : nil]
        return GuidedRun(
            LabelledRun(tiles: tiles, restorer: restorer, tilesAtOnce: tilesAtOnce, labels: labels), lead: 0,
            guidedBy: source)
    }

    /// A diffusion's restoration and, where there is a reference, what is borrowed behind it.
    private func restoration(
        width: Int, height: Int, options: RestorationOptions, following first: DegradationAwareDiffusion, look: Look
    ) throws(RestorationError) -> any RecipeRun<RestorationResult> {
        guard options.reference != nil else { return try first.restoration(width: width, height: height, options: options) }
        let diffusion = try first.restorer(options)
        let tiles = try planner.joined(with: first.planner, bytesPerPixel: diffusion.bytesPerPixel)
            .plan(width: width, height: height, tile: options.tile, overlap: options.overlap)
        let source = try guidance(options, width: width, height: height)
        let restorer = FollowingTiles(first: diffusion, guided: self.tiles(guidedBy: source))
        let batch = DiffusionTiles.maximumBatch(
            width: tiles.tileWidth, height: tiles.tileHeight, limit: engine.maximumBatch)
        let run = first.run(
            of: tiles, by: restorer, tilesAtOnce: min(tiles.count, batch * engine.workers), options: options, look: look)
        return GuidedRun(run, lead: run.lead, guidedBy: source)
    }

    private func tiles(guidedBy source: any GuidanceSource) -> GuidedTiles {
        GuidedTiles(
            network: network, guidance: source, treated: Set(treated), memory: memory, featureBytes: source.featureBytes,
            maximumBatch: engine.maximumBatch)
    }

    /// Where the guidance of a request comes from.
    ///
    /// - Parameter width: of the picture; likewise `height`.
    /// - Throws: `needsReference`.
    private func guidance(
        _ options: RestorationOptions, width: Int, height: Int
    ) throws(RestorationError) -> any GuidanceSource {
        if options.drawsGuidance {
            guard let drawing else { throw .internalFault("a guidance that nothing here draws") }
            let reference = ReferenceGuidance(
                network, memory: memory, cache: cache, takesReference: true, size: referenceSize.size(ofDrawing: drawing.side))
            return WordsGuidance(try drawing.run(options), shownTo: reference)
        }
        let reference = options.reference
        guard reference != nil || !needsReference else { throw .needsReference(bundle: bundleName) }
        return ReferenceGuidance(
            network, memory: memory, cache: cache, takesReference: reference != nil,
            size: referenceSize.size(width: reference?.width ?? width, height: reference?.height ?? height))
    }

    func classification(labels: [String]?) throws(RestorationError) -> any RecipeRun<Classification> {
        guard let classifier else { throw .notOffered("classification", bundle: bundleName) }
        if labels != nil, classifier.words == nil { throw .needsTextTower(bundle: bundleName) }
        return ClassificationRun(
            classifier.look, labels: labels.flatMap { classifier.words?.features(of: $0) },
            samplesAtOnce: engine.maximumBatch)
    }
}
