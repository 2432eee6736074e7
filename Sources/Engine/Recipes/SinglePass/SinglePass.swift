import Bundles
import Checkpoints
import Compute

/// One evaluation a picture: a network that takes away what the bundle says, what a look finds, or what the request says in
/// words.
struct SinglePass: Recipe {
    let description: RecipeDescription
    private let bundleName: String
    private let classifier: BundleClassifier?
    private let treatments: Treatments
    private let encoder: InstructionEncoder?
    private let planner: SinglePassPlanner
    private let engine: EngineConfiguration

    /// Builds the network and measures what it needs.
    ///
    /// - Throws: `BundleError` where tensors or sizes don't fit.
    init(_ kind: SinglePassKind, _ bundle: Bundles.Bundle, engine: EngineConfiguration) throws {
        let classifier = try BundleClassifier.read(bundle, engine: engine)
        let labels = classifier?.labels ?? bundle.manifest.labels
        let member = try SinglePassReader(bundle: bundle, classifier: classifier, choose: engine.precision(among:))
            .member(kind, in: bundle.configuration, labels: labels)
        let restored = try Self.restored(bundle.configuration, labels: labels)
        try bundle.finish()
        bundleName = bundle.manifest.name
        self.classifier = classifier
        self.engine = engine
        encoder = member.encoder
        planner = SinglePassPlanner(of: [member], memoryBudget: engine.memoryPerWorker)
        let treated = restored.filter { label in member.instructions.map { $0[label] != nil } ?? true }
        treatments = Self.treatments(of: member, labels: treated)
        let outline = classifier.map { BundleClassifier.Outline(labels: $0.labels, takesOwnLabels: $0.words != nil) }
        var description = Self.description(outline, labels: labels, treated: treated, takesWords: member.encoder != nil)
        description.precisions = [kind.rawValue: member.precision]
        self.description = description
    }

    /// What a bundle of such a kind offers.
    ///
    /// - Throws: the first value of its configuration that can't be, with its place.
    static func description(of outline: BundleOutline) throws(BundleError) -> RecipeDescription {
        let classifier = try BundleClassifier.outline(of: outline)
        let labels = classifier?.labels ?? outline.manifest.labels
        var treated = try restored(outline.configuration, labels: labels)
        let takesWords = outline.configuration.has("words")
        if takesWords {
            let sentences = try reading { () throws(ConfigurationError) in
                try outline.configuration.object("words").optionalObject("sentences")
            }
            treated = treated.filter { sentences?.has($0) ?? false }
        }
        return description(classifier, labels: labels, treated: treated, takesWords: takesWords)
    }

    private static func description(
        _ classifier: BundleClassifier.Outline?, labels: [String], treated: [String], takesWords: Bool
    ) -> RecipeDescription {
        var options: Set<RestorationOption> = [.mode, .tile, .overlap]
        if !treated.isEmpty { options.insert(.degradation) }
        if classifier != nil { options.formUnion([.rounds, .force]) }
        if takesWords { options.insert(.prompt) }
        return RecipeDescription(
            labels: labels, classifies: classifier != nil, takesOwnLabels: classifier?.takesOwnLabels ?? false,
            options: options, modes: [.fast])
    }

    /// Labels that the bundle is for: all, or those it names. The clean need nothing.
    static func restored(
        _ configuration: ConfigurationReader, labels: [String]
    ) throws(BundleError) -> [String] {
        let named = try reading { () throws(ConfigurationError) in try configuration.texts("restores") } ?? labels
        if let unknown = named.first(where: { !labels.contains($0) }) {
            throw .malformed(configuration.fault(
                "restores", "expected labels among \(labels.joined(separator: ", ")), found "
                    + ConfigurationReader.shown(unknown)))
        }
        return labels.filter { named.contains($0) && $0 != Look.cleanLabel }
    }

    private static func treatments(of member: SinglePassReader.Member, labels: [String]) -> Treatments {
        func treatment(_ label: String?) -> Treatment {
            Treatment(
                network: member.network, number: 0, instruction: label.flatMap { member.instructions?[$0] } ?? [],
                isOfScene: label.map(Scene.labels.contains) ?? false)
        }
        // One label is what the bundle is for, whether or not it is named.
        return Treatments(
            standard: treatment(labels.count == 1 ? labels[0] : nil),
            byLabel: Dictionary(uniqueKeysWithValues: labels.map { ($0, treatment($0)) }))
    }

    // MARK: Runs

    func restoration(
        width: Int, height: Int, options: RestorationOptions
    ) throws(RestorationError) -> any RecipeRun<RestorationResult> {
        let tiles = try planner.plan(width: width, height: height, tile: options.tile, overlap: options.overlap)
        for label in options.degradations ?? [] where treatments[label] == nil {
            throw .option(OptionFault(
                .degradation, label,
                expected: "auto or labels among \(treatments.byLabel.keys.sorted().joined(separator: ", "))"))
        }
        let batch = SinglePassTiles.maximumBatch(
            width: tiles.tileWidth, height: tiles.tileHeight, limit: engine.maximumBatch)
        let tilesAtOnce = min(tiles.count, batch * engine.workers)
        var instruction: Instruction?
        if let prompt = options.prompt, let encoder { instruction = Instruction(prompt, encoder: encoder) }
        let restorer = SinglePassTiles(
            treatments: treatments, instruction: instruction, tileCount: tiles.count, planner: planner,
            maximumBatch: engine.maximumBatch)
        if let classifier, instruction == nil {
            return RestorationRun(
                look: classifier.look, tiles: tiles, restorer: restorer, tilesAtOnce: tilesAtOnce, options: options, words: nil)
        }
        return LabelledRun(
            tiles: tiles, restorer: restorer, tilesAtOnce: tilesAtOnce, labels: try labels(options))
    }

    /// What is treated where nobody looks at the picture.
    private func labels(_ options: RestorationOptions) throws(RestorationError) -> [String?] {
        if options.prompt != nil { return [nil] }
        if let labels = options.degradations { return labels }
        let known = treatments.byLabel.keys.sorted()
        guard encoder != nil, known.count != 1 else { return [known.count == 1 ? known[0] : nil] }
        // A network that takes words does nothing without any.
        throw .option(OptionFault(
            .prompt, "", expected: "an instruction"
                + (known.isEmpty ? "" : ", or degradation one of \(known.joined(separator: ", "))")
                + ": this bundle can't tell by itself what is wrong"))
    }

    func classification(labels: [String]?) throws(RestorationError) -> any RecipeRun<Classification> {
        guard let classifier else { throw .notOffered("classification", bundle: bundleName) }
        if labels != nil, classifier.words == nil { throw .needsTextTower(bundle: bundleName) }
        return ClassificationRun(
            classifier.look, labels: labels.flatMap { classifier.words?.features(of: $0) },
            samplesAtOnce: engine.maximumBatch)
    }
}
