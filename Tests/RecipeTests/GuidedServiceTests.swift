import Engine
import Foundation
import Images
import TestSupport
import Testing

/// References behind a socket.
@Suite("Guided: service", .timeLimit(.minutes(2)))
struct GuidedServiceTests {
    private static let picture = Picture.sample(width: 61, height: 43)
    private static let reference = Picture.sample(width: 204, height: 192)

    private static func send(
        _ parts: [(name: String, bytes: [UInt8])], to running: RunningBundle, path: String = "/restore", fields: [String] = []
    ) async throws -> Loopback {
        try await Loopback.sendForm(parts, to: running.port, path: path, fields: fields)
    }

    @Test("a form with two pictures is restored as the engine restores it, whichever part comes first, and as a job")
    func restored() async throws {
        let bundle = try SinglePassBundle("guided", labels: ["motion-blurry"])
        let running = try RunningBundle(bundle)
        var options = RestorationOptions()
        options.reference = ReferencePicture(Self.reference)
        let expected = try await bundle.engine().restore(Self.picture, options: options) { _ in }.picture
        let (image, reference) = (try ImageEncoder.png(Self.picture), try ImageEncoder.png(Self.reference))
        let answer = try await Self.send([("image", image), ("reference", reference)], to: running)
        #expect(answer.status == 200, "\(answer.text)")
        #expect(try ImageDecoder.decode(answer.body).pixels == expected.pixels)
        #expect(answer["Server-Timing"]?.contains("reference;") ?? false)
        let turned = try await Self.send([("reference", reference), ("image", image)], to: running)
        #expect(turned.body == answer.body)
        let job = try await Self.send([("image", image), ("reference", reference)], to: running, fields: ["Prefer: respond-async"])
        #expect(job.status == 202)
        let path = try #require(job["Location"])
        var result = try await Loopback.send("GET", path + "/result", to: running.port)
        while result.status == 409 { result = try await Loopback.send("GET", path + "/result", to: running.port) }
        #expect(result.status == 200 && result.body == answer.body)
        #expect(await running.life.drain() == 0)
    }

    @Test("what is wrong with a reference is told as such, with the status that it has of a picture")
    func faults() async throws {
        let running = try RunningBundle(SinglePassBundle("guided"))
        let (image, reference) = (try ImageEncoder.png(Self.picture), try ImageEncoder.png(Self.reference))
        let small = try ImageEncoder.png(Picture.sample(width: 7, height: 20))
        let cases: [(parts: [(name: String, bytes: [UInt8])], status: Int, kind: String)] = [
            ([("image", image)], 422, "reference-needed"), ([("image", image), ("reference", [])], 422, "reference-needed"),
            ([("image", image), ("reference", Array(reference.prefix(reference.count / 2)))], 400, "broken-reference"),
            ([("image", image), ("reference", Array("no picture".utf8))], 415, "wrong-reference-format"),
            ([("image", image), ("reference", small)], 422, "unprocessable-reference"),
            ([("image", image), ("reference", reference), ("reference", reference)], 400, "several-images"),
            ([("image", Array(image.prefix(image.count / 2))), ("reference", reference)], 400, "broken-picture"),
            ([("reference", reference)], 400, "no-image"),
        ]
        for (parts, status, kind) in cases {
            let answer = try await Self.send(parts, to: running)
            #expect(answer.status == status && answer.text.contains(":\(kind)\""), "\(kind): \(answer.status) \(answer.text)")
            #expect(kind == "broken-picture" || kind == "no-image" || answer.text.contains("reference"), "\(answer.text)")
        }
        let raw = try await running.restore(Self.picture)
        #expect(raw.status == 422 && raw.text.contains("'reference'"), "\(raw.text)")
        let query = try await running.restore(Self.picture, "?reference=a.png")
        #expect(query.status == 400 && query.text.contains("reference"))
        #expect(await running.life.drain() == 0)
    }

    @Test("bundles without that choice, and classifications, refuse a reference by its name")
    func refused() async throws {
        let running = try RunningBundle(SinglePassBundle("nafnet", labels: ["noisy"]))
        let (image, reference) = (try ImageEncoder.png(Self.picture), try ImageEncoder.png(Self.reference))
        let answer = try await Self.send([("image", image), ("reference", reference)], to: running)
        #expect(answer.status == 400 && answer.text.contains("'reference' must be left out"), "\(answer.text)")
        #expect(await running.life.drain() == 0)
        let telling = try RunningBundle(SinglePassBundle("guided", labels: ["noisy", "hazy"], classifier: true))
        let classified = try await Self.send([("image", image), ("reference", reference)], to: telling, path: "/classify")
        #expect(classified.status == 400 && classified.text.contains("'reference'"), "\(classified.text)")
        #expect(await telling.life.drain() == 0)
    }

    @Test("eight clients at once, with references and without, get the bytes that each gets alone")
    func company() async throws {
        let bundle = try SinglePassBundle("guided", ["needs_reference": false])
        let (together, alone) = (try RunningBundle(bundle) { $0.workers = 2 }, try RunningBundle(bundle))
        let references = [nil, try ImageEncoder.png(Self.reference), try ImageEncoder.jpeg(Picture.sample(width: 192, height: 230))]
        let parts = try (0..<8).map { number in
            [("image", try ImageEncoder.png(Picture.sample(width: 40 + number % 2, height: 32)))]
                + (references[number % 3].map { [("reference", $0)] } ?? [])
        }
        var expected: [[UInt8]] = []
        for part in parts {
            let answer = try await Self.send(part, to: alone)
            #expect(answer.status == 200, "\(answer.text)")
            expected.append(answer.body)
        }
        try await withThrowingTaskGroup(of: (Int, Loopback).self) { group in
            for (number, part) in parts.enumerated() { group.addTask { (number, try await Self.send(part, to: together)) } }
            for try await (number, answer) in group { #expect(answer.body == expected[number], "client \(number)") }
        }
        #expect(await together.life.drain() == 0)
        #expect(await alone.life.drain() == 0)
    }
}
