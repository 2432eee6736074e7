import Engine
import HTTPServer
import HTTPTypes
import Service
import Testing

@Suite("Jobs")
struct JobTests {
    let subject = ServiceUnderTest()

    private static let asynchronously = ServiceUnderTest.asynchronously

    private func start(_ query: String = "", on subject: ServiceUnderTest) async throws -> String {
        try await subject.startJob(query)
    }

    private func state(_ job: String, on subject: ServiceUnderTest) async -> String? {
        await subject.jobState(job)
    }

    @Test("a job that fails is logged as its problem says, under the id of the request that began it", arguments: [
        (RestorationError.nonFinite(stage: "diffuse"), "error"), (.picture(.truncated), "info"),
    ] as [(RestorationError, String)])
    func failureIsLogged(error: RestorationError, level: String) async throws {
        subject.engine.change { $0.failure = error }
        let accepted = await subject.restore(fields: Self.asynchronously)
        let (job, request) = (try #require(accepted["Location"]), try #require(accepted["X-Request-ID"]))
        await eventually { await state(job, on: subject) == "failed" }
        let line = try #require(subject.logLines.first { $0.contains("job failed") })
        #expect(line.contains(request) && line.contains("\"level\":\"\(level)\""), "\(line)")
        #expect(line.contains("\"fault\"") == (level == "error"), "\(line)")
    }

    @Test("a job goes from queued over running to done, and its result is that of a plain request")
    func lifeOfAJob() async throws {
        subject.engine.change {
            $0.holds = true
            $0.progress = [.queued(position: 3)]
        }
        let job = try await start("?seed=5&format=jpeg", on: subject)
        let queued = await subject.send(.get, job).json
        #expect(queued["state"]?.text == "queued")
        #expect(queued["queue_position"]?.number == 3)
        let early = await subject.send(.get, job + "/result")
        #expect(early.status == 409)
        #expect(early["Retry-After"] != nil)
        subject.engine.report(.running(completed: 2, total: 7, remainingSeconds: 4.25))
        let running = await subject.send(.get, job).json
        #expect(running["state"]?.text == "running")
        #expect(running["step"]?.number == 2)
        #expect(running["steps"]?.number == 7)
        #expect(running["estimated_seconds"]?.number == 4.3)
        #expect(running["queue_position"] == nil)
        subject.engine.release()
        await eventually { await state(job, on: subject) == "done" }
        let result = await subject.send(.get, job + "/result")
        #expect(result.status == 200)
        #expect(result["Content-Type"] == "image/jpeg")
        #expect(result["Restored-Seed"] == "5")
        #expect(result["Cache-Control"] == "no-store")
        // As often as wanted, until it expires.
        #expect(await subject.send(.get, job + "/result").body == result.body)
        await eventually { subject.service.memoryUsed == 0 }
    }

    @Test("what the engine refuses at once is refused at once, and leaves no job")
    func refusedAtOnce() async {
        subject.engine.change {
            $0.progress = []
            $0.failure = .queueFull(limit: 2, retryAfterSeconds: 1)
        }
        let answer = await subject.restore(fields: Self.asynchronously)
        #expect(answer.status == 429)
        #expect(answer["Location"] == nil)
        let metrics = await subject.send(.get, "/metrics").text
        #expect(metrics.contains("restored_jobs{state=\"queued\"} 0\n"))
    }

    @Test("a picture that is broken is refused before there is a job")
    func brokenPicture() async {
        let answer = await subject.restore(fields: Self.asynchronously, body: Array(ServiceUnderTest.png.dropLast(20)))
        #expect(answer.status == 400)
    }

    @Test("a failed job tells its problem, and its result is that problem")
    func failedJob() async throws {
        subject.engine.change { $0.failure = .deadlineExceeded(whileQueued: false) }
        let job = try await start(on: subject)
        await eventually { await state(job, on: subject) == "failed" }
        let problem = await subject.send(.get, job).json["problem"]?.members
        #expect(problem?["status"]?.number == 504)
        let result = await subject.send(.get, job + "/result")
        #expect(result.status == 504)
        #expect(result.kind == "deadline-exceeded")
    }

    @Test("DELETE cancels that job and no other")
    func cancelOne() async throws {
        subject.engine.change { $0.holds = true }
        let first = try await start("?seed=1", on: subject)
        let second = try await start("?seed=2", on: subject)
        #expect(first != second)
        #expect(await subject.send(.delete, first).status == 204)
        #expect(await state(first, on: subject) == "cancelled")
        await eventually { subject.engine.active == 1 }
        #expect(subject.engine.cancelled == 1)
        #expect(await state(second, on: subject) == "queued")
        subject.engine.release()
        await eventually { await state(second, on: subject) == "done" }
        #expect(await state(first, on: subject) == "cancelled")
        #expect(await subject.send(.get, first + "/result").status == 410)
        #expect(await subject.send(.get, second + "/result")["Restored-Seed"] == "2")
    }

    @Test("DELETE of a finished job removes its result")
    func deleteFinished() async throws {
        let job = try await start(on: subject)
        await eventually { await state(job, on: subject) == "done" }
        #expect(await subject.send(.delete, job).status == 204)
        for path in [job, job + "/result", job + "/events"] {
            #expect(await subject.send(.get, path).status == 410)
        }
        #expect(await subject.send(.delete, job).status == 410)
        #expect(await subject.send(.get, "/metrics").text.contains("restored_job_result_bytes 0\n"))
    }

    @Test("a job that never was is 404, one that expired is 410", arguments: [
        "x", "0", String(repeating: "0", count: 48), "../health", "%2e%2e", String(repeating: "f", count: 47),
    ])
    func unknownJobs(id: String) async {
        for path in ["/jobs/\(id)", "/jobs/\(id)/result", "/jobs/\(id)/events"] where !id.contains("/") {
            #expect(await subject.send(.get, path).status == 404)
        }
        #expect(await subject.send(.delete, "/jobs/\(id)").status == 404)
    }

    @Test("another process's job, or a guessed one, is 404")
    func guessedJob() async throws {
        let other = ServiceUnderTest()
        let job = try await start(on: other)
        #expect(await subject.send(.get, job).status == 404)
        var guess = Array(try await start(on: subject).utf8)
        guess[10] = guess[10] == UInt8(ascii: "0") ? UInt8(ascii: "1") : UInt8(ascii: "0")
        #expect(await subject.send(.get, String(decoding: guess, as: UTF8.self)).status == 404)
    }

    @Test("a result lives for its time and not a second longer")
    func expiry() async throws {
        let job = try await start(on: subject)
        await eventually { await state(job, on: subject) == "done" }
        subject.clock.advance(by: .seconds(599))
        #expect(await subject.send(.get, job + "/result").status == 200)
        subject.clock.advance(by: .seconds(1))
        #expect(await subject.send(.get, job + "/result").status == 410)
        #expect(await subject.send(.get, job).status == 410)
    }

    @Test("an unfinished job doesn't expire")
    func unfinishedStays() async throws {
        let subject = ServiceUnderTest { $0.timeout = 86_400 }
        subject.engine.change { $0.holds = true }
        let job = try await start(on: subject)
        subject.clock.advance(by: .seconds(5000))
        #expect(await state(job, on: subject) == "queued")
        subject.engine.release()
        await eventually { await state(job, on: subject) == "done" }
    }

    @Test("results over their memory push out the oldest")
    func resultMemory() async throws {
        let size = await subject.restore().body.count
        let subject = ServiceUnderTest { $0.resultMemory = size * 2 }
        var jobs: [String] = []
        for _ in 0..<3 {
            let job = try await start(on: subject)
            await eventually { await state(job, on: subject) == "done" }
            jobs.append(job)
        }
        #expect(await subject.send(.get, jobs[0]).status == 410)
        #expect(await subject.send(.get, jobs[1] + "/result").status == 200)
        #expect(await subject.send(.get, jobs[2] + "/result").status == 200)
    }

    @Test("a result that never fits is a 422 with the id of the request that asked for it")
    func resultTooLarge() async throws {
        let size = await subject.restore().body.count
        let subject = ServiceUnderTest { $0.resultMemory = size - 1 }
        let started = await subject.restore(fields: Self.asynchronously)
        let job = try #require(started["Location"])
        await eventually { await state(job, on: subject) == "failed" }
        let problem = await subject.send(.get, job).json["problem"]?.members
        #expect(problem?["status"]?.number == 422)
        #expect(problem?["instance"]?.text == started["X-Request-ID"])
        let result = await subject.send(.get, job + "/result")
        #expect(result.status == 422 && result.kind == "answer-too-large")
        #expect(result["Retry-After"] == nil)
    }

    @Test("the number of jobs is bounded: finished ones give way, unfinished ones don't")
    func jobLimit() async throws {
        let subject = ServiceUnderTest { $0.jobLimit = 2 }
        let finished = try await start(on: subject)
        await eventually { await state(finished, on: subject) == "done" }
        subject.engine.change { $0.holds = true }
        let first = try await start(on: subject)
        let second = try await start(on: subject)
        #expect(await subject.send(.get, finished).status == 410)
        #expect(await subject.restore(fields: Self.asynchronously).status == 429)
        #expect(await state(first, on: subject) == "queued")
        subject.engine.release()
        await eventually { await state(second, on: subject) == "done" }
    }

    @Test("a job that the engine refuses costs nobody a result")
    func refusedJobEvictsNothing() async throws {
        let subject = ServiceUnderTest { $0.jobLimit = 1 }
        let finished = try await start(on: subject)
        await eventually { await state(finished, on: subject) == "done" }
        subject.engine.change {
            $0.progress = []
            $0.failure = .queueFull(limit: 2, retryAfterSeconds: 1)
        }
        for _ in 0..<3 { #expect(await subject.restore(fields: Self.asynchronously).status == 429) }
        #expect(await subject.send(.get, finished + "/result").status == 200)
        // Nor are the refused ones remembered: the next one that is taken gets the place.
        subject.engine.change {
            $0.progress = [.queued(position: 0)]
            $0.failure = nil
        }
        let next = try await start(on: subject)
        await eventually { await state(next, on: subject) == "done" }
        #expect(await subject.send(.get, finished).status == 410)
    }

    /// The answer that a server holds while a client reads it.
    private func heldResult(_ job: String, on subject: ServiceUnderTest) async -> Response? {
        let request = HTTPRequest(method: .get, scheme: "http", authority: "localhost", path: job + "/result")
        let response = await subject.response(to: request)
        return response.status == .ok ? response : nil
    }

    private func resultBytes(on subject: ServiceUnderTest) async -> Int? {
        let lines = await subject.send(.get, "/metrics").text.split(separator: "\n")
        let name = "restored_job_result_bytes "
        return lines.first { $0.hasPrefix(name) }.flatMap { Int($0.dropFirst(name.count)) }
    }

    @Test("a result counts until its last reader lets go of it, though its job is gone", arguments: [true, false])
    func slowReaderOfAResult(isDeleted: Bool) async throws {
        let job = try await start(on: subject)
        await eventually { await state(job, on: subject) == "done" }
        let bytes = await subject.send(.get, job + "/result").body.count
        var readers = [await heldResult(job, on: subject), await heldResult(job, on: subject)]
        #expect(await resultBytes(on: subject) == bytes)
        if isDeleted {
            #expect(await subject.send(.delete, job).status == 204)
        } else {
            subject.clock.advance(by: .seconds(600))
        }
        #expect(await subject.send(.get, job).status == 410)
        #expect(await resultBytes(on: subject) == bytes)
        readers.removeLast()
        #expect(await resultBytes(on: subject) == bytes)
        readers.removeLast()
        #expect(await resultBytes(on: subject) == 0)
    }

    @Test("a result that a client still reads makes no room: others go before it, and then a new one has none")
    func slowReadersFillTheMemory() async throws {
        let size = await self.subject.restore("?seed=1").body.count
        let subject = ServiceUnderTest { $0.resultMemory = 2 * size }
        func finished() async throws -> String {
            let job = try await start("?seed=1", on: subject)
            await eventually { !["queued", "running"].contains(await state(job, on: subject)) }
            return job
        }
        let read = try await finished()
        var reader = await heldResult(read, on: subject)
        let unread = try await finished()
        let third = try await finished()
        #expect(await state(third, on: subject) == "done")
        #expect(await subject.send(.get, unread).status == 410)
        #expect(await state(read, on: subject) == "done")
        var second = await heldResult(third, on: subject)
        let excess = try await finished()
        let answer = await subject.send(.get, excess + "/result")
        #expect(answer.status == 503 && answer.kind == "result-memory-exhausted")
        #expect(answer["Retry-After"] == "5")
        #expect(await resultBytes(on: subject) == 2 * size)
        withExtendedLifetime((reader, second)) {}
        (reader, second) = (nil, nil)
        #expect(await state(try await finished(), on: subject) == "done")
    }

    @Test("a client that leaves before its 202 leaves no job behind")
    func leavingBeforeAdmission() async {
        subject.engine.change {
            $0.holds = true
            $0.progress = []
        }
        let request = Task { await subject.restore(fields: Self.asynchronously) }
        await eventually { subject.engine.active == 1 }
        request.cancel()
        _ = await request.value
        await eventually { subject.engine.active == 0 && subject.service.memoryUsed == 0 }
        #expect(subject.engine.cancelled == 1)
    }
}
