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
        let member = try SinglePassReader(bundle: bundle, classifier: classifier)
            .member(kind, in: bundle.configuration, labels: labels)
        let restored = try reading { () throws(ConfigurationError) in try bundle.configuration.texts("restores") } ?? labels
        if let unknown = restored.first(where: { !labels.contains($0) }) {
            throw BundleError.malformed(bundle.configuration.fault(
                "restores", "expected labels among \(labels.joined(separator: ", ")), found "
                    + ConfigurationReader.shown(unknown)))
        }
        try bundle.finish()
        let treatments = Self.treatments(of: member, labels: labels.filter(restored.contains))
        self.init(
            bundleName: bundle.manifest.name, classifier: classifier, labels: labels, treatments: treatments,
            encoder: member.encoder, needsLook: member.needsLook,
            planner: SinglePassPlanner(
                memory: SinglePassMemory(measuring: member.network, condition: member.condition),
                alignment: member.network.alignment, mostSide: member.network.mostSide,
                memoryBudget: engine.memoryPerWorker), engine: engine)
    }

    init(
        bundleName: String, classifier: BundleClassifier?, labels: [String], treatments: Treatments,
        encoder: InstructionEncoder?, needsLook: Bool, planner: SinglePassPlanner, engine: EngineConfiguration
    ) {
        self.bundleName = bundleName
        self.classifier = classifier
        self.treatments = treatments
        self.encoder = encoder
        self.planner = planner
        self.engine = engine
        var options: Set<RestorationOption> = [.tile, .overlap]
        if !treatments.byLabel.isEmpty { options.insert(.degradation) }
        if classifier != nil { options.formUnion([.rounds, .force]) }
        if encoder != nil { options.insert(.prompt) }
        description = RecipeDescription(
            labels: labels, classifies: classifier != nil, takesOwnLabels: classifier?.words != nil, options: options)
    }

    /// The clean need nothing. A network that takes words does what the bundle has a sentence for.
    private static func treatments(of member: SinglePassReader.Member, labels: [String]) -> Treatments {
        func treatment(_ label: String?) -> Treatment {
            Treatment(
                network: member.network, number: 0, instruction: label.flatMap { member.instructions?[$0] } ?? [],
                isOfScene: label.map(Scene.labels.contains) ?? false)
        }
        let treated = labels.filter { label in
            label != Look.cleanLabel && (member.instructions.map { $0[label] != nil } ?? true)
        }
        // One label is what the bundle is for, whether or not it is named.
        let standard = treated.count == 1 ? treated[0] : nil
        return Treatments(
            standard: treatment(standard),
            byLabel: Dictionary(uniqueKeysWithValues: treated.map { ($0, treatment($0)) }))
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
            treatments: treatments, instruction: instruction, tileCount: tiles.count, memory: planner.memory,
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
