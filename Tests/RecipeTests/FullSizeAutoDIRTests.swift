import Checkpoints
import Engine
import Foundation
import Images
import Service
import TestSupport
import Testing

/// AutoDIR at its real size, with random weights, over HTTP: `Deploy/test --full`.
@Suite("Full-size AutoDIR", .serialized)
struct FullSizeAutoDIRTests {
    @Test("the archive has the keys and as many numbers as the official one")
    func keys() {
        let archive = FullSizeAutoDIR()
        #expect(archive.entries.count == 2_202 && Set(archive.entries.map(\.name)).count == 2_202)
        #expect(archive.parameterCount == 1_486_787_503)
    }

    @Test(
        "it is converted, loaded, restores in 4 steps, tells its progress, is cancelled, shares evaluations, and stays within its memory",
        .enabled("needs RESTORED_FULL, as Deploy/test --full sets it, and the parity folder's merges") {
            FullSizeBundle.isWanted
        })
    func wholeSize() async throws {
        try await FullSizeBundle.converted("autodir") { published in
            try FullSizeAutoDIR().writeBundle(to: published, precisions: ["fp32", "bf16"])
        } use: { converted in
            for (precision, limit) in [(Precision.bf16, 6), (.fp32, 9)] {
                try await serve(converted, precision, gibibytes: limit)
            }
        }
    }

    private func serve(_ folder: URL, _ precision: Precision, gibibytes limit: Int) async throws {
        ResidentMemory.forgetPeak()
        let before = ResidentMemory.peak
        let start = ContinuousClock.now
        let running = try FullSizeBundle.served(folder, precision)
        let loaded = ContinuousClock.now
        let picture = Picture.sample(width: 512, height: 512)
        let query = "?force=true&rounds=1&steps=4&seed=1"
        let answer = try await running.restore(picture, query)
        let restored = ContinuousClock.now
        #expect(answer.status == 200, "\(answer.text.prefix(400))")
        #expect(answer["Restored-Steps"] == "4" && answer["Restored-Verdicts"]?.isEmpty == false)
        let made = try ImageDecoder.decode(answer.body)
        #expect(made.width == 512 && made.height == 512 && Set(made.pixels).count > 16)

        let job = try await running.restore(picture, query, fields: ["Prefer: respond-async"])
        let events = try await Loopback.send("GET", try #require(job["Location"]) + "/events", to: running.port)
        // Four steps, and what is before and after them, each with what is left.
        #expect(events.text.contains("\"step\":3,") && events.text.contains("\"steps\":7"))
        #expect(events.text.contains("\"estimated_seconds\":") && events.text.contains("event: done\n"))
        let result = try await Loopback.send("GET", try #require(job["Location"]) + "/result", to: running.port)
        #expect(result.body == answer.body)

        let long = try await running.restore(picture, "?force=true&rounds=1&steps=100", fields: ["Prefer: respond-async"])
        let place = try #require(long["Location"])
        #expect(try await Loopback.send("DELETE", place, to: running.port).status == 204)
        let last = try await Loopback.send("GET", place + "/events", to: running.port)
        #expect(last.text.contains("event: cancelled\n"), "\(last.text)")
        if precision == .bf16 { try await keepCompany(running) }
        let peak = ResidentMemory.peak
        #expect(await running.life.drain() == 0)
        #expect(peak <= limit << 30, "\(peak) bytes")
        print(
            "AutoDIR, \(precision.rawValue): load \(loaded - start), 512x512 in 4 steps \(restored - loaded), "
                + "at most \(peak >> 20) MiB resident (\(before >> 20) before); \(answer["Server-Timing"] ?? "")")
    }

    /// Three requests at once, and one beside them that leaves while evaluations are shared: the three get what they get alone.
    private func keepCompany(_ running: RunningBundle) async throws {
        let pictures = (0..<3).map { index in
            let picture = Picture.sample(width: 256, height: 256)
            return Picture(width: 256, height: 256, pixels: picture.pixels.map { $0 / UInt8(index + 1) })
        }
        func restore(_ index: Int) async throws -> Loopback {
            try await running.restore(pictures[index], "?force=true&rounds=1&steps=4&seed=\(index)")
        }
        var alone: [[UInt8]] = []
        for index in pictures.indices { alone.append(try await restore(index).body) }
        let before = try await sharedSamples(running)
        let leaving = try await running.restore(
            pictures[0], "?force=true&rounds=1&steps=100&seed=9", fields: ["Prefer: respond-async"])
        let place = try #require(leaving["Location"])
        try await withThrowingTaskGroup(of: (Int, Loopback).self) { group in
            for index in pictures.indices { group.addTask { (index, try await restore(index)) } }
            while try await sharedSamples(running) == before { try await Task.sleep(for: .milliseconds(20)) }
            #expect(try await Loopback.send("DELETE", place, to: running.port).status == 204)
            for try await (index, answer) in group {
                #expect(answer.status == 200 && answer.body == alone[index], "\(index): \(answer.status)")
            }
        }
        let last = try await Loopback.send("GET", place + "/events", to: running.port)
        #expect(last.text.contains("event: cancelled\n"), "\(last.text.suffix(200))")
    }

    /// Samples of evaluations beyond one each, since the start.
    private func sharedSamples(_ running: RunningBundle) async throws -> Int {
        let page = try await Loopback.send("GET", "/metrics", to: running.port).text
        func number(_ name: String) -> Int {
            page.split(separator: "\n").first { $0.hasPrefix(name + " ") }?.split(separator: " ").last.flatMap { Double($0) }
                .map { Int($0) } ?? 0
        }
        return number("restored_batch_size_sum") - number("restored_batch_size_count")
    }
}
