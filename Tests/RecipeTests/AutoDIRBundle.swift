import Autoencoder
import Bundles
import CLIP
import Checkpoints
import Engine
import Foundation
import LatentUNet
import NAFNet
import TestSupport

/// A bundle of the kind `autodir` in a folder of its own, small and with random weights.
final class AutoDIRBundle: Sendable {
    let folder: URL

    /// As few numbers as the networks can be made of: pictures are padded to multiples of 8.
    static var sizes: [String: Any] {
        [
            "unet": [
                "in_channels": 8, "out_channels": 4, "model_channels": 32, "channel_mult": [1, 2], "num_res_blocks": 1,
                "attention_resolutions": [2], "num_heads": 4, "context_dim": 8,
            ] as [String: Any],
            "vae": [
                "in_channels": 3, "out_ch": 3, "ch": 32, "ch_mult": [1, 1, 1], "num_res_blocks": 1, "z_channels": 4,
                "embed_dim": 4,
            ] as [String: Any],
            "clip": [
                "projection_dim": 6, "vocab_size": vocabulary, "context_length": 24,
                "text_config": ["hidden_size": 8, "num_attention_heads": 2, "num_hidden_layers": 1],
                "vision_config": [
                    "hidden_size": 8, "num_attention_heads": 2, "num_hidden_layers": 1, "image_size": 32, "patch_size": 8,
                ],
            ] as [String: Any],
            "nafnet": ["width": 4, "enc_blk_nums": [1], "middle_blk_num": 1, "dec_blk_nums": [1]] as [String: Any],
        ]
    }

    static let labels = ["noise", "blur", "rain", "underexposure", "haze", "low-resolution", "raindrop", "clean"]
    /// Bytes, and no merges.
    private static let vocabulary = 514

    /// - Parameters:
    ///   - averages: the seed of moving averages of the network that diffuses, which the file has beside it; nil for none.
    ///   - members: of `bundle.json`, in place of what is there or beside it.
    init(
        seed: UInt64 = 1, asArchive: Bool = false, averages: UInt64? = nil, usesAverages: Bool = false,
        _ members: [String: Any] = [:]
    ) throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("restored-autodir-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let json = [UInt8](try JSONSerialization.data(withJSONObject: Self.sizes))
        let configuration = try AutoDIRConfiguration(ConfigurationReader(json: json))
        var tensors: [String: StoredTensor] = [:]
        func add(_ prefix: String, _ build: (ParameterReader) throws -> Void) throws {
            for (name, tensor) in try RandomTensors.made(seed: seed, for: build) { tensors[prefix + name] = tensor }
        }
        try add("model.diffusion_model.") { _ = try LatentUNet($0, configuration: configuration.network) }
        try add("first_stage_model.") { _ = try Autoencoder($0, configuration: configuration.autoencoder) }
        try add("model_assessment.clipmodel.") { _ = try PairedTowers($0, configuration: configuration.towers) }
        try add("NAFNet.") { _ = try NAFNet($0, configuration: configuration.correction) }
        if let averages {
            let made = try RandomTensors.made(seed: averages) { _ = try LatentUNet($0, configuration: configuration.network) }
            for (name, tensor) in made { tensors[StateDict.nameOfAverage(of: "model.diffusion_model." + name)] = tensor }
            tensors["model_ema.decay"] = StoredTensor([0.9], shape: [])
        }
        tensors["model_assessment.clipmodel.logit_scale"] = StoredTensor([2], shape: [])
        let file = asArchive ? "autodir.ckpt" : "autodir.safetensors"
        let place = folder.appendingPathComponent(file)
        if asArchive {
            let named = tensors.sorted { $0.key < $1.key }.map { (name: $0.key, tensor: $0.value) }
            try Data(TorchArchiveWriter.bytes(of: named, .init { $0.isWrapped = true })).write(to: place)
        } else {
            try SafetensorsWriter.write(tensors, to: place.path)
        }
        try Data("#version: none\n".utf8).write(to: folder.appendingPathComponent("merges.txt"))
        var manifest: [String: Any] = [
            "kind": "autodir", "name": "small-autodir", "version": "1", "licence": "none: random numbers",
            "trainingDataTerms": "none", "labels": Self.labels, "model": try section(file).merging(usesAverages ? ["use_ema": true] : [:]) { $1 },
            "merges": try section("merges.txt"), "default": ["steps": 3, "rounds": 2],
        ]
        manifest.merge(Self.sizes) { $1 }
        manifest.merge(members) { $1 }
        try JSONSerialization.data(withJSONObject: manifest).write(to: folder.appendingPathComponent("bundle.json"))
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    private func section(_ name: String) throws -> [String: Any] {
        let bytes = try CheckpointBytes(contentsOf: folder.appendingPathComponent(name).path)
        return ["file": name, "sha256": FileDigest.sha256(of: bytes)]
    }

    func engine(_ configure: (inout EngineConfiguration) -> Void = { _ in }) throws -> RecipeEngine {
        var configuration = EngineConfiguration()
        configure(&configuration)
        return try RecipeEngine(Bundles.Bundle.load(folder.path), configuration: configuration)
    }
}
