import Bundles
import CLIP
import Checkpoints
import Engine
import Foundation
import RestorationUNet
import TestSupport

/// A bundle of DA-CLIP and IR-SDE with every field at random within its bounds, small sizes and random weights.
struct RandomBundle {
    /// Of `bundle.json`, files and digests aside.
    var manifest: [String: Any] = [:]
    /// The logarithm in the checkpoint, where it holds one.
    var storedLogitScale: Float?
    /// Changes the values of a tensor, `section/name`, before they are written.
    var change: (_ tensor: String, _ values: [Float]) -> [Float] = { $1 }
    private var random: SeededGenerator

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        let steps = Int.random(in: 1...200, using: &random)
        let embedding = Int.random(in: 1...9, using: &random)
        manifest = [
            "name": "random-\(seed)", "version": "0", "licence": "none: random numbers", "trainingDataTerms": "none",
            "prediction": pick(["noise", "clean"]), "labels": Array(["rainy", "hazy", "clean"].prefix(.random(in: 1...3, using: &random))),
            "logit_scale": Double.random(in: 1e-3...10_000, using: &random),
            "daclip": encoder(embedding), "unet": network(embedding), "diffusion": diffusion(steps),
        ]
        if coin() { manifest["kind"] = DegradationAwareNetworks.kind }
        let defaults = defaults(steps)
        if coin() || coin() { manifest["default"] = defaults }
    }

    private mutating func pick<Value>(_ values: [Value]) -> Value { values[.random(in: values.indices, using: &random)] }

    private mutating func coin() -> Bool { .random(using: &random) }

    private mutating func encoder(_ embedding: Int) -> [String: Any] {
        let headWidth = pick([1, 2, 3, 8])
        let convolutions = Int.random(in: 2...4, using: &random)
        let patch = coin() ? 1 << convolutions : Int.random(in: 1...20, using: &random)
        var vision: [String: Any] = [
            "image_size": patch * Int.random(in: 1...3, using: &random), "layers": Int.random(in: 1...2, using: &random),
            "width": headWidth * Int.random(in: 1...4, using: &random) * 2, "patch_size": patch, "head_width": headWidth,
        ]
        var section: [String: Any] = ["embed_dim": embedding, "native_windows": Int.random(in: 0...5, using: &random)]
        if patch == 1 << convolutions, coin() {
            vision["stem"] = (1..<convolutions).map { _ in Int.random(in: 2...9, using: &random) }
            if coin() { vision["stem_blocks"] = (0..<convolutions).map { _ in Int.random(in: 0...2, using: &random) } }
            if coin() {
                section["controller_cfg"] = [
                    "stem_blocks": (0..<convolutions).map { _ in Int.random(in: 0...2, using: &random) },
                    "pool": pick(["class", "patches"]),
                ]
            }
        }
        if coin() { vision["pool"] = pick(["class", "patches"]) }
        section["vision_cfg"] = vision
        if coin() { section["quick_gelu"] = coin() }
        if coin() { section["custom_text"] = coin() }
        if coin() {
            let heads = Int.random(in: 1...3, using: &random)
            section["text_cfg"] = [
                "context_length": Int.random(in: 3...9, using: &random), "vocab_size": 514 + Int.random(in: 0...2, using: &random),
                "width": heads * Int.random(in: 1...4, using: &random), "heads": heads, "layers": Int.random(in: 1...2, using: &random),
            ]
        }
        return section
    }

    private mutating func network(_ embedding: Int) -> [String: Any] {
        let (content, degradation) = (coin(), coin())
        var section: [String: Any] = [
            "in_nc": 3, "out_nc": 3, "nf": content ? 32 : 2 * Int.random(in: 2...20, using: &random),
            "ch_mult": (0..<Int.random(in: 1...6, using: &random)).map { _ in Int.random(in: 1...2, using: &random) },
            "use_degra_context": degradation, "use_image_context": content,
        ]
        if content || degradation { section["context_dim"] = embedding }
        if coin() { section["scale"] = pick([0.5, 1]) }
        return section
    }

    private mutating func diffusion(_ steps: Int) -> [String: Any] {
        var section: [String: Any] = ["T": steps]
        if coin() { section["schedule"] = pick(["cosine", "linear", "constant"]) }
        if coin() { section["eps"] = Double.random(in: 1e-6...0.5, using: &random) }
        if coin() { section["max_sigma"] = Double.random(in: 1e-3...255, using: &random) }
        if coin() { section["sample_T"] = pick([-1, Int.random(in: 1...steps, using: &random)]) }
        return section
    }

    private mutating func defaults(_ steps: Int) -> [String: Any] {
        let diffusion = manifest["diffusion"] as? [String: Any]
        let sampled = diffusion?["sample_T"] as? Int ?? -1
        let tables = sampled < 0 ? steps : sampled
        switch pick(["posterior", "mr-ode", "mr-sde", "times", "sde", "ode"]) {
        case "times":
            let times = Set((0..<3).map { _ in Int.random(in: 1...tables, using: &random) }).sorted(by: >)
            return ["sampler": pick(["posterior", "mr-ode", "mr-sde"]), "steps": times.count, "times": times]
        case let sampler where sampler == "posterior" || sampler.hasPrefix("mr-"):
            return ["sampler": sampler, "steps": Int.random(in: 1...min(tables, 100), using: &random)]
        case let sampler:
            return ["sampler": sampler, "steps": Int.random(in: 10...max(10, min(steps, 100)), using: &random)]
        }
    }

    // MARK: Weights

    /// Writes the files and the manifest into a new temporary folder.
    mutating func write() throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("restored-random-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let configuration = try DegradationAwareNetworks.Configuration(reader())
        let labels = (manifest["labels"] as? [String])?.count ?? 0
        try writeTensors("daclip", folder) { parameters in
            _ = try DegradationAwareCLIP(parameters, configuration: configuration.encoder, labelCount: labels)
        }
        try writeTensors("unet", folder) { parameters in
            _ = try ConditionalUNet(parameters, configuration: configuration.network)
        }
        if let text = configuration.encoder.text {
            let merges = (["header", "a b", "c d"].prefix(1 + text.vocabularySize - 514)).joined(separator: "\n") + "\n"
            try Data(merges.utf8).write(to: folder.appendingPathComponent("merges.txt"))
            add(["merges": try file("merges.txt", folder)], to: "daclip")
        }
        try write(manifest, folder)
        return folder
    }

    /// Writes a `bundle.json` beside the files.
    func write(_ manifest: Any, _ folder: URL) throws {
        try JSONSerialization.data(withJSONObject: manifest).write(to: folder.appendingPathComponent("bundle.json"))
    }

    private func reader() throws -> ConfigurationReader {
        try ConfigurationReader(json: [UInt8](JSONSerialization.data(withJSONObject: manifest)))
    }

    private mutating func add(_ members: [String: Any], to section: String) {
        manifest[section] = (manifest[section] as? [String: Any] ?? [:]).merging(members) { $1 }
    }

    private func file(_ name: String, _ folder: URL) throws -> [String: Any] {
        let bytes = try CheckpointBytes(contentsOf: folder.path + "/" + name)
        return ["file": name, "sha256": FileDigest.sha256(of: bytes)]
    }

    /// Learns from the network's own complaints which tensors of which shapes it wants, and makes them up.
    private mutating func writeTensors(
        _ section: String, _ folder: URL, _ build: (ParameterReader) throws -> Void
    ) throws {
        func complaint(_ tensors: [String: StoredTensor]) throws -> ParameterMismatch {
            do {
                try build(ParameterReader(StateDict(tensors)))
            } catch CheckpointError.mismatch(let mismatch) {
                return mismatch
            }
            return .init(missing: [], surplus: [], misshaped: [])
        }
        let nothing = StoredTensor([], shape: [0, 0, 0, 0, 0])
        let names = try complaint([:]).missing
        var tensors: [String: StoredTensor] = [:]
        for wanted in try complaint(Dictionary(uniqueKeysWithValues: names.map { ($0, nothing) })).misshaped {
            let values = (0..<wanted.expected.reduce(1, *)).map { _ in Float.random(in: -0.2...0.2, using: &random) }
            tensors[wanted.name] = StoredTensor(change("\(section)/\(wanted.name)", values), shape: wanted.expected)
        }
        if section == "daclip", let logarithm = storedLogitScale {
            tensors["logit_scale"] = StoredTensor([logarithm], shape: [])
        }
        let name = section + ".safetensors"
        try SafetensorsWriter.write(tensors, to: folder.path + "/" + name)
        add(try file(name, folder), to: section)
    }
}
