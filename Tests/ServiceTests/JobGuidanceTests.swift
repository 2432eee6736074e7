import Engine
import HTTPServer
import HTTPTypes
import Images
import Service
import Settings
import TestSupport
import Testing

/// What a job drew to restore with, as a result of its own.
@Suite("Jobs: guidance")
struct JobGuidanceTests {
    private static let drawing = Picture.sample(width: 24, height: 24)
    private static let query = "?guidance=words&seed=5"

    static func engine() -> ScriptedEngine { ScriptedEngine({ $0.drawing = drawing }, drawsGuidance: true) }

    private static func subject(_ configure: (inout Configuration) -> Void = { _ in }) -> ServiceUnderTest {
        ServiceUnderTest(engine: engine(), configure)
    }

    private static func finished(_ query: String = query, on subject: ServiceUnderTest) async throws -> String {
        let job = try await subject.startJob(query)
        await eventually { await subject.jobState(job) == "done" }
        return job
    }

    private static func resultBytes(on subject: ServiceUnderTest) async -> Int? {
        let name = "restored_job_result_bytes "
        return await subject.send(.get, "/metrics").text.split(separator: "\n").first { $0.hasPrefix(name) }
            .flatMap { Int($0.dropFirst(name.count)) }
    }

    /// Expects the drawing and says how many bytes it has.
    private static func expectDrawing(_ job: String, on subject: ServiceUnderTest) async throws -> Int {
        let path = await subject.send(.get, job).json["guidance"]?.text
        #expect(path == job + "/guidance")
        let answer = await subject.send(.get, job + "/guidance")
        try #require(answer.status == 200)
        #expect(answer["Content-Type"] == "image/png" && answer["Cache-Control"] == "no-store" && answer["X-Request-ID"] != nil)
        #expect(try ImageDecoder.decode(answer.body).pixels == drawing.pixels)
        return answer.body.count
    }

    @Test("it is there beside the result, whatever form that has, and both count")
    func besideTheResult() async throws {
        let subject = Self.subject()
        for accept in [nil, "image/jpeg", "application/json", "multipart/mixed"] as [String?] {
            var fields = ServiceUnderTest.asynchronously
            fields[.accept] = accept
            let started = await subject.restore(Self.query, fields: fields)
            let job = try #require(started["Location"])
            await eventually { await subject.jobState(job) == "done" }
            let bytes = try await Self.expectDrawing(job, on: subject)
            let result = await subject.send(.get, job + "/result")
            var direct: HTTPFields = [:]
            direct[.accept] = accept
            let answer = await subject.restore(Self.query, fields: direct)
            #expect(result.status == 200 && result.body == answer.body)
            #expect(await Self.resultBytes(on: subject) == result.body.count + bytes)
            #expect(await subject.send(.delete, job).status == 204)
            #expect(await subject.send(.get, job + "/guidance").kind == "job-gone")
            #expect(await Self.resultBytes(on: subject) == 0)
        }
        await eventually { subject.service.memoryUsed == 0 }
    }

    @Test("a job that drew nothing has none, and says so")
    func nothingDrawn() async throws {
        let subject = Self.subject()
        let job = try await Self.finished("", on: subject)
        #expect(await subject.send(.get, job).json["guidance"] == nil)
        let answer = await subject.send(.get, job + "/guidance")
        #expect(answer.status == 404 && answer.kind == "no-guidance")
        #expect(await subject.send(.get, job + "/result").status == 200)
    }

    @Test("before the end it is a conflict, of a failed job the problem, of a cancelled or unknown one as of its result")
    func ends() async throws {
        let subject = Self.subject()
        subject.engine.change { $0.holds = true }
        let job = try await subject.startJob(Self.query)
        let early = await subject.send(.get, job + "/guidance")
        #expect(early.status == 409 && early.kind == "job-unfinished" && early["Retry-After"] != nil)
        #expect(await subject.send(.get, job).json["guidance"] == nil)
        #expect(await subject.send(.delete, job).status == 204)
        #expect(await subject.send(.get, job + "/guidance").kind == "job-cancelled")
        subject.engine.release()
        subject.engine.change { $0.failure = .deadlineExceeded(whileQueued: false) }
        let failed = try await subject.startJob(Self.query)
        await eventually { await subject.jobState(failed) == "failed" }
        #expect(await subject.send(.get, failed + "/guidance").status == 504)
        for name in ["x", String(repeating: "0", count: 48)] {
            #expect(await subject.send(.get, "/jobs/\(name)/guidance").kind == "no-such-job")
        }
    }

    @Test("it goes when its result does")
    func expiry() async throws {
        let subject = Self.subject()
        let job = try await Self.finished(on: subject)
        subject.clock.advance(by: .seconds(599))
        #expect(await subject.send(.get, job + "/guidance").status == 200)
        subject.clock.advance(by: .seconds(1))
        #expect(await subject.send(.get, job + "/guidance").status == 410)
    }

    @Test("it is asked for with a key where there are keys, as a PNG, by GET and HEAD, without parameters")
    func asked() async throws {
        let subject = Self.subject { $0.apiKeys = ["open-sesame-1234"] }
        let key: HTTPFields = [.authorization: "Bearer open-sesame-1234"]
        let started = await subject.restore(Self.query, fields: ServiceUnderTest.asynchronously.merging(key))
        let path = try #require(started["Location"]) + "/guidance"
        await eventually { await subject.send(.get, path, fields: key).status == 200 }
        #expect(await subject.send(.get, path).status == 401)
        #expect(await subject.send(.head, path, fields: key).status == 200)
        #expect(await subject.send(.get, path, fields: key.merging([.accept: "image/jpeg"])).status == 406)
        #expect(await subject.send(.get, path + "?a=b", fields: key).status == 400)
        #expect(await subject.send(.post, path, fields: key).status == 405)
    }

    @Test("both have to fit into the memory of results: at the limit they do, one byte past it neither does")
    func resultMemory() async throws {
        let free = Self.subject()
        _ = try await Self.finished(on: free)
        let bytes = try #require(await Self.resultBytes(on: free))
        let enough = Self.subject { $0.resultMemory = bytes }
        let jobs = [try await Self.finished(on: enough), try await Self.finished(on: enough)]
        #expect(await enough.send(.get, jobs[0] + "/guidance").status == 410)
        #expect(await enough.send(.get, jobs[1] + "/guidance").status == 200)
        let tight = Self.subject { $0.resultMemory = bytes - 1 }
        let job = try await tight.startJob(Self.query)
        await eventually { await tight.jobState(job) == "failed" }
        #expect(await tight.send(.get, job + "/guidance").kind == "answer-too-large")
    }

    @Test("room for it is booked with a job alone, and what never fits is refused at once")
    func booking() async throws {
        let pixels = 16 * 12
        let alone = ServiceUnderTest.png.count + 12 * pixels
        let kept = alone + 4 * GuidanceLimits.pixels
        for (fields, bytes) in [(HTTPFields(), alone), (ServiceUnderTest.asynchronously, kept)] {
            let subject = Self.subject()
            subject.engine.change { $0.holds = true }
            let answer = Task { await subject.restore(Self.query, fields: fields) }
            await eventually { subject.engine.active == 1 }
            #expect(subject.service.memoryUsed == bytes)
            subject.engine.release()
            _ = await answer.value
            await eventually { subject.service.memoryUsed == 0 }
        }
        let enough = Self.subject { $0.requestMemory = kept }
        _ = try await Self.finished(on: enough)
        let tight = Self.subject { $0.requestMemory = kept - 1 }
        let refused = await tight.restore(Self.query, fields: ServiceUnderTest.asynchronously)
        #expect(refused.status == 422 && refused.kind == "answer-too-large")
        #expect(await tight.restore(Self.query).status == 200)
    }

    @Test("a slow reader of it holds what both take", .timeLimit(.minutes(1)))
    func slowReader() async throws {
        let subject = Self.subject()
        let job = try await Self.finished(on: subject)
        let bytes = await Self.resultBytes(on: subject)
        let request = HTTPRequest(method: .get, scheme: "http", authority: "localhost", path: job + "/guidance")
        var held: Response? = await subject.response(to: request)
        #expect(held?.status == .ok)
        #expect(await subject.send(.delete, job).status == 204)
        #expect(await Self.resultBytes(on: subject) == bytes)
        withExtendedLifetime(held) {}
        held = nil
        #expect(await Self.resultBytes(on: subject) == 0)
    }
}

@Suite("Jobs that replicas share: guidance", .enabled(if: RedisServer.isThere, "redis-server is not installed"))
struct SharedJobGuidanceTests {
    private static let query = "?guidance=words&seed=5"

    @Test("it is the same at every replica, counts, and goes with its result")
    func shared() async throws {
        let rig = try SharedJobRig()
        let front = try await rig.replica(.front), worker = try await rig.replica(engine: JobGuidanceTests.engine())
        let job = try await front.subject.startJob(Self.query)
        let key = "restored:guidance:" + rig.name(job)
        #expect(await front.end(of: job) == "done")
        let direct = await worker.subject.restore(Self.query)
        let local = JobGuidanceTests.engine()
        let drawing = try ImageEncoder.encode(try #require(local.state.withLock { $0.drawing }), as: .png)
        for replica in [front, worker] {
            #expect(await replica.subject.send(.get, job).json["guidance"]?.text == job + "/guidance")
            let answer = await replica.subject.send(.get, job + "/guidance")
            #expect(answer.status == 200 && answer.body == drawing && answer["Content-Type"] == "image/png")
            #expect(answer["Cache-Control"] == "no-store")
            #expect(await replica.subject.send(.get, job + "/result").body == direct.body)
        }
        let bytes = direct.body.count + drawing.count
        #expect(try await rig.redis("HGET", "restored:totals", "results").number == bytes)
        let life = try await rig.redis("PTTL", key).number ?? 0
        #expect(life > 0 && life <= 600_000)
        #expect(await front.subject.send(.delete, job).status == 204)
        #expect(try await rig.redis("EXISTS", key).number == 0)
        #expect(try await rig.redis("HGET", "restored:totals", "results").number == 0)
        for replica in [front, worker] {
            #expect(await replica.subject.send(.get, job + "/guidance").kind == "job-gone")
        }
        await eventually { worker.subject.service.memoryUsed == 0 && front.subject.service.memoryUsed == 0 }
    }

    @Test("there is none of a job that drew nothing, nor one that nobody could ask for")
    func none() async throws {
        let rig = try SharedJobRig()
        let front = try await rig.replica(.front), worker = try await rig.replica(engine: JobGuidanceTests.engine())
        worker.hold()
        let plain = try await front.subject.startJob("?seed=5")
        let unfinished = await front.subject.send(.get, plain + "/guidance")
        #expect(unfinished.status == 409 && unfinished.kind == "job-unfinished")
        worker.engine.release()
        #expect(await front.end(of: plain) == "done")
        #expect(await front.subject.send(.get, plain).json["guidance"] == nil)
        let answer = await front.subject.send(.get, plain + "/guidance")
        #expect(answer.status == 404 && answer.kind == "no-guidance")
        // A request that waits for its answer, which comes through the store as well: what it held at most is that alone.
        worker.hold()
        let waiting = Task { await front.subject.restore(Self.query) }
        await eventually { worker.engine.active == 1 }
        #expect(worker.subject.service.memoryUsed < 4 * GuidanceLimits.pixels)
        worker.engine.release()
        #expect(await waiting.value.status == 200)
    }

    @Test("both have to fit into the memory of results, older ones giving way", arguments: [true, false])
    func limits(fits: Bool) async throws {
        let direct = await ServiceUnderTest(engine: JobGuidanceTests.engine()).restore(Self.query)
        let drawing = try #require(JobGuidanceTests.engine().state.withLock { $0.drawing })
        let bytes = direct.body.count + (try ImageEncoder.encode(drawing, as: .png)).count
        let rig = try SharedJobRig()
        // Uploads have the same limit, and the picture is smaller.
        let worker = try await rig.replica(engine: JobGuidanceTests.engine()) { $0.resultMemory = fits ? bytes : bytes - 1 }
        let first = try await worker.subject.startJob(Self.query)
        #expect(await worker.end(of: first) == (fits ? "done" : "failed"))
        guard fits else {
            #expect(await worker.subject.send(.get, first + "/guidance").kind == "answer-too-large")
            return
        }
        let second = try await worker.subject.startJob(Self.query)
        #expect(await worker.end(of: second) == "done")
        #expect(await worker.subject.send(.get, first + "/guidance").status == 410)
        #expect(await worker.subject.send(.get, second + "/guidance").status == 200)
        #expect(try await rig.redis("KEYS", "restored:guidance:*").items?.count == 1)
    }
}

extension HTTPFields {
    /// Those of both.
    fileprivate func merging(_ other: HTTPFields) -> HTTPFields {
        var fields = self
        for field in other { fields.append(field) }
        return fields
    }
}
