import Bundles
import Checkpoints
import Foundation
import TestSupport

/// What `autodir.ckpt` holds, key by key, with random numbers: written out from the parity folder's STATE_DICTS.md, not told by
/// the networks.
struct FullSizeAutoDIR {
    private(set) var entries: [TorchArchiveFile.Entry] = []

    init() {
        addUNet("model.diffusion_model.")
        addAutoencoder("first_stage_model.")
        addTowers("model_assessment.clipmodel.")
        addCorrection("NAFNet.")
        let tables = [
            "betas", "alphas_cumprod", "alphas_cumprod_prev", "sqrt_alphas_cumprod", "sqrt_one_minus_alphas_cumprod",
            "log_one_minus_alphas_cumprod", "sqrt_recip_alphas_cumprod", "sqrt_recipm1_alphas_cumprod", "posterior_variance",
            "posterior_log_variance_clipped", "posterior_mean_coef1", "posterior_mean_coef2",
        ]
        for table in tables { add(table, [1_000]) }
    }

    /// Numbers of the networks, tables aside.
    var parameterCount: Int {
        entries.reduce(0) { $0 + ($1.type == .float16 && $1.shape != [1_000] ? $1.elementCount : 0) }
    }

    // MARK: Families

    private mutating func add(_ name: String, _ shape: [Int], _ type: ScalarType = .float16) {
        entries.append(.init(name, type, shape))
    }

    private mutating func norm(_ name: String, _ width: Int) {
        add(name + ".weight", [width])
        add(name + ".bias", [width])
    }

    private mutating func linear(_ name: String, _ inputs: Int, _ outputs: Int, hasBias: Bool = true) {
        add(name + ".weight", [outputs, inputs])
        if hasBias { add(name + ".bias", [outputs]) }
    }

    private mutating func convolution(_ name: String, _ inputs: Int, _ outputs: Int, _ kernel: Int, hasBias: Bool = true) {
        add(name + ".weight", [outputs, inputs, kernel, kernel])
        if hasBias { add(name + ".bias", [outputs]) }
    }

    // MARK: The U-Net

    private mutating func addUNet(_ prefix: String) {
        linear(prefix + "time_embed.0", 320, 1_280)
        linear(prefix + "time_embed.2", 1_280, 1_280)
        convolution(prefix + "input_blocks.0.0", 8, 320, 3)
        let widths = [320, 640, 1_280, 1_280]
        var (width, skips, number) = (320, [320], 1)
        for (level, outputs) in widths.enumerated() {
            for _ in 0..<2 {
                stage(prefix + "input_blocks.\(number).", width, outputs, level)
                (width, number) = (outputs, number + 1)
                skips.append(width)
            }
            guard level < 3 else { continue }
            convolution(prefix + "input_blocks.\(number).0.op", width, width, 3)
            skips.append(width)
            number += 1
        }
        residual(prefix + "middle_block.0.", width, width)
        transformer(prefix + "middle_block.1.", width)
        residual(prefix + "middle_block.2.", width, width)
        number = 0
        for (level, outputs) in widths.enumerated().reversed() {
            for index in 0..<3 {
                let place = prefix + "output_blocks.\(number)."
                stage(place, width + skips.removeLast(), outputs, level)
                (width, number) = (outputs, number + 1)
                if index == 2, level > 0 { convolution(place + "\(level < 3 ? 2 : 1).conv", width, width, 3) }
            }
        }
        norm(prefix + "out.0", 320)
        convolution(prefix + "out.2", 320, 4, 3)
    }

    private mutating func stage(_ place: String, _ inputs: Int, _ outputs: Int, _ level: Int) {
        residual(place + "0.", inputs, outputs)
        if level < 3 { transformer(place + "1.", outputs) }
    }

    private mutating func residual(_ place: String, _ inputs: Int, _ outputs: Int) {
        norm(place + "in_layers.0", inputs)
        convolution(place + "in_layers.2", inputs, outputs, 3)
        linear(place + "emb_layers.1", 1_280, outputs)
        norm(place + "out_layers.0", outputs)
        convolution(place + "out_layers.3", outputs, outputs, 3)
        if inputs != outputs { convolution(place + "skip_connection", inputs, outputs, 1) }
    }

    private mutating func transformer(_ place: String, _ width: Int) {
        norm(place + "norm", width)
        convolution(place + "proj_in", width, width, 1)
        convolution(place + "proj_out", width, width, 1)
        let block = place + "transformer_blocks.0."
        for (attention, context) in [("attn1", width), ("attn2", 768)] {
            linear(block + attention + ".to_q", width, width, hasBias: false)
            linear(block + attention + ".to_k", context, width, hasBias: false)
            linear(block + attention + ".to_v", context, width, hasBias: false)
            linear(block + attention + ".to_out.0", width, width)
        }
        linear(block + "ff.net.0.proj", width, 8 * width)
        linear(block + "ff.net.2", 4 * width, width)
        for index in 1...3 { norm(block + "norm\(index)", width) }
    }

    // MARK: The autoencoder

    private mutating func addAutoencoder(_ prefix: String) {
        let widths = [128, 256, 512, 512]
        let (encoder, decoder) = (prefix + "encoder.", prefix + "decoder.")
        convolution(encoder + "conv_in", 3, 128, 3)
        for (level, width) in widths.enumerated() {
            pictureBlock(encoder + "down.\(level).block.0.", level == 0 ? 128 : widths[level - 1], width)
            pictureBlock(encoder + "down.\(level).block.1.", width, width)
            if level < 3 { convolution(encoder + "down.\(level).downsample.conv", width, width, 3) }
        }
        norm(encoder + "norm_out", 512)
        convolution(encoder + "conv_out", 512, 8, 3)
        convolution(prefix + "quant_conv", 8, 8, 1)
        convolution(prefix + "post_quant_conv", 4, 4, 1)
        convolution(decoder + "conv_in", 4, 512, 3)
        for place in [encoder, decoder] {
            pictureBlock(place + "mid.block_1.", 512, 512)
            norm(place + "mid.attn_1.norm", 512)
            for name in ["q", "k", "v", "proj_out"] { convolution(place + "mid.attn_1." + name, 512, 512, 1) }
            pictureBlock(place + "mid.block_2.", 512, 512)
        }
        for (level, width) in widths.enumerated() {
            for index in 0..<3 {
                pictureBlock(decoder + "up.\(level).block.\(index).", index == 0 ? widths[min(3, level + 1)] : width, width)
            }
            if level > 0 { convolution(decoder + "up.\(level).upsample.conv", width, width, 3) }
        }
        norm(decoder + "norm_out", 128)
        convolution(decoder + "conv_out", 128, 3, 3)
    }

    private mutating func pictureBlock(_ place: String, _ inputs: Int, _ outputs: Int) {
        norm(place + "norm1", inputs)
        convolution(place + "conv1", inputs, outputs, 3)
        norm(place + "norm2", outputs)
        convolution(place + "conv2", outputs, outputs, 3)
        if inputs != outputs { convolution(place + "nin_shortcut", inputs, outputs, 1) }
    }

    // MARK: The towers

    private mutating func addTowers(_ prefix: String) {
        add(prefix + "logit_scale", [])
        linear(prefix + "text_projection", 768, 768, hasBias: false)
        linear(prefix + "visual_projection", 1_024, 768, hasBias: false)
        let (text, vision) = (prefix + "text_model.", prefix + "vision_model.")
        add(text + "embeddings.token_embedding.weight", [49_408, 768])
        add(text + "embeddings.position_embedding.weight", [77, 768])
        add(text + "embeddings.position_ids", [1, 77], .int64)
        norm(text + "final_layer_norm", 768)
        for layer in 0..<12 { towerLayer(text + "encoder.layers.\(layer).", 768) }
        add(vision + "embeddings.class_embedding", [1_024])
        add(vision + "embeddings.patch_embedding.weight", [1_024, 3, 14, 14])
        add(vision + "embeddings.position_embedding.weight", [257, 1_024])
        add(vision + "embeddings.position_ids", [1, 257], .int64)
        norm(vision + "pre_layrnorm", 1_024)
        norm(vision + "post_layernorm", 1_024)
        for layer in 0..<24 { towerLayer(vision + "encoder.layers.\(layer).", 1_024) }
    }

    private mutating func towerLayer(_ place: String, _ width: Int) {
        for name in ["q_proj", "k_proj", "v_proj", "out_proj"] { linear(place + "self_attn." + name, width, width) }
        norm(place + "layer_norm1", width)
        norm(place + "layer_norm2", width)
        linear(place + "mlp.fc1", width, 4 * width)
        linear(place + "mlp.fc2", 4 * width, width)
    }

    // MARK: The correction

    private mutating func addCorrection(_ prefix: String) {
        convolution(prefix + "intro", 6, 64, 3)
        convolution(prefix + "ending", 64, 3, 3)
        for (level, count) in [2, 2, 4, 8].enumerated() {
            let width = 64 << level
            for index in 0..<count { correctionBlock(prefix + "encoders.\(level).\(index).", width) }
            convolution(prefix + "downs.\(level)", width, 2 * width, 2)
            convolution(prefix + "ups.\(level).0", 1_024 >> level, 2_048 >> level, 1, hasBias: false)
            for index in 0..<2 { correctionBlock(prefix + "decoders.\(level).\(index).", 512 >> level) }
        }
        for index in 0..<12 { correctionBlock(prefix + "middle_blks.\(index).", 1_024) }
    }

    private mutating func correctionBlock(_ place: String, _ width: Int) {
        norm(place + "norm1", width)
        convolution(place + "conv1", width, 2 * width, 1)
        convolution(place + "conv2", 1, 2 * width, 3)
        convolution(place + "sca.1", width, width, 1)
        convolution(place + "conv3", width, width, 1)
        add(place + "beta", [1, width, 1, 1])
        norm(place + "norm2", width)
        convolution(place + "conv4", width, 2 * width, 1)
        convolution(place + "conv5", width, width, 1)
        add(place + "gamma", [1, width, 1, 1])
    }
}

// MARK: - The file

extension FullSizeAutoDIR {
    /// As many numbers as are drawn; they come again and again, in steps of which no width is a multiple.
    private static let drawn = 65_521

    /// Writes it tensor by tensor: 3 GB.
    func write(to path: String) throws {
        var random = SeededGenerator(seed: 1)
        let numbers = (0..<Self.drawn).map { _ in Float(random.next() >> 40) / Float(1 << 23) - 1 }
        try TorchArchiveFile.write(entries, to: path) { entry in
            guard entry.type == .float16 else { return [UInt8](repeating: 0, count: entry.elementCount * entry.type.width) }
            let (centre, spread) = Self.range(of: entry)
            let block = numbers.prefix(entry.elementCount).flatMap { number in
                let bits = Float16(centre + spread * number).bitPattern
                return [UInt8(truncatingIfNeeded: bits), UInt8(bits >> 8)]
            }
            var bytes: [UInt8] = []
            bytes.reserveCapacity(2 * entry.elementCount)
            while bytes.count < 2 * entry.elementCount { bytes += block.prefix(2 * entry.elementCount - bytes.count) }
            return bytes
        }
    }

    /// So that activations stay in range: what normalises is near one, what adds is small, what multiplies keeps the variance.
    private static func range(of entry: TorchArchiveFile.Entry) -> (centre: Float, spread: Float) {
        let inputs = entry.shape.dropFirst().reduce(1, *)
        if entry.name.hasSuffix("logit_scale") { return (4.6052, 0) }
        if entry.shape.count == 1 { return (entry.name.hasSuffix(".weight") ? 1 : 0, 0.1) }
        if entry.name.hasSuffix("beta") || entry.name.hasSuffix("gamma") { return (0, 0.1) }
        return (0, (3 / Float(inputs)).squareRoot())
    }

    /// A bundle of the archive as it is downloaded, with what the catalogue says of its kind.
    func writeBundle(to folder: URL, precisions: [String]) throws {
        try write(to: folder.appendingPathComponent("autodir.ckpt").path)
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
