import Bundles
import Checkpoints
import Foundation
import TestSupport

/// What `autodir.ckpt` holds, key by key.
struct FullSizeAutoDIR {
    private(set) var tensors = FullSizeTensors()

    var entries: [TorchArchiveFile.Entry] { tensors.entries }
    var parameterCount: Int { tensors.parameterCount }

    init() {
        tensors.addUNet("model.diffusion_model.", inputs: 8, context: 768, isLinear: false)
        tensors.addAutoencoder("first_stage_model.")
        addTowers("model_assessment.clipmodel.")
        addCorrection("NAFNet.")
        let tables = [
            "betas", "alphas_cumprod", "alphas_cumprod_prev", "sqrt_alphas_cumprod", "sqrt_one_minus_alphas_cumprod",
            "log_one_minus_alphas_cumprod", "sqrt_recip_alphas_cumprod", "sqrt_recipm1_alphas_cumprod", "posterior_variance",
            "posterior_log_variance_clipped", "posterior_mean_coef1", "posterior_mean_coef2",
        ]
        for table in tables { tensors.add(table, [1_000]) }
    }

    // MARK: The towers

    private mutating func addTowers(_ prefix: String) {
        tensors.add(prefix + "logit_scale", [])
        tensors.linear(prefix + "text_projection", 768, 768, hasBias: false)
        tensors.linear(prefix + "visual_projection", 1_024, 768, hasBias: false)
        let (text, vision) = (prefix + "text_model.", prefix + "vision_model.")
        tensors.add(text + "embeddings.token_embedding.weight", [49_408, 768])
        tensors.add(text + "embeddings.position_embedding.weight", [77, 768])
        tensors.add(text + "embeddings.position_ids", [1, 77], .int64)
        tensors.norm(text + "final_layer_norm", 768)
        for layer in 0..<12 { towerLayer(text + "encoder.layers.\(layer).", 768) }
        tensors.add(vision + "embeddings.class_embedding", [1_024])
        tensors.add(vision + "embeddings.patch_embedding.weight", [1_024, 3, 14, 14])
        tensors.add(vision + "embeddings.position_embedding.weight", [257, 1_024])
        tensors.add(vision + "embeddings.position_ids", [1, 257], .int64)
        tensors.norm(vision + "pre_layrnorm", 1_024)
        tensors.norm(vision + "post_layernorm", 1_024)
        for layer in 0..<24 { towerLayer(vision + "encoder.layers.\(layer).", 1_024) }
    }

    private mutating func towerLayer(_ place: String, _ width: Int) {
        for name in ["q_proj", "k_proj", "v_proj", "out_proj"] { tensors.linear(place + "self_attn." + name, width, width) }
        tensors.norm(place + "layer_norm1", width)
        tensors.norm(place + "layer_norm2", width)
        tensors.linear(place + "mlp.fc1", width, 4 * width)
        tensors.linear(place + "mlp.fc2", 4 * width, width)
    }

    // MARK: The correction

    private mutating func addCorrection(_ prefix: String) {
        tensors.convolution(prefix + "intro", 6, 64, 3)
        tensors.convolution(prefix + "ending", 64, 3, 3)
        for (level, count) in [2, 2, 4, 8].enumerated() {
            let width = 64 << level
            for index in 0..<count { tensors.addNAFBlock(prefix + "encoders.\(level).\(index).", width) }
            tensors.convolution(prefix + "downs.\(level)", width, 2 * width, 2)
            tensors.convolution(prefix + "ups.\(level).0", 1_024 >> level, 2_048 >> level, 1, hasBias: false)
            for index in 0..<2 { tensors.addNAFBlock(prefix + "decoders.\(level).\(index).", 512 >> level) }
        }
        for index in 0..<12 { tensors.addNAFBlock(prefix + "middle_blks.\(index).", 1_024) }
    }
}

// MARK: - The file

extension FullSizeAutoDIR {
    /// A bundle of the archive as it is downloaded, with what the catalogue says of its kind.
    func writeBundle(to folder: URL, precisions: [String]) throws {
        try tensors.write(to: folder.appendingPathComponent("autodir.ckpt").path)
        let merges = "bpe_simple_vocab_16e6.txt.gz"
        try FileManager.default.copyItem(at: ParityFolder.current.url(merges), to: folder.appendingPathComponent(merges))
        let catalogue = try JSONSerialization.jsonObject(
            with: Data(contentsOf: Repository.root.appendingPathComponent("Weights/catalogue.json"))) as? [String: Any]
        let entries = catalogue?["bundles"] as? [[String: Any]] ?? []
        let entry = entries.first { $0["name"] as? String == "autodir" }
        var manifest = entry?["bundle"] as? [String: Any] ?? [:]
        for (key, value) in ["name": "autodir-random", "version": "1", "licence": "none", "trainingDataTerms": "none"] {
            manifest[key] = value
        }
        func section(_ name: String) throws -> [String: Any] {
            let bytes = try CheckpointBytes(contentsOf: folder.appendingPathComponent(name).path)
            return ["file": name, "sha256": FileDigest.sha256(of: bytes)]
        }
        manifest["model"] = try section("autodir.ckpt").merging(["precisions": precisions]) { $1 }
        manifest["merges"] = try section(merges)
        try JSONSerialization.data(withJSONObject: manifest).write(to: folder.appendingPathComponent("bundle.json"))
    }
}
