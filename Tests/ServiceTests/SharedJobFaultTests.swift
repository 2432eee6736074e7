import Engine
import HTTPServer
import HTTPTypes
import Scheduling
import Service
import Settings
import TestSupport
import Testing

/// A store that is away, full or not as it should be.
@Suite("A job store in trouble", .enabled(if: RedisServer.isThere, "redis-server is not installed"))
struct SharedJobFaultTests {
    @Test("while the store is away jobs are 503, direct requests go on, health says so, and it comes back by itself")
    func away() async throws {
        let rig = try SharedJobRig()
        let (front, all, worker) = (try await rig.replica(.front), try await rig.replica(), try await rig.replica(.worker))
        for replica in [all, worker] { replica.hold() }
        let accepted = [try await front.subject.startJob("?seed=1"), try await front.subject.startJob("?seed=2")]
        await eventually { all.engine.active + worker.engine.active == 2 }
        rig.server.stop(9)
        await eventually { await SharedJobRig.storeState(of: all.subject) == "unavailable" }

        let refused = await all.subject.restore(fields: ServiceUnderTest.asynchronously)
        #expect(refused.status == 503 && refused.kind == "job-store-unavailable" && refused["Retry-After"] == "2")
        for path in [accepted[0], accepted[0] + "/result", accepted[0] + "/events"] {
            #expect(await all.subject.send(.get, path).kind == "job-store-unavailable")
        }
        #expect(await all.subject.send(.delete, accepted[0]).status == 503)
        #expect(await front.subject.restore().status == 503)
        #expect(await all.subject.send(.get, "/health/ready").status == 200)
        for replica in [front, worker] {
            await eventually { await replica.subject.send(.get, "/health/ready").status == 503 }
            #expect(await replica.subject.send(.get, "/health/live").status == 200)
        }
        #expect(await all.metric("restored_job_store_up") == 0)

        // What was under way ends meanwhile, and is stored afterwards.
        for replica in [all, worker] { replica.engine.release() }
        #expect(await all.subject.restore("?seed=3").status == 200)
        try rig.server.start()
        // Each finds it again in its own time, and until then refuses.
        for replica in [front, all, worker] {
            await eventually { await SharedJobRig.storeState(of: replica.subject) == "available" }
        }
        for (index, job) in accepted.enumerated() {
            #expect(await front.end(of: job) == "done")
            #expect(await all.subject.send(.get, job + "/result")["Restored-Seed"] == "\(index + 1)")
        }
        #expect(await front.subject.restore("?seed=4").status == 200)
        for replica in [front, all, worker] {
            await eventually { await replica.subject.send(.get, "/health/ready").status == 200 }
        }
        #expect(await all.metric("restored_job_store_up") == 1)
    }

    @Test("a request that waits at a front end outlives a restart of the store, and so does an event stream")
    func restartInBetween() async throws {
        let rig = try SharedJobRig()
        let (front, worker) = (try await rig.replica(.front), try await rig.replica())
        worker.hold()
        let waiting = Task { await front.subject.restore("?seed=6") }
        await eventually { worker.engine.active == 1 }
        let job = try await front.subject.startJob("?seed=7")
        let collector = StreamCollector()
        let stream = Task { await front.subject.send(.get, job + "/events", writer: collector) }
        await eventually { collector.text.contains("event: queued") }
        rig.server.stop(9)
        await eventually { await SharedJobRig.storeState(of: front.subject) == "unavailable" }
        try rig.server.start()
        worker.engine.release()
        let answer = await waiting.value
        #expect(answer.status == 200 && answer["Restored-Seed"] == "6")
        _ = await stream.value
        #expect(collector.text.contains("event: done\n"))
    }

    @Test("a drain ends in its time also while a job's end can't be stored")
    func drainWithoutStore() async throws {
        let rig = try SharedJobRig()
        var configuration = Configuration()
        (configuration.port, configuration.drainTimeout) = (0, 1)
        let replica = try await rig.replica { _ in }
        replica.hold()
        _ = try await replica.subject.startJob()
        await eventually { replica.engine.active == 1 }
        rig.server.stop(9)
        await eventually { await SharedJobRig.storeState(of: replica.subject) == "unavailable" }
        replica.engine.release()
        await eventually { replica.engine.active == 0 }
        let log = ServiceLog(level: .error, sink: LogSink { _ in })
        let server = try HTTPServer(configuration: configuration.server, handler: replica.subject.service)
        try server.start()
        let life = ServiceLifecycle(service: replica.subject.service, server: server, configuration: configuration, log: log)
        let ended = Task { await life.drain() }
        // The end of a job would be tried for two minutes.
        let timer = Task {
            try await Task.sleep(for: .seconds(60))
            Issue.record("the drain goes on")
        }
        #expect(await ended.value == ServiceLifecycle.drainCutShort)
        timer.cancel()
    }

    @Test("a replica that is too busy for a job's deadline leaves it to another")
    func busyReplica() async throws {
        let rig = try SharedJobRig()
        let busy = try await rig.replica()
        busy.engine.change { ($0.estimatedSeconds, $0.idleSeconds) = (100_000, 1) }
        let job = try await busy.subject.startJob()
        let idle = try await rig.replica()
        #expect(await idle.end(of: job) == "done")
        #expect(busy.engine.state.withLock { $0.pictures.isEmpty } && idle.engine.state.withLock { $0.pictures.count == 1 })
    }

    @Test("a front end that has no memory for a result that is there waits until it has")
    func shortFrontEnd() async throws {
        let rig = try SharedJobRig()
        let (front, worker) = (try await rig.replica(.front), try await rig.replica())
        worker.hold()
        let waiting = Task { await front.subject.restore("?seed=6") }
        await eventually { worker.engine.active == 1 }
        let memory = front.subject.service.memory
        var rest: MemoryBudget.Reservation? = memory.reservation()
        // As much as it lends.
        var step = memory.limit
        while step > 0 { if (try? rest?.grow(by: step)) == nil { step /= 2 } }
        worker.engine.release()
        let job = try #require(try await rig.redis("KEYS", "restored:job:*").items?.first?.text)
        await eventually { (try? await rig.redis("HGET", job, "state").text) == "done" }
        // It has heard of that by then, and asked.
        try await Task.sleep(for: .milliseconds(300))
        withExtendedLifetime(rest) {}
        rest = nil
        let answer = await waiting.value
        #expect(answer.status == 200 && answer["Restored-Seed"] == "6")
    }

    @Test("a store that lost everything is begun anew: old jobs are gone, new ones are done")
    func emptied() async throws {
        let rig = try SharedJobRig()
        let replica = try await rig.replica()
        let job = try await replica.subject.startJob()
        #expect(await replica.end(of: job) == "done")
        try await rig.redis("FLUSHALL")
        #expect([404, 410].contains(await replica.subject.send(.get, job).status))
        let next = try await replica.subject.startJob()
        #expect(await replica.end(of: next) == "done")
    }

    @Test("as many jobs are unfinished as may, and one more is 429; finished ones make room")
    func jobLimit() async throws {
        let rig = try SharedJobRig()
        let front = try await rig.replica(.front) { $0.jobLimit = 2 }
        let first = try await front.subject.startJob()
        _ = try await front.subject.startJob()
        let refused = await front.subject.restore(fields: ServiceUnderTest.asynchronously)
        #expect(refused.status == 429 && refused.kind == "queue-full" && refused["Retry-After"] != nil)
        #expect(await front.subject.send(.delete, first).status == 204)
        // It reads cancelled until its place is wanted.
        #expect(await front.subject.jobState(first) == "cancelled")
        _ = try await front.subject.startJob()
        #expect(await front.subject.send(.get, first).status == 410)
        #expect(try await rig.redis("XLEN", "restored:jobs").number == 2)
    }

    @Test("pictures that wait take no more than they may in the store, and results neither: the oldest go")
    func bytes() async throws {
        let rig = try SharedJobRig()
        func bounded(_ role: ServiceRole) async throws -> SharedJobRig.Replica {
            try await rig.replica(role) {
                ($0.megapixelLimit, $0.bodyLimit) = (1, 1 << 20)
                $0.resultMemory = 2 * ServiceUnderTest.png.count
            }
        }
        let front = try await bounded(.front)
        let jobs = [try await front.subject.startJob("?seed=1"), try await front.subject.startJob("?seed=2")]
        let refused = await front.subject.restore(fields: ServiceUnderTest.asynchronously)
        #expect(refused.status == 503 && refused.kind == "job-store-full" && refused["Retry-After"] == "5")
        await eventually { await front.metric("restored_job_upload_bytes") == Double(2 * ServiceUnderTest.png.count) }

        let worker = try await bounded(.all)
        for job in jobs { #expect(["done", nil].contains(await front.end(of: job))) }
        let third = try await front.subject.startJob("?seed=3")
        #expect(await worker.end(of: third) == "done")
        await eventually { await front.metric("restored_job_upload_bytes") == 0 }
        let size = await worker.subject.send(.get, third + "/result").body.count
        let kept = try await rig.redis("HGET", "restored:totals", "results").number ?? 0
        #expect(kept > 0 && kept <= 2 * ServiceUnderTest.png.count && kept.isMultiple(of: size))
        // Both are done at once: either may be the older result.
        var statuses: [Int] = []
        for job in jobs { statuses.append(await front.subject.send(.get, job).status) }
        #expect(statuses.contains(410))
    }

    @Test("a result that is larger than all results may be fails, with a reason")
    func largeResult() async throws {
        let rig = try SharedJobRig()
        let replica = try await rig.replica { $0.resultMemory = ServiceUnderTest.png.count }
        // The text of a document is longer than its picture.
        var fields = ServiceUnderTest.asynchronously
        fields[.accept] = "application/json"
        let job = try #require(await replica.subject.restore(fields: fields)["Location"])
        #expect(await replica.end(of: job) == "failed")
        let result = await replica.subject.send(.get, job + "/result")
        #expect(result.status == 422 && result.kind == "answer-too-large")
    }

    @Test("where the server's memory is full new jobs are 503, and those under way still end")
    func outOfMemory() async throws {
        let rig = try SharedJobRig()
        let replica = try await rig.replica()
        replica.hold()
        let job = try await replica.subject.startJob()
        await eventually { replica.engine.active == 1 }
        try await rig.redis("CONFIG", "SET", "maxmemory", "1")
        let refused = await replica.subject.restore(fields: ServiceUnderTest.asynchronously)
        #expect(refused.status == 503 && refused.kind == "job-store-full")
        replica.engine.report(.running(completed: 1, total: 7, remainingSeconds: nil))
        await eventually { await replica.subject.send(.get, job).json["step"]?.number == 1 }
        replica.engine.release()
        #expect(await replica.end(of: job) == "done")
        #expect(await replica.subject.send(.get, job + "/result").status == 200)
        try await rig.redis("CONFIG", "SET", "maxmemory", "0")
        let next = try await replica.subject.startJob()
        #expect(await replica.end(of: next) == "done")
    }

    @Test("a job that nobody ends is ended past its deadline, and what nobody fetches goes with its bytes")
    func overdue() async throws {
        let rig = try SharedJobRig()
        let front = try await rig.replica(.front)
        let job = try await front.subject.startJob()
        try await rig.redis("ZADD", "restored:unfinished", "1", rig.name(job))
        #expect(await front.end(of: job) == "failed")
        #expect(await front.subject.send(.get, job + "/result").kind == "expired-in-queue")
        #expect(try await rig.redis("EXISTS", "restored:upload:" + rig.name(job)).number == 0)
        try await rig.redis("ZADD", "restored:finished", "1", rig.name(job))
        await eventually { await front.subject.send(.get, job).status == 410 }
        #expect(try await rig.redis("HGETALL", "restored:kept").items == [])
        #expect(try await rig.redis("HGET", "restored:totals", "failed").number == 0)
    }

    @Test("with a wrong password the store is away, and the log tells the reason and no password")
    func wrongPassword() async throws {
        let rig = try SharedJobRig(["--requirepass", "right-secret"])
        let url = "redis://:wrong-secret@127.0.0.1:\(rig.server.port)/0"
        let replica = try await rig.replica(url: url)
        await eventually { replica.subject.logLines.contains { $0.contains("job store unavailable") } }
        #expect(await replica.subject.restore(fields: ServiceUnderTest.asynchronously).status == 503)
        #expect(await replica.subject.restore().status == 200)
        let log = replica.subject.logLines.joined()
        #expect(log.contains("WRONGPASS") && !log.contains("secret"))
        #expect(await replica.metric("restored_job_store_up") == 0)
    }

    @Test("a worker serves what is asked about it, and nothing else")
    func workerRoutes() async throws {
        let rig = try SharedJobRig()
        let worker = try await rig.replica(.worker)
        for path in ["/health", "/health/ready", "/health/live", "/metrics"] {
            #expect(await worker.subject.send(.get, path).status == 200)
        }
        for path in ["/", "/capabilities", "/openapi.yaml", "/jobs/x"] {
            #expect(await worker.subject.send(.get, path).status == 404)
        }
        #expect(await worker.subject.restore().status == 404)
    }
}
