import Bundles
import Engine
import Foundation
import Images
import TestSupport
import Testing

/// A `bundle.json` with a value that can't be fails by name, or does no harm; none ends the process.
@Suite("Single pass: random faults", .timeLimit(.minutes(2)))
struct SinglePassFaultTests {
    @Test(
        "a random fault in a sound manifest",
        arguments: ["nafnet", "conditional-nafnet", "instructir", "restormer", "promptir", "restorers"])
    func faults(kind: String) async throws {
        let owner = try SinglePassBundle("conditional-nafnet", labels: ["noisy", "hazy"], classifier: true)
        let name = owner.folder.lastPathComponent
        let bundle = kind == "restorers"
            ? try SinglePassBundle(kind, [
                "classifier": ["bundle": name], "fast": ["noisy": ["bundle": name], "hazy": ["as": "noisy"]],
                "measured": ["noisy": ["fast": 1, "photo": 2]],
            ])
            : try SinglePassBundle(kind, labels: ["noisy", "hazy"], classifier: kind == "conditional-nafnet")
        let file = bundle.folder.appendingPathComponent("bundle.json")
        let sound = try #require(JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
        var random = SeededGenerator(seed: 5)
        var refused = 0
        for _ in 0..<60 {
            let changed = ManifestFault.added(to: sound, of: Self.extremes, using: &random)
            try bundle.write(changed)
            do {
                let engine = try bundle.engine()
                var options = RestorationOptions()
                if engine.recipe.options.contains(.prompt) { options.prompt = "blur" }
                _ = try await engine.restore(Picture.sample(width: 9, height: 8), options: options) { _ in }
                await engine.stop()
            } catch let error as BundleError {
                refused += 1
                #expect(!error.description.isEmpty && !error.description.contains("\n"), "\(changed)")
            } catch RestorationError.option {
                // A classifier that is gone may leave nothing to go by.
            }
        }
        #expect(refused > 20, "\(refused)")
    }

    private static var extremes: [Any] { [
        NSNull(), true, 0, -1, 1, 2, 3, 31, 64, 1_000, 1_024, 8_192, Int(Int32.max), Int.max, Int.min, 0.5, -0.5, 1e-300, 1e300,
        "", "text", "..", "\u{0}", String(repeating: "x", count: 5_000), [Int](), [0], [1], [64, 64], [[1]], [1, 1, 1, 1],
        ["file": "nafnet.safetensors", "sha256": "0"],
    ] }
}
