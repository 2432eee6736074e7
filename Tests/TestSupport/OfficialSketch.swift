import Bundles
import CLIP
import Checkpoints
package import Foundation
import RestorationUNet

/// A published pair of networks in small: the files' names, keys, kinds of pickle and doubled names are those of the
/// official checkpoints, sizes are not, and the numbers are random.
package struct OfficialSketch: Sendable {
    /// Where the hub has the files.
    package static let folder = "/weblzw/daclip-uir-ViT-B-32-irsde/resolve/main/"
    /// And another server the merges.
    package static let mergesPath = "/openai/CLIP/main/clip/bpe_simple_vocab_16e6.txt.gz"

    package let name: String
    private let encoderFile, networkFile: String
    private let isWild: Bool

    package static let universal = OfficialSketch(
        name: "daclip-universal", encoderFile: "daclip_ViT-B-32.pt", networkFile: "universal-ir.pth", isWild: false)
    package static let wild = OfficialSketch(
        name: "daclip-wild", encoderFile: "wild-daclip_ViT-L-14.pt", networkFile: "wild-ir.pth", isWild: true)

    private static let embedding = 8

    private var encoderSettings: [String: Any] { [
        "file": encoderFile, "embed_dim": Self.embedding,
        "vision_cfg": ["image_size": 32, "layers": 2, "width": 16, "patch_size": 16, "head_width": 8],
        "text_cfg": ["context_length": 8, "vocab_size": 516, "width": 8, "heads": 2, "layers": 1], "custom_text": true,
        "merges": ["file": "bpe_simple_vocab_16e6.txt.gz"],
    ] }

    private var networkSettings: [String: Any] { [
        "file": networkFile, "in_nc": 3, "out_nc": 3, "nf": 32, "ch_mult": [1, 1, 1, 1], "context_dim": Self.embedding,
        "use_degra_context": !isWild, "use_image_context": true, "scale": isWild ? 0.5 : 1,
    ] }

    /// The built-in catalogue's entry with these sizes.
    package static func catalogue(_ sketches: [OfficialSketch], labels: [String] = ["rainy", "hazy", "snowy"]) throws -> [UInt8] {
        let entries = sketches.map { sketch -> [String: Any] in
            func file(_ name: String) -> [String: Any] {
                ["file": name, "url": "https://huggingface.co" + folder + name]
            }
            return [
                "name": sketch.name, "version": "1", "restores": "nothing: random numbers", "licence": "MIT",
                "trainingDataTerms": "none", "page": "https://huggingface.co/weblzw/daclip-uir-ViT-B-32-irsde",
                "files": [
                    file(sketch.encoderFile), file(sketch.networkFile),
                    ["file": "bpe_simple_vocab_16e6.txt.gz", "url": "https://raw.githubusercontent.com" + mergesPath],
                ],
                "bundle": [
                    "prediction": "noise", "labels": labels, "logit_scale": 100, "daclip": sketch.encoderSettings,
                    "unet": sketch.networkSettings, "diffusion": [String: Int](),
                    "default": ["sampler": "posterior", "steps": 100],
                ],
            ]
        }
        return [UInt8](try JSONSerialization.data(withJSONObject: ["bundles": entries]))
    }

    /// The files by their paths on the servers.
    package func files(seed: UInt64 = 1) throws -> [String: [UInt8]] {
        var random = SeededGenerator(seed: seed)
        let encoder = try DegradationAwareCLIPConfiguration(Self.reader(encoderSettings))
        let network = try ConditionalUNetConfiguration(Self.reader(networkSettings))
        var first = try Self.tensors(&random) {
            _ = try DegradationAwareCLIP($0, configuration: encoder, labelCount: 1)
        }
        // As the published files have them: each tensor of the image encoder under two names, and both scales.
        first += first.filter { $0.name.hasPrefix("clip.visual.") }.map { (String($0.name.dropFirst(5)), $0.tensor) }
        first += ["logit_scale", "clip.logit_scale"].map { ($0, StoredTensor([4.605_170_2], shape: [])) }
        let second = try Self.tensors(&random) { _ = try ConditionalUNet($0, configuration: network) }
        return [
            Self.folder + encoderFile: TorchArchiveWriter.bytes(of: first),
            Self.folder + networkFile: TorchArchiveWriter.bytes(of: second),
            Self.mergesPath: Array("header\na b\nc d\n".utf8),
        ]
    }

    /// Written into a folder `published` of another one, with a `bundle.json`.
    package func publish(in folder: URL) throws -> URL {
        let original = folder.appendingPathComponent("published")
        try FileManager.default.createDirectory(at: original, withIntermediateDirectories: true)
        var digests: [String: String] = [:]
        for (path, bytes) in try files() {
            let name = String(path.split(separator: "/").last ?? "")
            try Data(bytes).write(to: original.appendingPathComponent(name))
            digests[name] = FileDigest.sha256(of: CheckpointBytes(bytes))
        }
        let entry = try Catalogue(json: Self.catalogue([self])).entry(name)
        try Data(entry.manifest(digests: digests).document.utf8).write(to: original.appendingPathComponent("bundle.json"))
        return original
    }

    private static func reader(_ settings: [String: Any]) throws -> ConfigurationReader {
        try ConfigurationReader(json: [UInt8](JSONSerialization.data(withJSONObject: settings)))
    }

    /// Learns from a network's own complaints which tensors of which shapes it wants, and makes them up.
    private static func tensors(
        _ random: inout SeededGenerator, _ build: (ParameterReader) throws -> Void
    ) throws -> [(name: String, tensor: StoredTensor)] {
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
        return try complaint(Dictionary(uniqueKeysWithValues: names.map { ($0, nothing) })).misshaped.map { wanted in
            let half = StateDictListing.randomTensor(wanted.name, wanted.expected, &random)
            return (wanted.name, StoredTensor(half.floats(), shape: wanted.expected))
        }
    }
}
