import Bundles
import Checkpoints
package import Foundation

/// A folder with a bundle made of the parity fixtures, random weights of small networks, which goes with the last reference.
package final class FixtureBundle: Sendable {
    /// Of the parity fixtures' DA-CLIP.
    package static let degradations = [
        "motion-blurry", "hazy", "jpeg-compressed", "low-light", "noisy", "raindrop", "rainy", "shadowed", "snowy", "uncompleted",
    ]
    private static let merges = "bpe_simple_vocab_16e6.txt.gz"

    package let folder: URL
    package var path: String { folder.path }

    /// Whether all files are there that these bundles are made of.
    package static var isAvailable: Bool {
        ParityFolder.current.has(
            "config.json", "daclip_small.pth", "unet_a.pth", "unet_b.pth", "unet_c.pth", "unet_d.pth", merges)
    }

    /// A bundle with DA-CLIP and its text tower.
    ///
    /// - Parameters:
    ///   - network: `unet_a`, `unet_c` or `unet_d`.
    ///   - place: the folder in which its own is made; nil for a temporary one.
    ///   - members: put beside or in place of the usual ones.
    package static func steered(
        _ name: String, network: String = "unet_a", in place: URL? = nil, _ members: [String: Any] = [:]
    ) throws -> FixtureBundle {
        let sizes = try configurations()
        var encoder = sizes["daclip_small"] as? [String: Any] ?? [:]
        let bundle = try FixtureBundle(named: name, in: place)
        encoder.merge(try bundle.file("daclip_small.pth")) { $1 }
        encoder["merges"] = try bundle.file(merges)
        var manifest: [String: Any] = ["daclip": encoder, "logit_scale": 11.4706, "labels": degradations]
        manifest.merge(members) { $1 }
        try bundle.write(manifest, network: network, sizes)
        return bundle
    }

    /// A bundle of a network without contexts.
    package static func plain(
        _ name: String, in place: URL? = nil, _ members: [String: Any] = [:]
    ) throws -> FixtureBundle {
        let bundle = try FixtureBundle(named: name, in: place)
        var manifest: [String: Any] = ["kind": "ir-sde", "labels": ["noisy"]]
        manifest.merge(members) { $1 }
        try bundle.write(manifest, network: "unet_b", try configurations())
        return bundle
    }

    private let name: String

    private init(named name: String, in place: URL?) throws {
        self.name = name
        folder = (place ?? FileManager.default.temporaryDirectory)
            .appendingPathComponent(place == nil ? "restored-fixture-\(UUID())" : name)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    private static func configurations() throws -> [String: Any] {
        let data = try Data(contentsOf: ParityFolder.current.url("config.json"))
        return try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
    }

    private func write(_ manifest: [String: Any], network: String, _ sizes: [String: Any]) throws {
        var section = (sizes[network] as? [String: Any] ?? [:]).filter { !($0.value is NSNull) }
        section.merge(try file(network + ".pth")) { $1 }
        var whole: [String: Any] = [
            "name": name, "version": "1", "licence": "none: random numbers", "trainingDataTerms": "none", "prediction": "noise",
            "unet": section, "diffusion": ["T": 100], "default": ["sampler": "posterior", "steps": 1],
        ]
        whole.merge(manifest) { $1 }
        try write(whole)
    }

    /// Writes another `bundle.json`.
    package func write(_ manifest: [String: Any]) throws {
        try JSONSerialization.data(withJSONObject: manifest).write(to: folder.appendingPathComponent("bundle.json"))
    }

    /// What `bundle.json` says.
    package func manifest() throws -> [String: Any] {
        let data = try Data(contentsOf: folder.appendingPathComponent("bundle.json"))
        return try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
    }

    /// Links one of the fixtures here.
    private func file(_ name: String) throws -> [String: Any] {
        let source = ParityFolder.current.url(name)
        try FileManager.default.createSymbolicLink(at: folder.appendingPathComponent(name), withDestinationURL: source)
        return ["file": name, "sha256": FileDigest.sha256(of: try CheckpointBytes(contentsOf: source.path))]
    }
}
