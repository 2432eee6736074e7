import Bundles
import Engine
import Foundation
import Images
import Service
import Synchronization
import TestSupport
import Testing
import restored

/// Bundles of the kind `autodir` behind a socket and on the command line.
@Suite("AutoDIR: service", .timeLimit(.minutes(5)))
struct AutoDIRServiceTests {
    private func running(_ bundle: AutoDIRBundle, log lines: LogLines = LogLines()) throws -> RunningBundle {
        try RunningBundle(ServiceLog(level: .info, sink: LogSink { lines.add($0) })) { try bundle.engine($0) }
    }

    /// What was logged. The mutex guards it.
    private final class LogLines: Sendable {
        private let lines = Mutex<[String]>([])

        func add(_ more: [String]) { lines.withLock { $0 += more } }
        var text: String { lines.withLock { $0.joined(separator: "\n") } }
    }

    private static let picture = Picture.sample(width: 53, height: 42)

    @Test("a document has each verdict with its probabilities; so have the field of a picture, the log and a job's event")
    func verdicts() async throws {
        let lines = LogLines()
        let running = try running(AutoDIRBundle(), log: lines)
        let query = "?force=true&rounds=2&seed=5"
        let answer = try await running.restore(Self.picture, query, fields: ["Accept: application/json"])
        #expect(answer.status == 200, "\(answer.text)")
        let document = try #require(JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any])
        let verdicts = try #require(document["verdicts"] as? [[[String: Any]]])
        #expect(verdicts.first?.count == 7 && document["sampler"] as? String == "euler-a" && document["steps"] as? Int == 3)
        let best = try #require(verdicts.first?.first?["label"] as? String)
        #expect((document["degradation"] as? String)?.hasPrefix(best) == true)
        let picture = try await running.restore(Self.picture, query)
        let field = try #require(picture["Restored-Verdicts"])
        #expect(field.hasPrefix(best + "=0.") && field.components(separatedBy: "; ").count == verdicts.count)
        #expect(picture["Restored-Prompt-Cut"] == nil && lines.text.contains(field))

        let job = try await running.restore(Self.picture, query, fields: ["Prefer: respond-async"])
        let place = try #require(job["Location"])
        let events = try await Loopback.send("GET", place + "/events", to: running.port)
        #expect(events.text.contains("event: done\n") && events.text.contains(field), "\(events.text)")
        let result = try await Loopback.send("GET", place + "/result", to: running.port)
        #expect(result.body == picture.body)
        #expect(await running.life.drain() == 0)
    }

    @Test("words reach the network over HTTP, a cut prompt is told, and what can't be is a problem that names it")
    func options() async throws {
        let running = try running(AutoDIRBundle())
        let first = try await running.restore(Self.picture, "?prompt=more%20light&seed=1&guidance=3,1.5")
        let second = try await running.restore(Self.picture, "?prompt=less%20rain&seed=1&guidance=3,1.5")
        #expect(first.status == 200 && second.status == 200 && first.body != second.body)
        // A token a byte here, of which 22 have room between start and end.
        let letters = String(repeating: "a", count: 22)
        let whole = try await running.restore(Self.picture, "?seed=1&guidance=3,1.5&prompt=" + letters)
        #expect(whole.status == 200 && whole["Restored-Prompt-Cut"] == nil)
        let cut = try await running.restore(Self.picture, "?seed=1&guidance=3,1.5&prompt=" + letters + "b")
        let longer = try await running.restore(Self.picture, "?seed=1&guidance=3,1.5&prompt=" + letters + "c%20and%20more")
        #expect(cut["Restored-Prompt-Cut"] == "true" && longer["Restored-Prompt-Cut"] == "true")
        #expect(cut.body == longer.body)
        let document = try await running.restore(
            Self.picture, "?seed=1&guidance=3,1.5&prompt=" + letters + "b", fields: ["Accept: application/json"])
        #expect(document.text.contains("\"prompt_cut\":true"), "\(document.text.prefix(300))")
        for (query, name) in [
            ("guidance=21", "guidance"), ("colour=blue", "colour"), ("steps=101", "steps"), ("sampler=posterior", "sampler"),
            ("degradation=dust", "degradation"), ("tile=800", "tile"),
        ] {
            let refused = try await running.restore(Self.picture, "?" + query)
            #expect(refused.status == 400 && refused.text.contains(name), "\(refused.text)")
        }
        let classified = try await Loopback.send("POST", "/classify", to: running.port, body: ImageEncoder.png(Self.picture))
        #expect(classified.status == 200 && classified.text.contains("\"low-resolution\""))
        let capabilities = try await Loopback.send("GET", "/capabilities", to: running.port)
        #expect(capabilities.text.contains("\"guidance\"") && capabilities.text.contains("\"dpm-2m\""))
        #expect(await running.life.drain() == 0)
    }

    @Test("an archive becomes a bundle that restores as it does, and tables of the schedule are left out")
    func conversion() async throws {
        let bundle = try AutoDIRBundle(asArchive: true)
        let target = bundle.folder.appendingPathComponent("converted")
        let preparation = BundlePreparation(EngineConfiguration())
        #expect(try await BundleFolderConversion(
            bundle.folder.path, to: target.path, keepsOriginal: false, preparation: preparation).run())
        let names = try FileManager.default.contentsOfDirectory(atPath: target.path)
        #expect(names.contains("autodir.safetensors") && names.contains("check.safetensors"))
        var options = RestorationOptions()
        (options.seed, options.force) = (1, true)
        let converted = try RecipeEngine(Bundles.Bundle.load(target.path), configuration: EngineConfiguration())
        let results = try await [
            bundle.engine().restore(Self.picture, options: options) { _ in },
            converted.restore(Self.picture, options: options) { _ in },
        ]
        #expect(results[0].picture == results[1].picture && results[0].verdicts == results[1].verdicts)
    }
}
