import Engine
import FoundationEssentials
import HTTPTypes
import Images
import Service
import Settings
import TestSupport
import Testing

@Suite("POST /restore")
struct RestoreTests {
    let subject = ServiceUnderTest()

    @Test("a raw picture comes back restored, and the fields say how")
    func rawPicture() async throws {
        let answer = await subject.restore("?seed=42&steps=11")
        #expect(answer.status == 200)
        #expect(answer["Content-Type"] == "image/png")
        let picture = try ImageDecoder.decode(answer.body)
        #expect((picture.width, picture.height) == (16, 12))
        #expect(answer["Restored-Degradation"] == "rainy")
        #expect(answer["Restored-Confidence"] == "0.9712")
        #expect(answer["Restored-Seed"] == "42")
        #expect(answer["Restored-Steps"] == "11")
        #expect(answer["Restored-Sampler"] == "posterior")
        #expect(answer["Restored-Bundle"] == "scripted/1")
        #expect(answer["Restored-Unchanged"] == nil)
        #expect(answer["Cache-Control"] == "no-store")
        let stages = (answer["Server-Timing"] ?? "").split(separator: ", ").map { $0.split(separator: ";")[0] }
        #expect(stages == ["queue", "decode", "classify", "diffuse", "encode"])
    }

    @Test("a clean picture says that it is unchanged")
    func unchanged() async {
        subject.engine.change { $0.isUnchanged = true }
        #expect(await subject.restore()["Restored-Unchanged"] == "true")
    }

    @Test("a restoration that was withheld says why, in fields, documents, metrics and the log", arguments: DeclineReason.allCases)
    func declined(reason: DeclineReason) async throws {
        #expect(await subject.restore()["Restored-Declined"] == nil)
        subject.engine.change { ($0.isUnchanged, $0.declined) = (true, reason) }
        let answer = await subject.restore()
        #expect(answer["Restored-Declined"] == reason.word && answer["Restored-Unchanged"] == "true")
        #expect(answer["Restored-Degradation"] == "rainy")
        var fields: HTTPFields = [:]
        fields[.accept] = "application/json"
        let document = await subject.restore(fields: fields)
        #expect(document["Restored-Declined"] == reason.word)
        #expect(document.text.contains("\"declined\":\"\(reason.word)\""))
        #expect(await subject.send(.get, "/metrics").text.contains("restored_restorations_total{outcome=\"declined\",bundle=\"scripted\"} 2"))
        #expect(subject.logLines.contains { $0.contains("\"declined\":\"\(reason.word)\"") })
    }

    @Test("the command line says in words why a restoration was withheld", arguments: DeclineReason.allCases)
    func declinedInWords(reason: DeclineReason) {
        let result = RestorationResult(
            picture: .init(width: 8, height: 8, pixels: [UInt8](repeating: 0, count: 192)),
            rounds: [.init(degradation: "rainy", confidence: 0.5)], sampling: nil, unchanged: true, declined: reason)
        let document = RestorationDocument(result, file: "a.png", output: "b.png", bundle: subject.engine.bundle)
        #expect(document.text == "a.png -> b.png: rainy (50.0 %), unchanged: \(reason.explanation)")
        #expect(document.line.contains("\"declined\":\"\(reason.word)\""))
    }

    @Test("an unchanged picture comes back as its own samples, in every form of answer")
    func ownSamples() async throws {
        subject.engine.change { $0.isUnchanged = true }
        let deep = PNGSketch(width: 16, height: 12, bitDepth: 16).encoded()
        #expect(await subject.restore(body: deep).body == deep)
        let document = await subject.restore(fields: [.accept: "application/json"], body: deep).json
        #expect(document["image"]?.text == Data(deep).base64EncodedString())
        let prefer = try #require(HTTPField.Name("Prefer"))
        let job = try #require(await subject.restore(fields: [prefer: "respond-async"], body: deep)["Location"])
        await eventually { await subject.send(.get, job).json["state"]?.text == "done" }
        #expect(await subject.send(.get, job + "/result").body == deep)
        let plain = ServiceUnderTest.jpeg
        let described = JPEGSketch(plain).inserting(JPEGSketch.exif(sampleExif(orientation: 1)))
        #expect(await subject.restore("?format=jpeg&quality=30", body: described).body == plain)
        #expect(await subject.restore("?format=jpeg&metadata=keep", body: described).body == described)
        // In another format it is coded anew.
        let other = await subject.restore(body: plain).body
        #expect(try ImageDecoder.decode(other) == ImageDecoder.decode(plain))
        subject.engine.change { $0.isUnchanged = false }
        #expect(await subject.restore(body: deep).body[24] == 8)
    }

    @Test("the answer's form follows the parameter, then the Accept field", arguments: [
        ("", nil, "image/png"), ("", "*/*", "image/png"), ("", "image/*", "image/png"), ("", "image/jpeg", "image/jpeg"),
        ("?format=jpeg", nil, "image/jpeg"), ("?format=jpeg", "image/*", "image/jpeg"), ("?format=jpg", nil, "image/jpeg"),
        ("?format=jpg&quality=95", "*/*", "image/jpeg"), ("", "image/jpg", "image/jpeg"), ("?format=jpg", "image/jpg", "image/jpeg"),
        ("", "application/json; charset=utf-8", "application/json"), ("", "", "image/png"),
        ("", "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", "image/png"),
        ("", "*/*;q=0.5, image/png;q=0, application/json;q=0.1", "image/jpeg"),
        ("", "application/json", "application/json"), ("", "image/png;q=0.1, image/jpeg", "image/jpeg"),
        ("?format=png", "text/html, */*;q=0.1", "image/png"),
    ] as [(String, String?, String)])
    func negotiation(query: String, accept: String?, type: String) async {
        var fields: HTTPFields = [:]
        fields[.accept] = accept
        let answer = await subject.restore(query, fields: fields)
        #expect(answer.status == 200)
        #expect(answer["Content-Type"] == type)
    }

    @Test("a format that the Accept field excludes is 406")
    func formatAgainstAccept() async {
        #expect(await subject.restore("?format=jpeg", fields: [.accept: "image/png"]).status == 406)
    }

    @Test("a problem is told as a problem document, whatever the Accept field says", arguments: [
        "image/png", "application/json", "text/html, */*;q=0.1", "application/json; charset=utf-8", "text/event-stream",
    ])
    func problemsAgainstAccept(accept: String) async {
        let answer = await subject.restore("?steps=0", fields: [.accept: accept])
        #expect(answer.status == (accept == "text/event-stream" ? 406 : 400))
        #expect(answer["Content-Type"] == "application/problem+json")
    }

    @Test("the JSON answer holds the picture and its seed as text")
    func document() async throws {
        let answer = await subject.restore(
            "?seed=18446744073709551615&format=jpeg", fields: [.accept: "application/json"])
        let document = answer.json
        #expect(document["seed"]?.text == "18446744073709551615")
        #expect(document["media_type"]?.text == "image/jpeg")
        #expect(document["width"]?.number == 16)
        #expect(document["unchanged"] == .flag(false))
        #expect(document["timing"]?.members?["diffuse"]?.number == 3)
        let picture = try #require(Data(base64Encoded: document["image"]?.text ?? ""))
        #expect(ImageFormat.sniff(picture) == .jpeg)
    }

    @Test("what the engine refuses has its status", arguments: [
        (RestorationError.pictureTooSmall(width: 7, height: 9, minimumSide: 8), 422, "unprocessable-picture", nil),
        (.exceedsMemory(needed: 9, limit: 8, largestSide: 7), 422, "picture-too-large", nil),
        (.option(OptionFault(.degradation, "x", expected: "y")), 400, "invalid-parameter", nil),
        (.notOffered("classification", bundle: "b"), 422, "not-offered", nil),
        (.picture(.outOfMemory), 503, "memory-exhausted", "1"), (.nonFinite(stage: "s"), 500, "non-finite", nil),
        (.queueFull(limit: 64, retryAfterSeconds: 3.2), 429, "queue-full", "4"),
        (.deadlineUnattainable(estimatedSeconds: 9, allowedSeconds: 3), 422, "deadline-unattainable", nil),
        (.deadlineExceeded(whileQueued: true), 503, "expired-in-queue", "3"),
        (.deadlineExceeded(whileQueued: false), 504, "deadline-exceeded", nil),
        (.draining, 503, "draining", "5"),
        (.nonFinite(stage: "diffuse"), 500, "non-finite", nil),
        (.internalFault("secret path /etc/x"), 500, "internal-fault", nil),
    ] as [(RestorationError, Int, String, String?)])
    func engineErrors(error: RestorationError, status: Int, kind: String, retryAfter: String?) async {
        subject.engine.change { $0.failure = error }
        let answer = await subject.restore()
        #expect(answer.status == status)
        #expect(answer.kind == kind)
        #expect(answer["Retry-After"] == retryAfter)
        #expect(answer["Content-Type"] == "application/problem+json")
        #expect(answer.json["instance"]?.text == answer["X-Request-ID"])
        #expect(answer.json["status"]?.number == Double(status))
    }

    @Test("nothing of the inside is in a 500; the log has it with the same id")
    func internalFault() async throws {
        subject.engine.change { $0.failure = .internalFault("secret path /etc/x") }
        let answer = await subject.restore()
        #expect(!answer.text.contains("secret"))
        let id = try #require(answer["X-Request-ID"])
        let line = try #require(subject.logLines.first { $0.contains(id) })
        #expect(line.contains("secret path"))
    }

    @Test("numbers that aren't finite are a 500 that names the stage, counted by stage", arguments: ["/restore", "/classify"])
    func nonFinite(path: String) async {
        subject.engine.change { $0.failure = .nonFinite(stage: "diffuse") }
        for _ in 0..<2 {
            let answer = await subject.send(.post, path, body: ServiceUnderTest.png)
            #expect(answer.status == 500 && answer.kind == "non-finite")
            #expect(answer.detail.contains("'diffuse'"), "\(answer.detail)")
        }
        subject.engine.change { $0.failure = .internalFault("something else") }
        _ = await subject.send(.post, path, body: ServiceUnderTest.png)
        let lines = await subject.send(.get, "/metrics").text.split(separator: "\n")
        #expect(lines.filter { $0.hasPrefix("restored_nonfinite_total") } == [#"restored_nonfinite_total{stage="diffuse",bundle="scripted"} 2"#])
    }

    @Test("a deadline that an idle service could keep and a busy one can't is 503, and the wait is told")
    func deadlineUnattainableNow() async {
        subject.engine.change {
            $0.estimatedSeconds = 40.5
            $0.idleSeconds = 10
        }
        let busy = await subject.restore("?timeout=30")
        #expect(busy.status == 503 && busy.kind == "deadline-unattainable-now")
        #expect(busy["Retry-After"] == "11")
        #expect(subject.engine.seen.isEmpty)
        #expect(await subject.restore("?timeout=41").status == 200)
        let never = await subject.restore("?timeout=9")
        #expect(never.status == 422 && never.kind == "deadline-unattainable" && never["Retry-After"] == nil)
    }

    @Test("a request that even an idle service can't do by its deadline is 422 at once, and one that fits isn't")
    func unattainableDeadline() async {
        subject.engine.change {
            $0.estimatedSeconds = 30
            $0.idleSeconds = 30
        }
        let answer = await subject.restore("?timeout=29")
        #expect(answer.status == 422)
        #expect(answer.kind == "deadline-unattainable")
        #expect(subject.engine.seen.isEmpty)
        #expect(await subject.restore("?timeout=30").status == 200)
    }

    @Test("the deadline is the server's, or less where the client asks")
    func deadline() async throws {
        let start = subject.clock.timekeeper.now()
        _ = await subject.restore()
        #expect(try #require(subject.engine.seen.last?.deadline) - start == .seconds(600))
        _ = await subject.restore("?timeout=5")
        #expect(try #require(subject.engine.seen.last?.deadline) - start == .seconds(5))
        _ = await subject.send(.post, "/classify", body: ServiceUnderTest.png)
        let last = subject.engine.state.withLock { $0.classificationDeadlines.last ?? nil }
        #expect(try #require(last) - start == .seconds(600))
    }

    @Test("memory for bodies and pictures is bounded, and all of it comes back")
    func memoryBudget() async {
        let subject = ServiceUnderTest {
            $0.megapixelLimit = 1
            $0.bodyLimit = 1 << 20
            $0.requestMemory = 1000
        }
        #expect(await subject.restore().status == 503)
        #expect(await subject.restore()["Retry-After"] == "3")
        #expect(subject.service.memoryUsed == 0)
        let roomy = ServiceUnderTest()
        _ = await roomy.restore()
        _ = await roomy.restore(body: Array(ServiceUnderTest.png.dropLast(20)))
        roomy.engine.change { $0.failure = .cancelled }
        _ = await roomy.restore()
        _ = await roomy.send(.post, "/classify", body: ServiceUnderTest.png)
        await eventually { roomy.service.memoryUsed == 0 }
    }

    @Test("sums of overlaps are counted with the pictures: 422 where they never fit, a turn later where they don't now")
    func memoryOfOverlaps() async {
        let pictures = ServiceUnderTest.png.count + 16 * 12 * 12
        // Room for the work on one picture, and for files that wait.
        let subject = ServiceUnderTest { $0.requestMemory = pictures + 1_100_000 }
        subject.engine.change { $0.blendingBytes = 1_100_001 }
        let never = await subject.restore()
        #expect(never.status == 422 && never.kind == "overlap-too-large")
        subject.engine.change {
            $0.blendingBytes = 1_000_000
            $0.holds = true
        }
        let first = Task { await subject.restore() }
        await eventually { subject.engine.active == 1 }
        #expect(subject.service.memoryUsed == pictures + 1_000_000)
        let second = Task { await subject.restore() }
        // Broken, as shows only when it is decoded at its turn.
        let third = Task { await subject.restore(body: Array(ServiceUnderTest.png.dropLast(20))) }
        await eventually { subject.service.memoryUsed > pictures + 1_000_000 }
        #expect(subject.engine.active == 1)
        subject.engine.release()
        #expect(await first.value.status == 200)
        #expect(await second.value.status == 200)
        #expect(await third.value.status == 400)
        await eventually { subject.service.memoryUsed == 0 }
    }

    @Test("a classification says how long it took")
    func classificationTiming() async {
        let answer = await subject.send(.post, "/classify", body: ServiceUnderTest.png)
        let stages = (answer["Server-Timing"] ?? "").split(separator: ", ").map { $0.split(separator: ";")[0] }
        #expect(stages == ["decode", "classify"])
    }

    @Test("the metrics tell how evaluations were shared, how long they took and what they hold")
    func evaluationMetrics() async {
        subject.engine.change { state in
            for size in [1.0, 1, 1, 1, 1, 8, 8] { state.load.batchSizes.add(size) }
            state.load.stepSeconds.add(0.07)
            state.load.samplesInFlight = 3
            state.load.memoryUsed = 1_234
            state.load.memoryBudget = 5_678
        }
        let lines = await subject.send(.get, "/metrics").text.split(separator: "\n")
        for line in [
            #"restored_batch_size_bucket{le="1.0"} 5"#, #"restored_batch_size_bucket{le="6.0"} 5"#,
            #"restored_batch_size_bucket{le="8.0"} 7"#, "restored_batch_size_sum 21.0", "restored_batch_size_count 7",
            #"restored_step_duration_seconds_bucket{le="0.05"} 0"#,
            #"restored_step_duration_seconds_bucket{le="0.1"} 1"#, "restored_step_duration_seconds_count 1",
            "restored_samples_in_flight 3", "restored_memory_budget_used_bytes 1234",
            "restored_memory_budget_bytes 5678",
        ] {
            #expect(lines.contains(Substring(line)), "\(line)")
        }
    }

    @Test("while a restoration runs its memory is held, and given back when its client leaves")
    func memoryOfRunningWork() async {
        subject.engine.change { $0.holds = true }
        let task = Task { await subject.restore() }
        await eventually { subject.engine.active == 1 }
        #expect(subject.service.memoryUsed >= 16 * 12 * 8)
        task.cancel()
        _ = await task.value
        await eventually { subject.service.memoryUsed == 0 }
        #expect(subject.engine.cancelled == 1)
    }

    @Test("a client that leaves stops its own work and no other's")
    func cancellation() async {
        subject.engine.change { $0.holds = true }
        let leaving = Task { await subject.restore("?seed=1") }
        await eventually { subject.engine.active == 1 }
        let staying = Task { await subject.restore("?seed=2") }
        await eventually { subject.engine.active == 2 }
        leaving.cancel()
        await eventually { subject.engine.active == 1 }
        subject.engine.release()
        let answer = await staying.value
        #expect(answer.status == 200)
        #expect(answer["Restored-Seed"] == "2")
        #expect(subject.engine.cancelled == 1)
    }

    @Test("with a full queue exactly the excess is 429")
    func queueFull() async {
        subject.engine.change {
            $0.holds = true
            $0.queueLimit = 5
        }
        await withTaskGroup(of: Int.self) { group in
            for _ in 0..<12 { group.addTask { await subject.restore().status } }
            await eventually { subject.engine.state.withLock { $0.seen.count } == 12 }
            subject.engine.release()
            var statuses: [Int: Int] = [:]
            for await status in group { statuses[status, default: 0] += 1 }
            #expect(statuses == [200: 5, 429: 7])
        }
    }
}
