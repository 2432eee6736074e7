import Bundles
import Checkpoints
import Engine
import Foundation
import Service
import TestSupport
import Testing
import Threads

/// A bundle of networks of their real size, with random weights, converted as a user would and served.
enum FullSizeBundle {
    /// Whether such are wanted, and what their text towers need is there.
    static var isWanted: Bool {
        ProcessInfo.processInfo.environment["RESTORED_FULL"] == "1" && ParityFolder.current.has("bpe_simple_vocab_16e6.txt.gz")
    }

    /// - Parameters:
    ///   - write: the bundle as it is published, into a folder that goes once it is converted.
    ///   - use: the converted one's folder, which goes afterwards.
    static func converted(_ name: String, write: (URL) throws -> Void, use: (URL) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("restored-\(name)-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        let (published, converted) = (folder.appendingPathComponent("published"), folder.appendingPathComponent("converted"))
        try FileManager.default.createDirectory(at: published, withIntermediateDirectories: true)
        try write(published)
        var preparing = EngineConfiguration()
        preparing.threadsPerEvaluation = 2
        #expect(try await BundleFolderConversion(
            published.path, to: converted.path, keepsOriginal: false,
            preparation: BundlePreparation(preparing, checks: false)).run())
        try FileManager.default.removeItem(at: published)
        try await use(converted)
    }

    static func served(_ folder: URL, _ precision: Precision) throws -> RunningBundle {
        try RunningBundle(ServiceLog(level: .error, sink: LogSink { _ in })) { prepare in
            var configuration = EngineConfiguration()
            (configuration.threadsPerEvaluation, configuration.precision) = (2, precision)
            prepare(&configuration)
            let pool = JobPool(size: 2)
            let bundle = try Bundles.Bundle.load(folder.path) { pool.run($0, $1) }
            return try RecipeEngine(bundle, configuration: configuration)
        }
    }
}
