import CLIP
import Checkpoints
import Compute
import Foundation
import TestSupport
import Testing

/// The recorded evaluations of CLIP's towers, in each layout.
@Suite("CLIP tower parity", .enabled(if: LatentFixtures.folder.has("config.json")))
struct TowerParityTests {
    static func text(_ name: String) throws -> (sizes: DegradationAwareCLIPConfiguration.Text, embedding: Int?, activation: Activation) {
        let section = try LatentFixtures.section(name, "text")
        let sizes = DegradationAwareCLIPConfiguration.Text(
            contextLength: try section.size("context_length", 1...1_000), vocabularySize: try section.size("vocab_size", 1...100_000),
            width: try section.size("width", 1...9_000), heads: try section.size("heads", 1...99),
            layers: try section.size("layers", 1...99))
        let isQuick = try section.text("activation", upTo: 99) == "quick_gelu"
        return (sizes, try section.optionalSize("embed_dim", 1...9_000), isQuick ? .quickGELU : .gelu)
    }

    /// The text tower of a system's own file.
    static func textTower(_ name: String) throws -> TextTransformer {
        let (sizes, embedding, activation) = try text(name)
        let isOriginal = try LatentFixtures.section(name, "text").text("layout", upTo: 99) == "open_clip"
        let prefix = "cond_stage_model." + (isOriginal ? "model." : "transformer.")
        let parameters = try LatentFixtures.parameters(name, prefix: prefix)
        let tower = try TextTransformer(
            parameters, layout: isOriginal ? .original : .huggingFace, configuration: sizes, activation: activation,
            embeddingWidth: embedding)
        parameters.ignore(prefix: "logit_scale")
        try parameters.finish()
        return tower
    }

    @Test("text in Hugging Face's layout", arguments: Workspace.kernelSetNames)
    func first(kernels: String) throws {
        let file = "text_sd1_io.safetensors"
        let checker = try LatentFixtures.checker(file)
        let tower = try Self.textTower("sd1")
        for index in 0..<tower.configuration.layers { checker.alias("resblock\(index)", "layers.\(index)") }
        checker.alias("ln_final", "last_hidden_state")
        _ = tower.states(
            try LatentFixtures.recorded(file).sequences("input.ids"), observe: { checker.check(stage: $0, $1) },
            in: Workspace(threads: 2, kernels: kernels))
        // Branches before they are added, which the fused layers never have by themselves.
        let unchecked = checker.unchecked.filter { !$0.hasSuffix(".mlp") && !$0.hasSuffix(".self_attn") }
        #expect(unchecked.isEmpty, "recorded but not compared: \(unchecked)")
    }

    @Test("text in OpenCLIP's layout, which stops a layer early", arguments: Workspace.kernelSetNames)
    func second(kernels: String) throws {
        let file = "text_sd2_io.safetensors"
        let checker = try LatentFixtures.checker(file)
        let tower = try Self.textTower("sd2")
        let ids = try LatentFixtures.recorded(file).sequences("input.ids")
        let workspace = Workspace(threads: 2, kernels: kernels)
        for index in 0..<tower.configuration.layers { checker.alias("resblock\(index)", "resblocks.\(index)") }
        let early = tower.states(
            ids, layers: tower.configuration.layers - 1, observe: { checker.check(stage: $0, $1) }, in: workspace)
        checker.check("penultimate_ln_final", early.values)
        let last = tower.states(ids, in: workspace)
        checker.check("last_ln_final", last.values)
        checker.check("text_features", tower.embeddings(of: last, ids, in: workspace).values)
        #expect(checker.unchecked.isEmpty, "recorded but not compared: \(checker.unchecked)")
    }

    @Test("OpenCLIP's picture tower, with heads of its own width", arguments: Workspace.kernelSetNames)
    func pictures(kernels: String) throws {
        let file = "openclip_visual_io.safetensors"
        let section = try LatentFixtures.section("sd2", "visual")
        let parameters = ParameterReader(try LatentFixtures.weights("openclip_visual"))
        let tower = try VisionTransformer(
            parameters, layout: .original,
            configuration: .init(
                imageSize: section.size("image_size", 1...1_000), layers: section.size("layers", 1...99),
                width: section.size("width", 1...9_000), patchSize: section.size("patch_size", 1...99),
                headWidth: section.size("head_width", 1...999)),
            activation: .gelu, embeddingWidth: section.size("embed_dim", 1...9_000))
        try parameters.finish()
        let checker = try LatentFixtures.checker(file)
        Self.observeVision(checker, prefix: "", layers: 99)
        let workspace = Workspace(threads: 2, kernels: kernels)
        let features = try Self.features(tower, file, checker, in: workspace)
        checker.check("image_features", features)
        #expect(checker.unchecked.isEmpty, "recorded but not compared: \(checker.unchecked)")
    }

    private static func observeVision(_ checker: StageChecker, prefix: String, layers: Int) {
        checker.alias("after_ln_pre", "\(prefix)ln_pre")
        checker.alias("pooled_cls_after_ln_post", "\(prefix)ln_post_cls")
        for index in 0..<layers { checker.alias("resblock\(index)", "\(prefix)resblocks.\(index)") }
    }

    private static func features(
        _ tower: VisionTransformer, _ file: String, _ checker: StageChecker, in workspace: Workspace
    ) throws -> [Float] {
        let (pictures, height, width) = try LatentFixtures.recorded(file).maps("input.image")
        let images = Tensor(
            pictures.flatMap(\.self), batch: pictures.count, height: height, width: width, channels: 3, pool: workspace.pool)
        return tower(images, observe: { checker.check(stage: $0, $1) }, in: workspace).values
    }

    @Test("a whole CLIP in the original layout", arguments: Workspace.kernelSetNames)
    func whole(kernels: String) throws {
        let file = "clip_openai_io.safetensors"
        let section = try LatentFixtures.section("clip")
        let parameters = ParameterReader(try LatentFixtures.weights("clip_openai"))
        let embedding = try section.size("embed_dim", 1...9_000)
        let width = try section.size("vision_width", 64...9_000)
        let vision = try VisionTransformer(
            parameters, layout: .original,
            configuration: .init(
                imageSize: section.size("image_resolution", 1...1_000), layers: section.size("vision_layers", 1...99),
                width: width, patchSize: section.size("vision_patch_size", 1...99), headWidth: 64),
            activation: .quickGELU, embeddingWidth: embedding)
        let text = try TextTransformer(
            parameters, layout: .original,
            configuration: .init(
                contextLength: section.size("context_length", 1...1_000),
                vocabularySize: section.size("vocab_size", 1...100_000), width: section.size("transformer_width", 1...9_000),
                heads: section.size("transformer_heads", 1...99), layers: section.size("transformer_layers", 1...99)),
            activation: .quickGELU, embeddingWidth: embedding)
        let scale = try parameters.take("logit_scale", [])[0]
        for name in ["input_resolution", "context_length", "vocab_size"] { parameters.ignore(prefix: name) }
        try parameters.finish()

        let workspace = Workspace(threads: 2, kernels: kernels)
        let checker = try LatentFixtures.checker(file)
        Self.observeVision(checker, prefix: "visual.", layers: vision.configuration.layers)
        let images = try Self.features(vision, file, checker, in: workspace)
        checker.check("image_features", images)
        for index in 0..<text.configuration.layers { checker.alias("resblock\(index)", "text.resblocks.\(index)") }
        checker.alias("ln_final", "text.ln_final")
        let ids = try LatentFixtures.recorded(file).sequences("input.ids")
        let words = text(ids, observe: { checker.check(stage: $0, $1) }, in: workspace).values
        checker.check("text_features", words)
        let logits = Self.cosines(images, words, width: embedding).map { $0 * Foundation.exp(scale) }
        checker.check("logits_per_image", logits)
        #expect(checker.unchecked.isEmpty, "recorded but not compared: \(checker.unchecked)")
    }

    private static func cosines(_ first: [Float], _ second: [Float], width: Int) -> [Float] {
        func units(_ values: [Float]) -> [[Float]] {
            (0..<values.count / width).map { row in
                let vector = values[row * width..<(row + 1) * width]
                let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
                return vector.map { $0 / length }
            }
        }
        return units(first).flatMap { a in units(second).map { b in zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } } }
    }
}
