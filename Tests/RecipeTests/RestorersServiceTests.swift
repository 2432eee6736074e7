import Engine
import Foundation
import Images
import TestSupport
import Testing

/// Modes as clients see them.
@Suite("Restorers: service", .timeLimit(.minutes(2)))
struct RestorersServiceTests {
    private static let picture = Picture.sample(width: 61, height: 43)

    private static func served() throws -> RunningBundle {
        let diffusion = try SinglePassBundle("daclip-ir-sde", labels: ["noisy", "hazy", "snowy"], classifier: true)
        let noise = try SinglePassBundle("nafnet", seed: 3)
        return try RunningBundle(SinglePassBundle("restorers", [
            "classifier": ["bundle": diffusion.folder.lastPathComponent],
            "fast": ["noisy": ["bundle": noise.folder.lastPathComponent], "hazy": ["as": "noisy"]],
            "measured": ["noisy": ["fast": 30, "photo": 28], "hazy": ["fast": 25, "photo": 27]],
        ]))
    }

    @Test("the answer says which mode it was made in, in its head and as a document")
    func answers() async throws {
        let running = try Self.served()
        for (query, mode) in [
            ("degradation=noisy&mode=fast", "fast"), ("degradation=noisy&mode=photo&steps=2", "photo"),
            ("degradation=noisy", "fast"), ("degradation=hazy&mode=auto", "photo"), ("degradation=snowy", "photo"),
            ("degradation=noisy,snowy", "fast,photo"),
        ] {
            let answer = try await running.restore(Self.picture, "?\(query)&seed=1")
            #expect(answer.status == 200 && answer["Restored-Mode"] == mode, "\(query): \(answer.status)")
            // One evaluation draws nothing.
            #expect((answer["Restored-Sampler"] == nil) == (mode == "fast") && (answer["Restored-Seed"] == nil) == (mode == "fast"))
            let json = try await running.restore(Self.picture, "?\(query)&seed=1", fields: ["Accept: application/json"])
            let document = try #require(JSONSerialization.jsonObject(with: Data(json.body)) as? [String: Any])
            #expect(document["mode"] as? String == mode, "\(query)")
            #expect(document["image"] as? String == Data(answer.body).base64EncodedString(), "\(query)")
        }
        #expect(await running.life.drain() == 0)
    }

    @Test("a mode that there is not, and one that does nothing about the label, are problems that say so")
    func problems() async throws {
        let running = try Self.served()
        for query in ["mode=slow", "mode=", "mode=Fast", "mode=fast&degradation=snowy"] {
            let answer = try await running.restore(Self.picture, "?\(query)")
            #expect(answer.status == 400 && answer.text.contains(query.contains("snowy") ? "degradation" : "mode"), "\(query): \(answer.text)")
        }
        let single = try RunningBundle(SinglePassBundle("nafnet", labels: ["noisy"]))
        let photo = try await single.restore(Self.picture, "?mode=photo")
        #expect(photo.status == 400 && photo.text.contains("fast, auto"), "\(photo.text)")
        let fast = try await single.restore(Self.picture, "?mode=fast")
        #expect(fast.status == 200 && fast["Restored-Mode"] == "fast")
        #expect(await running.life.drain() == 0)
        #expect(await single.life.drain() == 0)
    }

    @Test("capabilities list the modes, and a job's result tells its own")
    func job() async throws {
        let running = try Self.served()
        let capabilities = try await Loopback.send("GET", "/capabilities", to: running.port)
        let document = try #require(JSONSerialization.jsonObject(with: Data(capabilities.body)) as? [String: Any])
        let bundle = try #require((document["bundles"] as? [[String: Any]])?.first)
        #expect(bundle["modes"] as? [String] == ["fast", "photo"])
        #expect((bundle["options"] as? [String])?.contains("mode") == true)
        // Which way it goes shows with what is found, so its steps are not known beforehand.
        let accepted = try await running.restore(Self.picture, "?force=true", fields: ["Prefer: respond-async"])
        let place = try #require(accepted["Location"])
        #expect(accepted.status == 202)
        var state = ""
        while !["done", "failed", "cancelled"].contains(state) {
            let answer = try await Loopback.send("GET", place, to: running.port)
            let status = try #require(JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any])
            state = try #require(status["state"] as? String)
            try await Task.sleep(for: .milliseconds(20))
        }
        let result = try await Loopback.send("GET", place + "/result", to: running.port)
        let mode = try #require(result["Restored-Mode"])
        #expect(result.status == 200 && mode == (result["Restored-Degradation"] == "noisy" ? "fast" : "photo"))
        #expect(await running.life.drain() == 0)
    }
}
