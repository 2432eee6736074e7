import Engine
import HTTPTypes
import Images
import Service
import TestSupport
import Testing

@Suite("Jobs that replicas share", .enabled(if: RedisServer.isThere, "redis-server is not installed"))
struct SharedJobTests {
    @Test("a job that one replica accepts another does; its state, events and result are the same at both")
    func acrossReplicas() async throws {
        let rig = try SharedJobRig()
        let front = try await rig.replica(.front)
        let worker = try await rig.replica()
        worker.hold()
        let job = try await front.subject.startJob("?seed=5&format=jpeg")
        await eventually { worker.engine.active == 1 }
        #expect(front.engine.seen.isEmpty)
        let (here, there) = (StreamCollector(), StreamCollector())
        let streams = [(front, here), (worker, there)].map { replica, collector in
            Task { await replica.subject.send(.get, job + "/events", writer: collector) }
        }
        worker.engine.report(.running(completed: 2, total: 7, remainingSeconds: 4.25))
        await eventually { here.text.contains("\"step\":2") && there.text.contains("\"step\":2") }
        let running = await front.subject.send(.get, job).json
        #expect(running["state"]?.text == "running" && running["steps"]?.number == 7)
        #expect(running["estimated_seconds"]?.number == 4.3 && running["queue_position"] == nil)
        #expect(await front.subject.send(.get, job + "/result").status == 409)
        worker.engine.release()
        for stream in streams { _ = await stream.value }
        #expect(here.text.contains("event: done\n") && there.text.contains("event: done\n"))
        let direct = await worker.subject.restore("?seed=5&format=jpeg")
        for replica in [front, worker] {
            let result = await replica.subject.send(.get, job + "/result")
            #expect(result.status == 200 && result.body == direct.body && result["Content-Type"] == "image/jpeg")
            #expect(result["Restored-Seed"] == "5" && result["Cache-Control"] == "no-store")
        }
        #expect(await front.subject.send(.delete, job).status == 204)
        for replica in [front, worker] {
            for path in [job, job + "/result", job + "/events"] {
                #expect(await replica.subject.send(.get, path).status == 410)
            }
        }
        await eventually { worker.subject.service.memoryUsed == 0 && front.subject.service.memoryUsed == 0 }
    }

    @Test("a front end's own requests are answered as a worker answers them, what is wrong with them included")
    func forwarded() async throws {
        let rig = try SharedJobRig()
        let front = try await rig.replica(.front)
        let worker = try await rig.replica()
        for query in ["?seed=3", "?steps=1000", "?bundle=none", "?sampler=none", "?timeout=0", "?quality=5", "?none=1"] {
            let (forwarded, direct) = (await front.subject.restore(query), await worker.subject.restore(query))
            #expect(forwarded.status == direct.status && forwarded.kind == direct.kind, "\(query)")
            if direct.status == 200 { #expect(forwarded.body == direct.body) }
        }
        let fields: HTTPFields = [.accept: "application/json", .contentType: "image/png"]
        let document = await front.subject.restore("?seed=4", fields: fields)
        #expect(document.json["seed"]?.text == "4" && document.json["image"] != nil)
        let picture = await front.subject.send(.post, "/classify", fields: [.contentType: "image/png"], body: ServiceUnderTest.png)
        #expect(picture.status == 200 && picture.json["degradation"]?.text == "rainy")
        worker.engine.change { $0.failure = .deadlineExceeded(whileQueued: false) }
        #expect(await front.subject.restore().status == 504)
        // Nobody can ask for them again.
        await eventually { (try? await rig.redis("KEYS", "restored:job:*"))?.items == [] }
    }

    @Test("a reference reaches whoever does the job, and does so again for the next owner")
    func reference() async throws {
        let rig = try SharedJobRig()
        let (first, front) = (try await rig.replica(), try await rig.replica(.front))
        first.hold()
        let reference = Picture.sample(width: 21, height: 17)
        let parts = [FormPart("image", ServiceUnderTest.png), FormPart("reference", try ImageEncoder.png(reference))]
        var fields = ServiceUnderTest.asynchronously
        fields[.contentType] = "multipart/form-data; boundary=XX"
        let accepted = await front.subject.send(.post, "/restore", fields: fields, body: FormPart.body(parts))
        let job = try #require(accepted["Location"])
        await eventually { first.engine.active == 1 }
        try await rig.takeAway(job)
        await eventually { first.engine.references.count == 2 }
        #expect(first.engine.references.allSatisfy { $0.pixels == reference.pixels })
        first.engine.release()
        #expect(await front.end(of: job) == "done")
        let direct = await first.subject.restoreForm(parts)
        #expect(await front.subject.send(.get, job + "/result").body == direct.body)
        await eventually { first.subject.service.memoryUsed == 0 && front.subject.service.memoryUsed == 0 }
    }

    @Test("a broken reference of a job is told as one, and not as the picture")
    func brokenReference() async throws {
        let rig = try SharedJobRig()
        let (_, front) = (try await rig.replica(), try await rig.replica(.front))
        let reference = try ImageEncoder.png(Picture.sample(width: 121, height: 117))
        let answer = await front.subject.restoreForm([
            FormPart("image", ServiceUnderTest.png), FormPart("reference", Array(reference.prefix(reference.count / 2))),
        ])
        #expect(answer.status == 400 && answer.kind == "broken-reference")
    }

    @Test("a job without a seed keeps the one that was drawn when it was accepted")
    func seed() async throws {
        let rig = try SharedJobRig()
        let (first, second) = (try await rig.replica(), try await rig.replica(.front))
        first.hold()
        let job = try await second.subject.startJob()
        await eventually { first.engine.active == 1 }
        // Another owner, and then this one once more.
        try await rig.takeAway(job)
        await eventually { first.engine.seen.count == 2 }
        let seeds = first.engine.seen.map(\.seed)
        #expect(seeds[0] != nil && seeds[0] == seeds[1])
        first.engine.release()
        #expect(await second.end(of: job) == "done")
    }

    @Test("DELETE at a replica that does not do the job stops it where it is done")
    func cancel() async throws {
        let rig = try SharedJobRig()
        let (front, worker) = (try await rig.replica(.front), try await rig.replica())
        worker.hold()
        let job = try await front.subject.startJob()
        await eventually { worker.engine.active == 1 }
        #expect(await front.subject.send(.delete, job).status == 204)
        await eventually { worker.engine.cancelled >= 1 && worker.engine.active == 0 }
        for replica in [front, worker] {
            #expect(await replica.subject.jobState(job) == "cancelled")
            #expect(await replica.subject.send(.get, job + "/result").kind == "job-cancelled")
        }
        #expect(try await rig.redis("XLEN", "restored:jobs").number == 0)
        await eventually { await worker.metric("restored_job_claims_lost_total") ?? 0 >= 1 }
    }

    @Test("a client that leaves a front end takes its work along")
    func leaving() async throws {
        let rig = try SharedJobRig()
        let (front, worker) = (try await rig.replica(.front), try await rig.replica())
        worker.hold()
        let request = Task { await front.subject.restore() }
        await eventually { worker.engine.active == 1 }
        request.cancel()
        _ = await request.value
        await eventually { worker.engine.cancelled >= 1 }
        await eventually { worker.subject.service.taskCount == 0 && front.subject.service.memoryUsed == 0 }
    }

    @Test("who was silent for longer than the lease has lost the job: what it makes of it is not stored")
    func fencing() async throws {
        let rig = try SharedJobRig()
        let worker = try await rig.replica()
        worker.hold()
        let job = try await worker.subject.startJob("?seed=1")
        await eventually { worker.engine.active == 1 }
        try await rig.redis("HSET", rig.key(job), "owner", "another")
        // It hears so when it next tells how far it is, and stops.
        worker.engine.report(.running(completed: 1, total: 7, remainingSeconds: nil))
        await eventually { worker.engine.cancelled == 1 }
        #expect(["queued", "running"].contains(await worker.subject.jobState(job)))
        // The other one stays silent, so that the job is taken again, here.
        try await rig.takeAway(job)
        await eventually { worker.engine.active == 1 && worker.engine.seen.count == 2 }
        worker.engine.release()
        #expect(await worker.end(of: job) == "done")
        #expect(await worker.metric("restored_job_retries_total") == 1)
        #expect(await worker.metric("restored_job_claims_total") == 2)
    }

    @Test("a job whose owners end one after another fails with a reason, and is done no more")
    func abandoned() async throws {
        let rig = try SharedJobRig()
        let worker = try await rig.replica()
        worker.hold()
        let job = try await worker.subject.startJob()
        await eventually { worker.engine.active == 1 }
        try await rig.takeAway(job, claims: 4)
        await eventually { worker.engine.seen.count == 2 }
        try await rig.takeAway(job)
        #expect(await worker.end(of: job) == "failed")
        let result = await worker.subject.send(.get, job + "/result")
        #expect(result.status == 500 && result.kind == "job-abandoned" && result.detail.contains("5 times"))
        #expect(worker.engine.seen.count == 2)
        #expect(try await rig.redis("XLEN", "restored:jobs").number == 0)
    }

    @Test("a replica that ends gives its jobs back, which does not count as a try")
    func drain() async throws {
        let rig = try SharedJobRig()
        let first = try await rig.replica()
        first.hold()
        let job = try await first.subject.startJob("?seed=9")
        await eventually { first.engine.active == 1 }
        first.subject.service.beginDrain()
        #expect(first.subject.service.taskCount > 0)
        first.subject.service.stopAll()
        await first.subject.service.waitForReturnedJobs(atMost: .seconds(120))
        #expect(try await rig.redis("HGET", rig.key(job), "claims").number == 0)
        let second = try await rig.replica()
        #expect(await second.end(of: job) == "done")
        #expect(await second.subject.send(.get, job + "/result")["Restored-Seed"] == "9")
    }

    @Test("what can't be told from a job's fields any more is passed over, and the next job is done")
    func remnants() async throws {
        let rig = try SharedJobRig()
        let front = try await rig.replica(.front)
        let (gone, empty, next) = (
            try await front.subject.startJob(), try await front.subject.startJob(), try await front.subject.startJob())
        try await rig.redis("DEL", rig.key(gone))
        try await rig.redis("DEL", "restored:upload:" + rig.name(empty))
        try await rig.redis("HSET", rig.key(next), "order", "{")
        try await rig.redis("XADD", "restored:jobs", "*", "strange", "entry")
        let worker = try await rig.replica()
        #expect(await worker.end(of: next) == "failed")
        #expect(await worker.subject.send(.get, next + "/result").status == 500)
        #expect(await worker.end(of: empty) == "failed")
        #expect(await worker.subject.send(.get, empty + "/result").kind == "job-lost")
        #expect(await worker.subject.send(.get, gone).status == 410)
        await eventually { (try? await rig.redis("XLEN", "restored:jobs"))?.number == 0 }
        let last = try await front.subject.startJob()
        #expect(await front.end(of: last) == "done")
    }

    @Test("a job that never was is 404 at every replica, one that is gone 410, and no name becomes a key")
    func names() async throws {
        let rig = try SharedJobRig()
        let (first, second) = (try await rig.replica(), try await rig.replica())
        let job = try await first.subject.startJob()
        #expect(await second.end(of: job) == "done")
        try await rig.redis("DEL", rig.key(job))
        for replica in [first, second] {
            #expect(await replica.subject.send(.get, job).status == 410)
            for name in ["x", String(repeating: "0", count: 48), "*", String(repeating: "F", count: 48)] {
                for path in ["/jobs/\(name)", "/jobs/\(name)/result", "/jobs/\(name)/events"] {
                    #expect(await replica.subject.send(.get, path).status == 404)
                }
                #expect(await replica.subject.send(.delete, "/jobs/\(name)").status == 404)
            }
        }
    }

    @Test("jobs that wait know their places, and those behind a cancelled one move up")
    func places() async throws {
        let rig = try SharedJobRig()
        let front = try await rig.replica(.front)
        let jobs = [try await front.subject.startJob(), try await front.subject.startJob(), try await front.subject.startJob()]
        func place(_ job: String) async -> Double? { await front.subject.send(.get, job).json["queue_position"]?.number }
        for (index, job) in jobs.enumerated() { #expect(await place(job) == Double(index)) }
        #expect(await front.subject.send(.delete, jobs[0]).status == 204)
        #expect(await place(jobs[2]) == 1)
        await eventually { await front.metric("restored_job_store_lag") == 2 }
    }
}
