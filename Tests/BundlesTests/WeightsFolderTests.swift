import Bundles
import Foundation
import Testing

/// Where bundles are looked for by name.
@Suite("Folder of weights")
struct WeightsFolderTests {
    @Test("what is set goes first, then XDG's data, then the user's home", arguments: [
        ("/set", ["XDG_DATA_HOME": "/data", "HOME": "/home/a"], "/set"),
        ("relative", [:], "relative"),
        ("", ["XDG_DATA_HOME": "/data", "HOME": "/home/a"], "/data/restored"),
        ("", ["XDG_DATA_HOME": "/data/", "HOME": "/home/a"], "/data/restored"),
        ("", ["XDG_DATA_HOME": "relative", "HOME": "/home/a"], "/home/a/.local/share/restored"),
        ("", ["XDG_DATA_HOME": "", "HOME": "/home/a"], "/home/a/.local/share/restored"),
        ("", ["HOME": "/"], "/.local/share/restored"),
        ("", ["HOME": ""], nil), ("", [:], nil),
    ] as [(String, [String: String], String?)])
    func place(setting: String, environment: [String: String], path: String?) {
        #expect(WeightsFolder(setting: setting, environment: environment)?.path == path)
    }

    @Test("a plain word is a folder that is there, else a bundle that was fetched; anything else is a path")
    func resolution() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("restored-weights-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        for name in ["b", "a", ".a.part", "with blank"] {
            let bundle = folder.appendingPathComponent(name)
            try FileManager.default.createDirectory(at: bundle, withIntermediateDirectories: true)
            try Data("{}".utf8).write(to: bundle.appendingPathComponent("bundle.json"))
        }
        try FileManager.default.createDirectory(at: folder.appendingPathComponent("empty"), withIntermediateDirectories: true)
        let weights = WeightsFolder(path: folder.path)
        #expect(weights.names == ["a", "b"])
        #expect(try WeightsFolder.resolve("a", in: weights) == folder.path + "/a")
        for path in ["./a", "Weights/mini", "/nowhere", "..", ".hidden", "with blank"] {
            #expect(try WeightsFolder.resolve(path, in: weights) == path)
        }
        for name in ["c", "empty"] {
            let error = try #require(throws: BundleError.self) { try WeightsFolder.resolve(name, in: weights) }
            #expect(error == .notThere(name: name, weights: folder.path))
        }
        #expect(throws: BundleError.notThere(name: "a", weights: nil)) { try WeightsFolder.resolve("a", in: nil) }
        #expect(WeightsFolder(path: folder.path + "/nowhere").names == [])
    }
}
