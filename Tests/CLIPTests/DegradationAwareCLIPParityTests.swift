import CLIP
import Checkpoints
import Compute
import TestSupport
import Testing

/// The recorded encoding of pictures and prompts, every intermediate included, from each file that holds the weights.
@Suite(
    "DA-CLIP parity",
    .enabled(if: ParityFolder.current.has("daclip_small_io.safetensors", "config.json"), "needs daclip_small_io"))
struct DegradationAwareCLIPParityTests {
    static let file = "daclip_small_io.safetensors"
    static let weights = ["daclip_small.pth", "daclip_small.safetensors"].filter { ParityFolder.current.has($0) }

    private func model(_ weights: String, usesQuickGELU: Bool = false) throws -> DegradationAwareCLIP {
        var configuration = try DegradationAwareCLIPConfiguration(
            ParityFolder.current.configuration().object("daclip_small"))
        configuration.usesQuickGELU = usesQuickGELU
        let dictionary = try StateDict(contentsOf: ParityFolder.current.path(weights))
        return try DegradationAwareCLIP(ParameterReader(dictionary), configuration: configuration, labelCount: 0)
    }

    /// Token ids of the prompts, from `tokenizer.safetensors`.
    private func sequences(_ name: String) throws -> [[Int32]]? {
        guard ParityFolder.current.has("tokenizer.safetensors") else { return nil }
        let dictionary = try StateDict(contentsOf: ParityFolder.current.path("tokenizer.safetensors"))
        let tensor = try #require(dictionary[name])
        let ids = tensor.floats().map { Int32($0) }
        return (0..<tensor.shape[0]).map { Array(ids[$0 * tensor.shape[1]..<($0 + 1) * tensor.shape[1]]) }
    }

    @Test("every recorded stage is reproduced", arguments: weights)
    func stages(weights: String) throws {
        let model = try model(weights)
        let recorded = try StateDict(contentsOf: ParityFolder.current.path(Self.file))
        let workspace = Workspace(threads: 2)
        let checker = StageChecker(file: Self.file, recorded: recorded)

        let input = try #require(recorded["input.image"])
        let images = Tensor(
            channelsFirst: input.floats(), batch: input.shape[0], channels: 3, height: input.shape[2],
            width: input.shape[3], pool: workspace.pool)
        let embeddings = model(images, observe: { checker.check(stage: $0, $1) }, in: workspace)
        checker.check("control.projected__degra_features", embeddings.flatMap(\.degradation))
        checker.check("image.projected__image_features", embeddings.flatMap(\.content))
        checker.check("degra_features_normalized", embeddings.flatMap(\.degradation.normalised))
        checker.check("image_features_normalized", embeddings.flatMap(\.content.normalised))
        let plain = model.encoder(images, in: workspace).values
        let width = plain.count / input.shape[0]
        let rows = stride(from: 0, to: plain.count, by: width).map { Array(plain[$0..<$0 + width]) }
        checker.check("image_features_no_control", plain)
        checker.check("image_features_no_control_normalized", rows.flatMap(\.normalised))
        let scale = try #require(model.logitScale)
        checker.check("logit_scale_exp", [scale])

        guard try checkTexts(model, checker, workspace) else { return }
        try checkProbabilities(embeddings, scale: scale, recorded, checker)
        #expect(checker.unchecked.isEmpty, "recorded but not compared: \(checker.unchecked)")
    }

    @Test("quick_gelu changes what every tower computes, by what the two activations differ")
    func quickGELU() throws {
        let recorded = try StateDict(contentsOf: ParityFolder.current.path(Self.file))
        let input = try #require(recorded["input.image"])
        let workspace = Workspace(threads: 1)
        let images = Tensor(
            channelsFirst: input.floats(), batch: input.shape[0], channels: 3, height: input.shape[2],
            width: input.shape[3], pool: workspace.pool)
        let models = try [false, true].map { try model(Self.weights[0], usesQuickGELU: $0) }
        let (exact, quick) = (models[0](images, in: workspace), models[1](images, in: workspace))
        let sequences = [[Int32](repeating: 7, count: 77)]
        let texts = models.map { $0.text?(sequences, in: workspace).values ?? [] }
        for (left, right) in [
            (exact[0].degradation, quick[0].degradation), (exact[0].content, quick[0].content), (texts[0], texts[1]),
        ] {
            let difference = zip(left, right).map { abs($0 - $1) }.max() ?? 0
            let largest = left.map(abs).max() ?? 0
            #expect(difference > 1e-5 * largest && difference < 0.2 * largest, "\(difference) of \(largest)")
        }
    }

    /// - Returns: whether the prompts' ids are there.
    private func checkTexts(
        _ model: DegradationAwareCLIP, _ checker: StageChecker, _ workspace: Workspace
    ) throws -> Bool {
        let text = try #require(model.text)
        for prompts in ["degradations", "prompts"] {
            guard let sequences = try sequences("\(prompts).ids") else { return false }
            let features = text(
                sequences, observe: { checker.check(stage: "text.\(prompts).\($0)", $1) }, in: workspace)
            let width = features.channels
            let rows = (0..<sequences.count).map { Array(features.values[$0 * width..<($0 + 1) * width]) }
            checker.check("text.\(prompts).features", rows.flatMap(\.self))
            checker.check("text.\(prompts).features_normalized", rows.flatMap(\.normalised))
        }
        return true
    }

    private func checkProbabilities(
        _ embeddings: [DegradationAwareCLIP.Embeddings], scale: Float, _ recorded: StateDict,
        _ checker: StageChecker
    ) throws {
        let tensor = try #require(recorded["text.degradations.features"])
        let (count, width) = (tensor.shape[0], tensor.shape[1])
        let values = tensor.floats()
        let features = (0..<count).map { Array(values[$0 * width..<($0 + 1) * width]) }
        for (name, vectors) in [
            ("degra", embeddings.map(\.degradation)), ("image", embeddings.map(\.content)),
        ] {
            for (suffix, factor) in [("softmax_100", Float(100)), ("softmax_10", 10), ("softmax_logit_scale", scale)] {
                let classifier = ZeroShotClassifier(
                    labels: (0..<count).map { "\($0)" }, features: features, logitScale: factor)
                checker.check("probs.\(name).\(suffix)", vectors.flatMap(classifier.probabilities))
            }
            let directions = features.map(\.normalised)
            let logits = vectors.map(\.normalised).flatMap { vector in
                directions.map { 100 * zip($0, vector).reduce(0) { $0 + $1.0 * $1.1 } }
            }
            checker.check("probs.\(name).logits_100", logits)
        }
    }
}
