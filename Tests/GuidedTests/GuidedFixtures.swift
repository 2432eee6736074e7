import Checkpoints
import Compute
import Foundation
import GuidedRestoration
import TestSupport
import Testing

/// What is recorded of guided networks: `NAME_io_N.safetensors` beside the weights of NAME, sizes in `config.json`.
enum GuidedFixtures {
    static let folder = ParityFolder.textual

    enum Backbone: String, CaseIterable, Sendable {
        case nafnet, restormer, promptir
    }

    /// The weights in whichever form they are there.
    static func weights(_ backbone: Backbone, _ precision: Precision) throws -> ParameterReader {
        let ending = ["pth", "pt", "safetensors"].first { folder.has("\(backbone.rawValue)_guided.\($0)") }
        let name = "\(backbone.rawValue)_guided.\(try #require(ending))"
        return ParameterReader(try StateDict(contentsOf: folder.path(name)), precision: precision)
    }

    /// The fixtures' own names of sizes, as the option files call them.
    private static let names: [String: [String: String]] = [
        "": [
            "nf": "nf", "ext": "ext_n_blocks", "fuse": "reffusion_n_blocks", "block": "lr_block_size",
            "ratio": "ref_down_block_size", "dilations": "dilations",
        ],
        "nafnet": ["width": "width", "enc": "enc_blk_nums", "middle": "middle_blk_num", "dec": "dec_blk_nums"],
        "restormer": body,
        "promptir": body.merging(
            ["prompt": "prompt_dims", "prompt_size": "prompt_sizes", "prompt_len": "prompt_len"]) { $1 },
    ]
    private static let body = [
        "dim": "dim", "blocks": "num_blocks", "refine": "num_refinement_blocks", "heads": "heads",
        "expand": "ffn_expansion_factor", "norm": "LayerNorm_type", "bias": "bias",
    ]

    private static func document() throws -> [String: Any] {
        let data = try Data(contentsOf: folder.url("config.json"))
        return try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    static func sizes(_ backbone: Backbone) throws -> ConfigurationReader {
        let recorded = try #require(document()[backbone.rawValue] as? [String: Any])
        let known = (names[""] ?? [:]).merging(names[backbone.rawValue] ?? [:]) { $1 }
        var sizes: [String: Any] = [:]
        for (key, value) in recorded { sizes[try #require(known[key], "the size \(key)")] = value }
        return try ConfigurationReader(json: [UInt8](JSONSerialization.data(withJSONObject: sizes)))
    }

    static func network(_ backbone: Backbone, _ precision: Precision = .fp32) throws -> any GuidedNetwork {
        let (weights, sizes) = (try weights(backbone, precision), try sizes(backbone))
        let network: any GuidedNetwork = switch backbone {
        case .nafnet: try GuidedNAFNet(weights, configuration: GuidedNAFNetConfiguration(sizes))
        case .restormer: try GuidedRestormer(weights, configuration: GuidedRestormerConfiguration(sizes))
        case .promptir: try GuidedPromptIR(weights, configuration: GuidedPromptIRConfiguration(sizes))
        }
        try sizes.finish()
        return network
    }

    /// Of a backbone, by the list in `config.json`.
    static func recordings(_ backbone: Backbone) throws -> [String] {
        let lists = try #require(document()["io"] as? [String: [Any]])
        return (0..<(lists[backbone.rawValue]?.count ?? 0)).map { "\(backbone.rawValue)_io_\($0 + 1)" }
    }

    static func recorded(_ name: String) throws -> StateDict { try StateDict(contentsOf: folder.path(name + ".safetensors")) }

    // MARK: Tolerances

    private struct Tolerances: Decodable {
        let relative_to_largest: [String: [String: Double]]
        let indices: Indices

        struct Indices: Decodable {
            let margin_above: Double
        }
    }

    private static func tolerances() throws -> Tolerances {
        try JSONDecoder().decode(Tolerances.self, from: Data(contentsOf: folder.url("tolerances.json")))
    }

    /// Of a tensor's largest value: what the longest pattern that fits says.
    static func share(of tensor: String, in file: String) throws -> Double {
        let byFile = try tolerances().relative_to_largest
        let files = byFile.keys.filter { fits(file, $0) }.sorted { $0.count > $1.count }
        let patterns = try #require(files.first.flatMap { byFile[$0] }, "\(file) has no tolerances")
        let best = patterns.keys.filter { fits(tensor, $0) }.max { $0.count < $1.count }
        return try #require(best.flatMap { patterns[$0] }, "\(tensor) of \(file) has no tolerance")
    }

    static func leastMargin() throws -> Float { Float(try tolerances().indices.margin_above) }

    /// `*` stands for anything.
    private static func fits(_ name: String, _ pattern: String) -> Bool {
        let pieces = pattern.split(separator: "*", omittingEmptySubsequences: false)
        guard pieces.count > 1 else { return name == pattern }
        guard name.hasPrefix(pieces[0]), name.hasSuffix(pieces[pieces.count - 1]) else { return false }
        var rest = Substring(name)
        for piece in pieces where !piece.isEmpty {
            guard let place = rest.firstRange(of: piece) else { return false }
            rest = rest[place.upperBound...]
        }
        return true
    }
}

/// Pictures of 8 bits as networks take them.
struct RecordedPictures {
    let samples: [[Float]]
    let height: Int
    let width: Int

    /// - Parameter tensor: bytes, (batch,) height x width x 3.
    init(_ tensor: StoredTensor) throws {
        let shape = tensor.shape.suffix(3).map(\.self)
        (height, width) = (shape[0], shape[1])
        let bytes = tensor.withBytes { [UInt8]($0) }
        let count = height * width * 3
        samples = (0..<bytes.count / count).map { sample in
            bytes[sample * count..<(sample + 1) * count].map { Float($0) / 255 }
        }
    }
}
