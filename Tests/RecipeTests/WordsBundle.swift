import Bundles
import Checkpoints
import Engine
import Foundation
import TestSupport
import Testing

/// A bundle of the kind `guided` that draws guidance from words, made of the recorded small networks: its template says in letters
/// what was recorded as ids, and its vocabulary gives these letters the recorded embeddings, so that recorded runs come out of it.
final class WordsBundle: Sendable {
    /// How the files of the diffusion are laid out.
    enum Layout: CaseIterable, Sendable {
        case single, diffusers
    }

    static let fixtures = ParityFolder.textual
    static let isThere = fixtures.has(
        "config.json", "nafnet_guided.pth", "mapper.pt", "clean_mapper.pt", "latent_diffusion.safetensors", "vision.safetensors",
        "words.safetensors", "run.safetensors", "diffusers_names.json")

    let folder: URL

    /// - Parameters:
    ///   - changes: of the section `words`; nil where there is no such section.
    ///   - members: of `bundle.json`, in place of what is there or beside it.
    init(
        _ layout: Layout = .single, changes: [String: Any]? = [:], members: [String: Any] = [:]
    ) throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("restored-words-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for name in ["nafnet_guided.pth", "mapper.pt", "clean_mapper.pt", "vision.safetensors"] {
            try FileManager.default.copyItem(at: Self.fixtures.url(name), to: folder.appendingPathComponent(name))
        }
        try Data("#version: none\n".utf8).write(to: folder.appendingPathComponent("merges.txt"))
        let sizes = try JSONSerialization.jsonObject(with: Data(contentsOf: Self.fixtures.url("config.json"))) as? [String: Any]
        let whole = try #require(sizes)
        var manifest: [String: Any] = [
            "kind": "guided", "name": "small-words", "version": "1", "licence": "none: random numbers",
            "trainingDataTerms": "none", "labels": ["noisy"], "network_g": try network(whole),
        ]
        if let changes { manifest["words"] = try words(whole, layout).merging(changes) { $1 } }
        manifest.merge(members) { $1 }
        try JSONSerialization.data(withJSONObject: manifest).write(to: folder.appendingPathComponent("bundle.json"))
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// Puts members of `bundle.json` in place of what is there or beside it.
    func change(_ members: [String: Any]) throws {
        let file = folder.appendingPathComponent("bundle.json")
        let manifest = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any] ?? [:]
        try JSONSerialization.data(withJSONObject: manifest.merging(members) { $1 }).write(to: file)
    }

    private func section(_ name: String) throws -> [String: Any] {
        let bytes = try CheckpointBytes(contentsOf: folder.appendingPathComponent(name).path)
        return ["file": name, "sha256": FileDigest.sha256(of: bytes)]
    }

    private func network(_ sizes: [String: Any]) throws -> [String: Any] {
        let own = try #require(sizes["nafnet"] as? [String: Any])
        let keys = [
            "width": "width", "nf": "nf", "enc_blk_nums": "enc", "middle_blk_num": "middle", "dec_blk_nums": "dec",
            "ext_n_blocks": "ext", "reffusion_n_blocks": "fuse", "lr_block_size": "block", "dilations": "dilations",
            "ref_down_block_size": "ratio",
        ]
        return try keys.compactMapValues { own[$0] }.merging(["type": "NAFNetRefFusion"]) { $1 }
            .merging(section("nafnet_guided.pth")) { $1 }
    }

    private func words(_ sizes: [String: Any], _ layout: Layout) throws -> [String: Any] {
        let single = try #require(sizes["single_file"] as? [String: Any])
        func part(_ name: String, _ keys: [String]) throws -> [String: Any] {
            let all = try #require(single[name] as? [String: Any])
            return Dictionary(uniqueKeysWithValues: keys.compactMap { key in all[key].map { (key, $0) } })
        }
        let guidance = try #require(sizes["guidance"] as? [String: Any])
        var text = try part("text", ["width", "heads", "context_length"])
        text["layers"] = (sizes["text"] as? [String: Any])?["layers"]
        text["vocab_size"] = Self.vocabulary
        let prompt = try Prompt()
        var section: [String: Any] = [
            "mapper": try self.section("mapper.pt"), "clean_mapper": try self.section("clean_mapper.pt"),
            "merges": try self.section("merges.txt"), "template": prompt.template, "latent": guidance["latent"] ?? 0,
            "vision": try part("visual", ["image_size", "patch_size", "width", "layers", "head_width"])
                .merging(self.section("vision.safetensors")) { $1 },
            "default": ["sampler": "ddim", "steps": guidance["steps"] ?? 0, "guidance": guidance["scale"] ?? 0],
        ]
        section["unet"] = try part(
            "unet", [
                "in_channels", "out_channels", "model_channels", "num_res_blocks", "channel_mult", "attention_resolutions",
                "num_head_channels", "context_dim", "use_linear_in_transformer",
            ])
        section["vae"] = try part("vae", ["in_channels", "out_ch", "ch", "ch_mult", "num_res_blocks", "z_channels", "embed_dim"])
        section["text"] = text
        for (key, file) in try writeDiffusion(layout, prompt) {
            section[key] = try (section[key] as? [String: Any] ?? [:]).merging(self.section(file)) { $1 }
        }
        return section
    }

    // MARK: The diffusion

    /// Bytes and their ends, no merges, start and end.
    private static let vocabulary = 514

    /// A template whose words are single letters, with the recorded id of each.
    private struct Prompt {
        let template: String
        /// Rows of the recorded embeddings, by the tokenizer's own ids.
        let rows: [Int: Int]

        init() throws {
            let file = try StateDict(contentsOf: WordsBundle.fixtures.path("words.safetensors"))
            func numbers(_ name: String) throws -> [Int] {
                let tensor = try #require(file[name])
                return tensor.floats().prefix(tensor.shape.last ?? 0).map { Int($0) }
            }
            let ids = try numbers("input_ids"), hole = try numbers("index")[0], empty = try numbers("uncond_ids")
            let end = try #require(ids.firstIndex(of: empty[1]))
            var letters: [Int: Character] = [:]
            var words: [String] = []
            for (place, id) in ids[1..<end].enumerated() {
                // All but the placeholder's own, and each id its own.
                let letter = letters[id] ?? Character(UnicodeScalar(UInt8(ascii: "a") + UInt8(letters.count)))
                letters[id] = letter
                words.append(place + 1 == hole ? "S" : String(letter))
            }
            template = words.joined(separator: " ")
            var rows = [0: ids[end + 1], WordsBundle.vocabulary - 2: ids[0], WordsBundle.vocabulary - 1: ids[end]]
            for (id, letter) in letters { rows[Self.token(letter)] = id }
            rows[Self.token("s")] = ids[hole]
            self.rows = rows
        }

        /// Of a letter that is a word: bytes are counted from "!" on.
        private static func token(_ letter: Character) -> Int { 256 + Int(letter.asciiValue ?? 0x21) - 0x21 }
    }

    private func writeDiffusion(_ layout: Layout, _ prompt: Prompt) throws -> [(key: String, file: String)] {
        let recorded = try StateDict(contentsOf: Self.fixtures.path("latent_diffusion.safetensors"))
        var tensors: [String: StoredTensor] = [:]
        for name in recorded.names { tensors[name] = recorded[name] }
        let prefix = "cond_stage_model.model."
        let embedding = try #require(tensors[prefix + "token_embedding.weight"])
        let width = embedding.shape[1], values = embedding.floats()
        var rows = [Float](repeating: 0, count: Self.vocabulary * width)
        for (own, recorded) in prompt.rows {
            rows.replaceSubrange(own * width..<(own + 1) * width, with: values[recorded * width..<(recorded + 1) * width])
        }
        tensors[prefix + "token_embedding.weight"] = StoredTensor(rows, shape: [Self.vocabulary, width])
        func write(_ tensors: [String: StoredTensor], _ name: String) throws {
            try SafetensorsWriter.write(tensors, to: folder.appendingPathComponent(name).path)
        }
        guard layout == .diffusers else {
            try write(tensors, "diffusion.safetensors")
            return [("diffusion", "diffusion.safetensors")]
        }
        let names = try JSONDecoder().decode(
            [String: String].self, from: Data(contentsOf: Self.fixtures.url("diffusers_names.json")))
        var (network, decoder): ([String: StoredTensor], [String: StoredTensor]) = ([:], [:])
        for (diffusers, single) in names {
            guard let tensor = tensors[single] else { continue }
            let isMatrix = single.contains(".attn_1.") && tensor.shape.count == 4
            let own = isMatrix ? tensor.reshaped(Array(tensor.shape.prefix(2))) : tensor
            if single.hasPrefix("model.") { network[diffusers] = own } else { decoder[diffusers] = own }
        }
        let text = tensors.filter { $0.key.hasPrefix(prefix) }.map { (String($0.key.dropFirst(prefix.count)), $0.value) }
        try write(network, "unet.safetensors")
        try write(decoder, "vae.safetensors")
        try write(Dictionary(uniqueKeysWithValues: text), "text_encoder.safetensors")
        return [("unet", "unet.safetensors"), ("vae", "vae.safetensors"), ("text", "text_encoder.safetensors")]
    }

    func engine(_ configure: (inout EngineConfiguration) -> Void = { _ in }) throws -> RecipeEngine {
        var configuration = EngineConfiguration()
        configure(&configuration)
        return try RecipeEngine(Bundles.Bundle.load(folder.path), configuration: configuration)
    }
}
