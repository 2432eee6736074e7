import Bundles
import Engine
import Foundation
import Images
import Testing

/// A folder with a toy's `bundle.json`, which goes with the last reference.
final class ToyBundle: Sendable {
    static let gain: Float = 0.125

    let folder: URL

    /// - Parameter members: put beside or in place of the usual ones.
    init(named label: String? = "dim", _ members: [String: Any] = [:]) throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("restored-toy-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        var manifest: [String: Any] = [
            "kind": ToyRecipe.kind, "name": "rows", "version": "3", "licence": "none", "trainingDataTerms": "none",
            "network": ["gain": Self.gain],
        ]
        manifest["labels"] = label.map { [$0] }
        manifest.merge(members) { $1 }
        try JSONSerialization.data(withJSONObject: manifest).write(to: folder.appendingPathComponent("bundle.json"))
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func engine(
        _ probe: ToyProbe = ToyProbe(), _ configure: (inout EngineConfiguration) -> Void = { _ in }
    ) throws -> RecipeEngine {
        var configuration = EngineConfiguration()
        configure(&configuration)
        return try RecipeEngine(
            Bundles.Bundle.load(folder.path), configuration: configuration, recipes: ToyRecipe.registry(probe))
    }
}

extension Picture {
    /// Values around one that rises from left to right; no two seeds give the same.
    static func shade(_ level: Int, width: Int = 24, height: Int = 16, seed: Int = 0) -> Picture {
        Picture(
            width: width, height: height,
            pixels: (0..<width * height * 3).map { UInt8(min(255, level + ($0 * 7 + seed * 13) % 24)) })
    }
}

/// Waits until something holds, however busy the machine.
func eventually(
    _ comment: Comment, sourceLocation: SourceLocation = #_sourceLocation, _ condition: () async throws -> Bool
) async rethrows {
    let start = ContinuousClock.now
    while ContinuousClock.now - start < .seconds(60) {
        if try await condition() { return }
        try? await Task.sleep(for: .milliseconds(2))
    }
    Issue.record(comment, sourceLocation: sourceLocation)
}
