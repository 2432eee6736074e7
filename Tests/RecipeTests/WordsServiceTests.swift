import ArgumentParser
import Engine
import Foundation
import Images
import Service
import TestSupport
import Testing
import restored

/// Drawn guidance behind a socket.
@Suite("Words: service", .enabled(if: WordsBundle.isThere), .timeLimit(.minutes(5)))
struct WordsServiceTests {
    private static func running(_ bundle: WordsBundle) throws -> RunningBundle {
        try RunningBundle(ServiceLog(level: .error, sink: LogSink { _ in })) { try bundle.engine($0) }
    }

    /// The parts of a body of `multipart/mixed`, heads and bodies.
    private static func parts(_ answer: Loopback) throws -> [(head: String, body: [UInt8])] {
        let type = try #require(answer["Content-Type"])
        let prefix = "multipart/mixed; boundary="
        try #require(type.hasPrefix(prefix))
        let boundary = "--" + type.dropFirst(prefix.count)
        let (line, blank) = (Data(("\r\n" + boundary).utf8), Data("\r\n\r\n".utf8))
        var rest = Data(("\r\n").utf8) + Data(answer.body)
        var parts: [(String, [UInt8])] = []
        while let start = rest.range(of: line) {
            rest = Data(rest[start.upperBound...])
            guard let end = rest.range(of: line), let head = rest.range(of: blank) else { break }
            parts.append((
                String(decoding: rest[..<head.lowerBound], as: UTF8.self), [UInt8](rest[head.upperBound..<end.lowerBound])))
        }
        #expect(rest.elementsEqual(Array("--\r\n".utf8)))
        return parts
    }

    @Test("the picture comes alone, or with its guidance as a part beside it; as a job's result as well")
    func guidance() async throws {
        let running = try Self.running(WordsBundle())
        let picture = try WordsEngineTests.picture()
        let query = "?guidance=words&seed=\(WordsEngineTests.seed)"
        let alone = try await running.restore(picture, query)
        #expect(alone.status == 200 && alone["Restored-Sampler"] == "ddim" && alone["Restored-Seed"] == String(WordsEngineTests.seed), "\(alone.text)")
        let answer = try await running.restore(picture, query, fields: ["Accept: multipart/mixed"])
        let parts = try Self.parts(answer)
        #expect(parts.count == 2 && parts.allSatisfy { $0.head.contains("Content-Type: image/png") })
        #expect(parts.first?.body == alone.body && parts.first?.head.contains("restored.png") == true)
        #expect(parts.last?.head.contains("filename=\"guidance.png\"") == true)
        let drawn = try ImageDecoder.decode(try #require(parts.last).body)
        try WordsEngineTests.expect(drawn.pixels, "guidance_u8")
        try WordsEngineTests.expect(ImageDecoder.decode(alone.body).pixels, "restored_u8")

        let fields = ["Accept: multipart/mixed", "Prefer: respond-async"]
        let job = try await running.restore(picture, query, fields: fields)
        #expect(job.status == 202)
        let path = try #require(job["Location"])
        let events = try await Loopback.send("GET", path + "/events", to: running.port)
        #expect(events.text.contains("event: done\n"))
        let result = try await Loopback.send("GET", path + "/result", to: running.port)
        #expect(result.body == answer.body && result["Content-Type"] == answer["Content-Type"])
        // The steps and the decoding, then the tile.
        #expect(events.text.contains("\"steps\":\(WordsEngineTests.steps + 2)"), "\(events.text)")
        #expect(await running.life.drain() == 0)
    }

    @Test("whoever takes anything gets a picture; in parts a JPEG is one; without a drawing there is one part")
    func forms() async throws {
        let running = try Self.running(WordsBundle(members: ["needs_reference": false]))
        let picture = try WordsEngineTests.picture()
        #expect(try await running.restore(picture, fields: ["Accept: */*"])["Content-Type"] == "image/png")
        let one = try await running.restore(picture, "?format=jpeg", fields: ["Accept: multipart/mixed"])
        let parts = try Self.parts(one)
        #expect(parts.count == 1 && parts[0].head.contains("image/jpeg") && parts[0].head.contains("restored.jpeg"))
        #expect(await running.life.drain() == 0)
    }

    @Test("what a picture brings along can't end a part before its time")
    func boundary() async throws {
        let running = try Self.running(WordsBundle(members: ["needs_reference": false]))
        var picture = try WordsEngineTests.picture()
        let first = try await running.restore(picture, fields: ["Accept: multipart/mixed"])
        let boundary = try #require(first["Content-Type"]?.split(separator: "=").last)
        picture.metadata.xmp = Array("<x:xmpmeta xmlns:x='adobe:ns:meta/'>\r\n--\(boundary)--\r\n</x:xmpmeta>".utf8)
        let body = try ImageEncoder.encode(picture, as: .png, keepsMetadata: true)
        let answer = try await Loopback.send(
            "POST", "/restore?metadata=keep", to: running.port, fields: ["Accept: multipart/mixed"], body: body)
        #expect(answer.status == 200 && answer["Content-Type"] != first["Content-Type"])
        let parts = try Self.parts(answer)
        #expect(parts.count == 1)
        #expect(try ImageDecoder.decode(parts[0].body).metadata.xmp == picture.metadata.xmp)
        #expect(await running.life.drain() == 0)
    }

    @Test("the command line draws as well, and takes no reference beside that")
    func command() async throws {
        let bundle = try WordsBundle()
        let output = bundle.folder.appendingPathComponent("restored.png")
        let picture = WordsBundle.fixtures.path("picture.png")
        let arguments = [picture, "-o", output.path, "--bundle", bundle.folder.path, "--guidance", "words", "--seed", String(WordsEngineTests.seed)]
        try await RestoreCommand.parse(arguments).run()
        try WordsEngineTests.expect(ImageDecoder.decode([UInt8](Data(contentsOf: output))).pixels, "restored_u8")
        await #expect(throws: ExitCode(64)) { try await RestoreCommand.parse(arguments + ["--reference", picture]).run() }
    }

    @Test("what can't be is a problem that names it")
    func faults() async throws {
        let running = try Self.running(WordsBundle())
        let picture = try WordsEngineTests.picture()
        for query in ["?guidance=5", "?guidance=words,21", "?steps=8", "?sampler=ddim", "?guidance=words&sampler=posterior"] {
            let answer = try await running.restore(picture, query)
            #expect(answer.status == 400, "\(query): \(answer.status) \(answer.text)")
        }
        // Neither a reference nor a drawing.
        #expect(try await running.restore(picture).status == 422)
        #expect(await running.life.drain() == 0)
    }
}
