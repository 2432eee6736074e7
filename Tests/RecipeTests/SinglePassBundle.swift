import Bundles
import CLIP
import Checkpoints
import ConditionalNAFNet
import Engine
import Foundation
import GuidedRestoration
import InstructIR
import NAFNet
import PromptIR
import RestorationUNet
import Restormer
import SentenceEncoder
import TestSupport

/// A bundle of a network of one evaluation in a folder of its own, small and with random weights.
final class SinglePassBundle: Sendable {
    let folder: URL

    static var trunk: [String: Any] {
        ["width": 8, "enc_blk_nums": [1, 1], "middle_blk_num": 2, "dec_blk_nums": [1, 1]]
    }

    static var body: [String: Any] {
        [
            "dim": 8, "num_blocks": [1, 1, 1, 1], "num_refinement_blocks": 1, "heads": [1, 2, 2, 4],
            "ffn_expansion_factor": 2.66, "LayerNorm_type": "WithBias",
        ]
    }

    static let sentences = ["noisy": "remove the noise", "hazy": "clear the haze"]
    static let embeddingWidth = 6

    /// - Parameters:
    ///   - kind: of the bundle.
    ///   - members: of `bundle.json`, in place of what is there or beside it.
    ///   - classifier: whether it has one, whose labels are `labels`.
    ///   - weights: the range that those of the network are in.
    init(
        _ kind: String, labels: [String] = [], classifier: Bool = false, seed: UInt64 = 1,
        weights: ClosedRange<Float> = -0.2...0.2, _ members: [String: Any] = [:]
    ) throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("restored-single-pass-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        var manifest: [String: Any] = [
            "kind": kind, "name": "small-\(kind)", "version": "1", "licence": "none: random numbers",
            "trainingDataTerms": "none",
        ]
        if !labels.isEmpty { manifest["labels"] = labels }
        if classifier {
            manifest["logit_scale"] = 100
            manifest["daclip"] = try Self.classifier(folder, labels: labels.count, seed: seed)
        }
        try manifest.merge(Self.network(kind, labels: labels, folder, seed: seed, weights: weights)) { $1 }
        manifest.merge(members) { $1 }
        try write(manifest)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func write(_ manifest: [String: Any]) throws {
        try JSONSerialization.data(withJSONObject: manifest).write(to: folder.appendingPathComponent("bundle.json"))
    }

    func engine(_ configure: (inout EngineConfiguration) -> Void = { _ in }) throws -> RecipeEngine {
        var configuration = EngineConfiguration()
        configure(&configuration)
        return try RecipeEngine(Bundles.Bundle.load(folder.path), configuration: configuration)
    }

    // MARK: Parts

    /// The sections of a kind, whose files are written into a folder.
    static func network(
        _ kind: String, labels: [String], _ folder: URL, seed: UInt64, weights: ClosedRange<Float>
    ) throws -> [String: Any] {
        func section(
            _ sizes: [String: Any], _ build: (ParameterReader, ConfigurationReader) throws -> Void
        ) throws -> [String: Any] {
            try self.section(kind, sizes, folder, seed: seed, weights: weights, build)
        }
        switch kind {
        case "nafnet":
            return [kind: try section(trunk) { _ = try NAFNet($0, configuration: NAFNetConfiguration($1)) }]
        case "conditional-nafnet":
            let sizes = trunk.merging(
                ["context_dim": embeddingWidth, "use_degradation": true, "use_content": false]) { $1 }
            return [kind: try section(sizes) {
                _ = try ConditionalNAFNet($0, configuration: ConditionalNAFNetConfiguration($1))
            }]
        case "instructir":
            let sizes = trunk.merging(["txtdim": 10]) { $1 }
            return [
                kind: try section(sizes) { _ = try InstructIR($0, configuration: InstructIRConfiguration($1)) },
                "words": try words(labels, folder, seed: seed),
            ]
        case "restormer":
            return [kind: try section(body) { _ = try Restormer($0, configuration: RestormerConfiguration($1)) }]
        case "promptir":
            let sizes = body.merging(["prompt_dims": [4, 8, 16], "prompt_sizes": [8, 4, 2]]) { $1 }
            return [kind: try section(sizes) { _ = try PromptIR($0, configuration: PromptIRConfiguration($1)) }]
        case "guided":
            let sizes: [String: Any] = [
                "type": "NAFNetRefFusion", "width": 4, "enc_blk_nums": [1, 1], "middle_blk_num": 1, "dec_blk_nums": [1, 1],
                "ext_n_blocks": [1, 1, 1], "reffusion_n_blocks": [1, 1],
            ]
            return ["network_g": try self.section("network_g", sizes, folder, seed: seed, weights: weights) {
                _ = try GuidedNAFNet($0, configuration: GuidedNAFNetConfiguration($1))
            }]
        case "daclip-ir-sde":
            let sizes: [String: Any] = [
                "in_nc": 3, "out_nc": 3, "nf": 8, "ch_mult": [1, 1], "context_dim": embeddingWidth, "use_degra_context": true,
                "use_image_context": false,
            ]
            return [
                "unet": try section(sizes) {
                    _ = try ConditionalUNet($0, configuration: ConditionalUNetConfiguration($1))
                },
                "prediction": "clean", "diffusion": ["T": 10], "default": ["sampler": "posterior", "steps": 2],
            ]
        default: return [:]
        }
    }

    private static func words(_ labels: [String], _ folder: URL, seed: UInt64) throws -> [String: Any] {
        let pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "remove", "the", "noise", "haze", "clear", "blur", "##ry", "please"]
        try Data((pieces.joined(separator: "\n") + "\n").utf8).write(to: folder.appendingPathComponent("vocab.txt"))
        let sizes: [String: Any] = [
            "vocab_size": pieces.count, "hidden_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2,
            "intermediate_size": 16, "max_position_embeddings": 16,
        ]
        return [
            "encoder": try section("encoder", sizes, folder, seed: seed) {
                _ = try SentenceEncoder($0, configuration: SentenceEncoderConfiguration($1))
            },
            "head": try section("head", ["tasks": 7], folder, seed: seed) { parameters, _ in
                _ = try InstructionHead(parameters, inputs: 12, outputs: 10, tasks: 7)
            },
            "vocabulary": try Self.file("vocab.txt", folder), "sentences": sentences.filter { labels.contains($0.key) },
        ]
    }

    static func classifier(_ folder: URL, labels: Int, seed: UInt64) throws -> [String: Any] {
        let sizes: [String: Any] = [
            "embed_dim": embeddingWidth,
            "vision_cfg": ["image_size": 16, "layers": 1, "width": 8, "patch_size": 8, "head_width": 4],
        ]
        return try section("daclip", sizes, folder, seed: seed) {
            _ = try DegradationAwareCLIP($0, configuration: DegradationAwareCLIPConfiguration($1), labelCount: labels)
        }
    }

    private static func section(
        _ name: String, _ sizes: [String: Any], _ folder: URL, seed: UInt64, weights: ClosedRange<Float> = -0.2...0.2,
        _ build: (ParameterReader, ConfigurationReader) throws -> Void
    ) throws -> [String: Any] {
        let json = [UInt8](try JSONSerialization.data(withJSONObject: sizes))
        let tensors = try RandomTensors.made(seed: seed, in: weights) { try build($0, ConfigurationReader(json: json)) }
        let file = name + ".safetensors"
        try SafetensorsWriter.write(tensors, to: folder.appendingPathComponent(file).path)
        return sizes.merging(try Self.file(file, folder)) { $1 }
    }

    static func file(_ name: String, _ folder: URL) throws -> [String: Any] {
        let bytes = try CheckpointBytes(contentsOf: folder.appendingPathComponent(name).path)
        return ["file": name, "sha256": FileDigest.sha256(of: bytes)]
    }
}
