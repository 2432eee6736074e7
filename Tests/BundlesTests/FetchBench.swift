import Bundles
import Checkpoints
import Foundation
import Synchronization
import TestSupport
import Testing

/// A folder of weights, a server and an entry with one file, `data.txt`, for tests of fetching.
final class FetchBench: Sendable {
    let folder: URL
    let server: LoopbackServer
    /// What was waited in all; nobody waits in truth.
    private let waited = Mutex(Duration.zero)

    var weights: WeightsFolder { WeightsFolder(path: folder.path) }
    var place: String { folder.path + "/toy" }
    var paused: Duration { waited.withLock { $0 } }

    init(_ behaviour: @escaping LoopbackServer.Behaviour) throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("restored-fetch-\(UUID())")
        server = try LoopbackServer(behaviour)
    }

    deinit {
        server.stop()
        try? FileManager.default.removeItem(at: folder)
    }

    /// Bytes that repeat nowhere.
    static func bytes(_ count: Int = 100_000, seed: UInt64 = 1) -> [UInt8] {
        var random = SeededGenerator(seed: seed)
        return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &random) }
    }

    static func digest(_ bytes: [UInt8]) -> String { FileDigest.sha256(of: CheckpointBytes(bytes)) }

    static func entry(
        version: String = "1", bytes: Int? = nil, sha256: String? = nil, accept: Bool = false, kind: String = "toy",
        url: String? = "https://files.example/a/data.txt"
    ) throws -> CatalogueEntry {
        var file: [String: Any] = ["file": "data.txt"]
        file["url"] = url
        file["bytes"] = bytes
        file["sha256"] = sha256
        let entry: [String: Any] = [
            "name": "toy", "version": version, "restores": "nothing", "licence": "none", "trainingDataTerms": "none",
            "accept": accept, "page": "https://files.example", "files": [file],
            "bundle": ["kind": kind, "thing": ["file": "data.txt"]],
        ]
        let json = try JSONSerialization.data(withJSONObject: ["bundles": [entry]])
        return try Catalogue(json: [UInt8](json)).entry("toy")
    }

    /// What every fetch here has: no waiting, no proxy of the machine, and the server in place of `files.example`.
    func options(_ change: (inout FetchOptions) -> Void = { _ in }) throws -> FetchOptions {
        var options = FetchOptions()
        options.mirror = try WebAddress(server.url)
        options.network.usesProxies = false
        options.network.random = { 0.5 }
        options.network.pause = { [weak self] duration in self?.waited.withLock { $0 += duration } }
        change(&options)
        return options
    }

    @discardableResult
    func fetch(
        _ entry: CatalogueEntry, _ change: (inout FetchOptions) -> Void = { _ in },
        progress: @escaping (FetchProgress) -> Void = { _ in }, isCancelled: @escaping () -> Bool = { false }
    ) throws(FetchError) -> FetchedBundle {
        let options: FetchOptions
        do { options = try self.options(change) } catch { throw .cancelled }
        return try BundleFetch(entry, into: weights, options: options, preparation: Copying())
            .run(progress: progress, isCancelled: isCancelled)
    }

    /// The error of a fetch that must not succeed.
    func failure(
        _ entry: CatalogueEntry, _ change: (inout FetchOptions) -> Void = { _ in },
        sourceLocation: SourceLocation = #_sourceLocation
    ) -> FetchError? {
        do throws(FetchError) {
            try fetch(entry, change)
            Issue.record("it was fetched", sourceLocation: sourceLocation)
            return nil
        } catch {
            #expect(!error.description.contains("\n"), sourceLocation: sourceLocation)
            return error
        }
    }

    /// What is in its place now.
    var fetched: [UInt8]? { (try? Data(contentsOf: URL(fileURLWithPath: place + "/data.txt"))).map { [UInt8]($0) } }

    /// What waits to be gone on with.
    var partial: Int? {
        let path = folder.path + "/.toy.part/original/data.txt.part"
        return (try? FileManager.default.attributesOfItem(atPath: path)[.size]) as? Int
    }

    /// Nothing is left behind but bundles.
    var leftovers: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).filter { $0 != "toy" }
    }
}

/// A kind whose bundles are served as they come, unless they say that they are unfit or that the disk is full.
struct Copying: BundlePreparing {
    var kinds: Set<String> { ["toy"] }

    func prepare(_ original: String, into folder: String) throws {
        let data = try Data(contentsOf: URL(fileURLWithPath: original + "/data.txt"))
        if data.starts(with: Data("unfit".utf8)) { throw BundleError.merges(file: "data.txt", reason: "is unfit") }
        if data.starts(with: Data("full".utf8)) { throw FetchError.system(path: folder, reason: "No space left on device") }
        for name in ["data.txt", "bundle.json"] {
            try Data(contentsOf: URL(fileURLWithPath: original + "/" + name)).write(
                to: URL(fileURLWithPath: folder + "/" + name))
        }
    }
}
