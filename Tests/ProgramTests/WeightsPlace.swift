import Bundles
import Checkpoints
import Foundation
import Glibc
import TestSupport
import Testing

/// A folder of weights and a catalogue, for the program.
struct WeightsPlace {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("restored-program-\(UUID())")
    var weights: String { folder.path + "/weights" }
    var catalogue: String { folder.path + "/catalogue.json" }
    var environment: [String: String] { ["RESTORED_WEIGHTS": weights] }

    init(catalogue: [UInt8]) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data(catalogue).write(to: URL(fileURLWithPath: self.catalogue))
    }

    func remove() { try? FileManager.default.removeItem(at: folder) }

    func digest(_ path: String) throws -> String { FileDigest.sha256(of: try CheckpointBytes(contentsOf: weights + path)) }

    /// By name, of the files right in a folder.
    func digests(_ folder: String) throws -> [String: String] {
        let names = try FileManager.default.contentsOfDirectory(atPath: weights + folder)
        return Dictionary(uniqueKeysWithValues: try names.filter { !$0.hasPrefix("original") }.map {
            ($0, try digest(folder + "/" + $0))
        })
    }

    /// A server that ends instead would not come back.
    static func wait(for server: RunningProgram, toSay words: String) throws {
        while !server.said.contains(words) {
            try #require(kill(server.process, 0) == 0 && !server.said.contains("restored: "), "\(server.said)")
            usleep(5_000)
        }
    }

    func curl(_ server: RunningProgram, _ path: String, _ arguments: String...) throws -> Data {
        let port = try #require(server.said.firstMatch(of: /"port":"?(\d+)/)?.output.1)
        let output = folder.appendingPathComponent("answer")
        let curl = Process()
        curl.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        curl.arguments =
            ["curl", "-sS", "--noproxy", "*", "-o", output.path] + arguments + ["http://127.0.0.1:\(port)\(path)"]
        try curl.run()
        curl.waitUntilExit()
        return try Data(contentsOf: output)
    }
}

/// The weights that come with the program, as an entry `toy` of a catalogue.
enum ToyBundle {
    static let folder = Repository.root.appendingPathComponent("Weights/mini")

    static func catalogue() throws -> [UInt8] {
        let json = try Data(contentsOf: folder.appendingPathComponent("bundle.json"))
        var bundle = try #require(try JSONSerialization.jsonObject(with: json) as? [String: Any])
        var files: [[String: Any]] = []
        for section in ["daclip", "unet"] {
            var object = try #require(bundle[section] as? [String: Any])
            files.append([
                "file": try #require(object["file"]), "sha256": try #require(object["sha256"]),
                "url": "https://files.example/\(section).safetensors",
            ])
            object["sha256"] = nil
            bundle[section] = object
        }
        for key in ["name", "version", "licence", "trainingDataTerms"] { bundle[key] = nil }
        let entry: [String: Any] = [
            "name": "toy", "version": "1", "restores": "something", "licence": "as mini", "trainingDataTerms": "as mini",
            "page": "https://files.example", "files": files, "bundle": bundle,
        ]
        return [UInt8](try JSONSerialization.data(withJSONObject: ["bundles": [entry]]))
    }

    static func files() throws -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        for name in ["/daclip.safetensors", "/unet.safetensors"] { files[name] = [UInt8](try Data(contentsOf: folder.appendingPathComponent(name))) }
        return files
    }
}
