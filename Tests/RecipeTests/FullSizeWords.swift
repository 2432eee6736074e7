import Bundles
import Checkpoints
import Foundation
import TestSupport

/// What the files of guidance by words hold at their official sizes, key by key.
struct FullSizeWords {
    /// By the names of the catalogue's entry.
    let files: [String: FullSizeTensors]

    static let entry = "guided-nafnet-words"

    init() {
        files = [
            "net_g.pth": Self.network, "mapper.pt": Self.mapper, "clean_mapper.pt": Self.cleaner,
            "v2-1_512-ema-pruned.safetensors": Self.diffusion, "open_clip_pytorch_model.bin": Self.vision,
        ]
    }

    private static var network: FullSizeTensors {
        var tensors = FullSizeTensors()
        tensors.convolution("intro", 3, 64, 3)
        tensors.convolution("ending", 64, 3, 3)
        for (level, count) in [1, 1, 1, 28].enumerated() {
            let width = 64 << level
            for index in 0..<count { tensors.addNAFBlock("encoders.\(level).\(index).", width) }
            tensors.convolution("downs.\(level)", width, 2 * width, 2)
            tensors.convolution("ups.\(level).0", 1_024 >> level, 2_048 >> level, 1, hasBias: false)
            tensors.addNAFBlock("decoders.\(level).0.", 512 >> level)
            for index in 0..<2 { tensors.addNAFBlock("masa_blk_enc.\(level).\(index).", 2 * width) }
        }
        tensors.addNAFBlock("middle_blks.0.", 1_024)
        tensors.addNAFBlock("masa_blk_middle.0.0.", 2_048)
        for level in 0..<5 {
            let width = 64 << level
            tensors.convolution("masa_enc.conv_L\(level + 1)", level == 0 ? 3 : width / 2, width, 3)
            for block in 0..<4 {
                for part in 1...2 { tensors.convolution("masa_enc.blk_L\(level + 1).\(block).conv\(part)", width, width, 3) }
            }
        }
        return tensors
    }

    private static func addPerceptron(_ name: String, inputs: Int, to tensors: inout FullSizeTensors) {
        for stage in 0..<3 {
            tensors.linear("\(name).\(3 * stage)", stage == 0 ? inputs : 1_280, 1_280)
            tensors.norm("\(name).\(3 * stage + 1)", 1_280)
        }
        tensors.linear("\(name).9", 1_280, 1_024)
    }

    private static var mapper: FullSizeTensors {
        var tensors = FullSizeTensors()
        for word in 0..<20 {
            for name in ["mapping_\(word)", "mapping_patch_\(word)"] { addPerceptron(name, inputs: 1_280, to: &tensors) }
        }
        let downs = (0..<3).flatMap { level in (0..<2).map { ("down_blocks_\(level)_attentions_\($0)", 320 << level) } }
        let ups = (1..<4).flatMap { level in (0..<3).map { ("up_blocks_\(level)_attentions_\($0)", 2_560 >> level) } }
        for (place, width) in downs + [("mid_block_attentions_0", 1_280)] + ups {
            for part in ["to_k", "to_v"] {
                tensors.linear("\(place)_transformer_blocks_0_attn2_\(part)", 1_024, width, hasBias: false)
            }
        }
        return tensors
    }

    private static var cleaner: FullSizeTensors {
        var tensors = FullSizeTensors()
        for word in 0..<20 { addPerceptron("mapping_\(word)", inputs: 1_024, to: &tensors) }
        return tensors
    }

    private static var diffusion: FullSizeTensors {
        var tensors = FullSizeTensors()
        tensors.addUNet("model.diffusion_model.", inputs: 4, context: 1_024, isLinear: true)
        tensors.addAutoencoder("first_stage_model.")
        let text = "cond_stage_model.model."
        tensors.add(text + "token_embedding.weight", [49_408, 1_024])
        tensors.add(text + "positional_embedding", [77, 1_024])
        tensors.norm(text + "ln_final", 1_024)
        tensors.add(text + "text_projection", [1_024, 1_024])
        tensors.add(text + "logit_scale", [])
        for layer in 0..<24 { addBlock(text + "transformer.resblocks.\(layer).", 1_024, to: &tensors) }
        return tensors
    }

    private static var vision: FullSizeTensors {
        var tensors = FullSizeTensors()
        tensors.add("visual.class_embedding", [1_280])
        tensors.convolution("visual.conv1", 3, 1_280, 14, hasBias: false)
        tensors.add("visual.positional_embedding", [257, 1_280])
        tensors.norm("visual.ln_pre", 1_280)
        tensors.norm("visual.ln_post", 1_280)
        tensors.add("visual.proj", [1_280, 1_024])
        for layer in 0..<32 { addBlock("visual.transformer.resblocks.\(layer).", 1_280, to: &tensors) }
        return tensors
    }

    private static func addBlock(_ place: String, _ width: Int, to tensors: inout FullSizeTensors) {
        tensors.norm(place + "ln_1", width)
        tensors.norm(place + "ln_2", width)
        tensors.add(place + "attn.in_proj_weight", [3 * width, width])
        tensors.add(place + "attn.in_proj_bias", [3 * width])
        tensors.linear(place + "attn.out_proj", width, width)
        tensors.linear(place + "mlp.c_fc", width, 4 * width)
        tensors.linear(place + "mlp.c_proj", 4 * width, width)
    }

    // MARK: The bundle

    /// The files with random numbers, and what the catalogue says of them.
    func writeBundle(to folder: URL, precisions: [String]) throws {
        for (name, tensors) in files { try tensors.write(to: folder.appendingPathComponent(name).path) }
        let merges = "bpe_simple_vocab_16e6.txt.gz"
        try FileManager.default.copyItem(at: ParityFolder.current.url(merges), to: folder.appendingPathComponent(merges))
        let catalogue = try JSONSerialization.jsonObject(
            with: Data(contentsOf: Repository.root.appendingPathComponent("Weights/catalogue.json"))) as? [String: Any]
        let entry = (catalogue?["bundles"] as? [[String: Any]])?.first { $0["name"] as? String == Self.entry }
        var manifest = try Self.withDigests(entry?["bundle"] as? [String: Any] ?? [:], folder)
        for (key, value) in ["name": "words-random", "version": "1", "licence": "none", "trainingDataTerms": "none"] {
            manifest[key] = value
        }
        for key in ["network_g", "words"] {
            manifest[key] = (manifest[key] as? [String: Any])?.merging(["precisions": precisions]) { $1 }
        }
        try JSONSerialization.data(withJSONObject: manifest).write(to: folder.appendingPathComponent("bundle.json"))
    }

    private static func withDigests(_ members: [String: Any], _ folder: URL) throws -> [String: Any] {
        var result = try members.mapValues { value -> Any in
            try (value as? [String: Any]).map { try withDigests($0, folder) } ?? value
        }
        if let file = members["file"] as? String {
            result["sha256"] = FileDigest.sha256(of: try CheckpointBytes(contentsOf: folder.appendingPathComponent(file).path))
        }
        return result
    }
}
