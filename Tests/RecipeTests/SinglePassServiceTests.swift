import Engine
import Foundation
import Images
import TestSupport
import Testing

/// Networks of one evaluation behind a socket.
@Suite("Single pass: service", .timeLimit(.minutes(2)))
struct SinglePassServiceTests {
    private static let picture = Picture.sample(width: 61, height: 43)

    @Test("two prompts are two pictures over HTTP, as the engine makes them, and none is a problem that says so")
    func prompts() async throws {
        let bundle = try SinglePassBundle("instructir", labels: ["noisy", "hazy"])
        let running = try RunningBundle(bundle)
        let engine = try bundle.engine()
        var answers: [[UInt8]] = []
        for prompt in ["remove the noise", "clear the haze"] {
            let answer = try await running.restore(
                Self.picture, "?prompt=\(prompt.replacingOccurrences(of: " ", with: "%20"))")
            #expect(answer.status == 200, "\(answer.text)")
            var options = RestorationOptions()
            options.prompt = prompt
            let expected = try await engine.restore(Self.picture, options: options) { _ in }.picture
            #expect(try ImageDecoder.decode(answer.body).pixels == expected.pixels)
            for name in ["Restored-Seed", "Restored-Degradation", "Restored-Confidence", "Restored-Unchanged"] {
                #expect(answer[name] == nil, "\(name)")
            }
            answers.append(answer.body)
        }
        #expect(answers[0] != answers[1])
        let label = try await running.restore(Self.picture, "?degradation=hazy")
        #expect(label["Restored-Degradation"] == "hazy" && label["Restored-Confidence"] == nil && label.body == answers[1])
        let none = try await running.restore(Self.picture)
        #expect(none.status == 400 && none.text.contains("prompt"), "\(none.text)")
        let long = try await running.restore(Self.picture, "?prompt=" + String(repeating: "a", count: 1_001))
        #expect(long.status == 400)
        #expect(await running.life.drain() == 0)
    }

    @Test("a document tells the label and no confidence, and a classification is refused")
    func document() async throws {
        let running = try RunningBundle(SinglePassBundle("nafnet", labels: ["noisy"]))
        let answer = try await running.restore(Self.picture, fields: ["Accept: application/json"])
        let document = try #require(JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any])
        #expect(document["degradation"] as? String == "noisy" && document["confidence"] == nil && document["sampler"] == nil)
        #expect((document["rounds"] as? [[String: Any]])?.first?["confidence"] == nil)
        let refused = try await Loopback.send(
            "POST", "/classify", to: running.port, body: ImageEncoder.png(Self.picture))
        #expect((400..<500).contains(refused.status) && refused.text.contains("classification"), "\(refused.text)")
        #expect(await running.life.drain() == 0)
    }

    @Test("eight clients at once share evaluations and get the bytes that each gets alone", arguments: ["instructir", "nafnet"])
    func company(kind: String) async throws {
        let bundle = try SinglePassBundle(kind, labels: ["noisy", "hazy"])
        let (together, alone) = (try RunningBundle(bundle) { $0.workers = 1 }, try RunningBundle(bundle))
        let pictures = (0..<8).map { Picture.sample(width: 40 + $0 % 2, height: 32) }
        @Sendable func query(_ number: Int) -> String {
            kind == "nafnet" ? ["", "?degradation=hazy"][number % 2]
                : "?prompt=" + ["remove%20the%20noise", "clear%20the%20haze", "blurry"][number % 3]
        }
        var expected: [[UInt8]] = []
        for (number, picture) in pictures.enumerated() {
            let answer = try await alone.restore(picture, query(number))
            #expect(answer.status == 200, "\(answer.text)")
            expected.append(answer.body)
        }
        // Who meets whom is up to the machine; within a few rounds some do.
        var shared = 0
        for _ in 0..<20 where shared == 0 {
            try await withThrowingTaskGroup(of: (Int, Loopback).self) { group in
                for (number, picture) in pictures.enumerated() {
                    group.addTask { (number, try await together.restore(picture, query(number))) }
                }
                for try await (number, answer) in group { #expect(answer.body == expected[number], "client \(number)") }
            }
            shared = try await Self.sharedEvaluations(of: together)
        }
        #expect(shared > 0)
        #expect(await together.life.drain() == 0)
        #expect(await alone.life.drain() == 0)
    }

    /// Evaluations of more than one sample, as its metrics tell.
    private static func sharedEvaluations(of running: RunningBundle) async throws -> Int {
        let page = try await Loopback.send("GET", "/metrics", to: running.port).text
        func value(_ name: String) -> Int? {
            page.split(separator: "\n").first { $0.hasPrefix(name + " ") }?.split(separator: " ").last.flatMap { Int($0) }
        }
        let all = try #require(value("restored_batch_size_count"))
        return all - (try #require(value("restored_batch_size_bucket{le=\"1.0\"}")))
    }
}
