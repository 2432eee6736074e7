import Engine
import HTTPServer
import HTTPTypes
import Service
import Settings
import Testing

@Suite("Start and end")
struct LifeTests {
    @Test("while loading the service lives, isn't ready, and refuses work for now")
    func loading() async {
        let subject = ServiceUnderTest(isStarted: false)
        #expect(await subject.send(.get, "/health/live").status == 200)
        for path in ["/health", "/health/ready"] {
            let answer = await subject.send(.get, path)
            #expect(answer.status == 503)
            #expect(answer.json["status"]?.text == "loading")
        }
        let refused = await subject.restore()
        #expect(refused.status == 503)
        #expect(refused["Retry-After"] != nil)
        #expect(await subject.send(.get, "/capabilities").json["bundles"]?.items?.isEmpty == true)
        subject.service.start(subject.engine)
        #expect(await subject.send(.get, "/health/ready").status == 200)
        #expect(await subject.restore().status == 200)
    }

    @Test("while a bundle is fetched it says how far that is")
    func fetching() async {
        let subject = ServiceUnderTest(isStarted: false)
        for (received, total) in [(5, 10), (7, nil)] as [(Int, Int?)] {
            subject.service.prepare(.fetching(bundle: "large", received: received, total: total))
            let answer = await subject.send(.get, "/health/ready")
            #expect(answer.status == 503 && answer["Retry-After"] != nil)
            #expect(answer.json["status"]?.text == "fetching" && answer.json["bundle"]?.text == "large")
            #expect(answer.json["received_bytes"]?.number == Double(received))
            #expect(answer.json["total_bytes"]?.number == total.map(Double.init))
            #expect(await subject.send(.get, "/health/live").status == 200)
            #expect(await subject.restore().status == 503)
        }
        subject.service.prepare(.loading)
        #expect(await subject.send(.get, "/health/ready").json["status"]?.text == "loading")
        subject.service.start(subject.engine)
        subject.service.prepare(.loading)
        #expect(await subject.send(.get, "/health/ready").status == 200)
    }

    @Test("a drain refuses new work at once and lets the old end")
    func drain() async {
        let subject = ServiceUnderTest()
        subject.engine.change { $0.holds = true }
        let running = Task { await subject.restore() }
        await eventually { subject.engine.active == 1 }
        subject.service.beginDrain()
        #expect(await subject.send(.get, "/health/ready").status == 503)
        #expect(await subject.send(.get, "/health").json["status"]?.text == "draining")
        #expect(await subject.send(.get, "/health/live").status == 200)
        let refused = await subject.restore()
        #expect(refused.status == 503)
        #expect(refused.kind == "draining")
        #expect(refused["Retry-After"] == "5")
        #expect(await subject.send(.post, "/classify", body: ServiceUnderTest.png).status == 503)
        subject.engine.release()
        #expect(await running.value.status == 200)
        await subject.service.waitUntilIdle()
        #expect(subject.service.taskCount == 0)
    }

    @Test("between its announcement and its beginning a drain takes work and isn't ready")
    func announcedDrain() async {
        let subject = ServiceUnderTest(isStarted: false)
        #expect(!subject.service.announceDrain())
        subject.service.start(subject.engine)
        #expect(subject.service.announceDrain())
        let ready = await subject.send(.get, "/health/ready")
        #expect(ready.status == 503 && ready["Retry-After"] != nil && ready.json["status"]?.text == "draining")
        #expect(await subject.send(.get, "/health/live").status == 200)
        #expect(await subject.restore().status == 200)
        subject.service.beginDrain()
        #expect(await subject.restore().kind == "draining")
        #expect(!subject.service.announceDrain())
    }

    @Test("a delay stands before the drain, and there alone", arguments: [0, 3600])
    func drainDelay(seconds: Int) async throws {
        var configuration = Configuration()
        configuration.port = 0
        configuration.drainDelay = seconds
        let lines = LineCollector()
        let sink = LogSink(format: .text) { lines.add($0) }
        let log = ServiceLog(level: .info, sink: sink)
        let service = RestorationService(configuration: configuration, log: log)
        service.start(ScriptedEngine())
        let server = try HTTPServer(configuration: configuration.server, handler: service)
        try server.start()
        let life = ServiceLifecycle(service: service, server: server, configuration: configuration, log: log)
        let end = Task { await life.drain() }
        if seconds > 0 {
            await eventually {
                sink.flush(within: .seconds(20))
                return lines.all.contains { $0.hasSuffix(" notice drain announced seconds=3600\n") }
            }
            #expect(!lines.all.contains { $0.contains(" draining") })
            // In place of waiting.
            end.cancel()
        }
        #expect(await end.value == 0)
        sink.flush(within: .seconds(20))
        #expect(lines.all.contains { $0.contains(" notice draining") })
        #expect(lines.all.contains { $0.contains("drain announced") } == (seconds > 0))
    }

    @Test("a drain that runs out answers every open request 503, and unfinished jobs read failed")
    func drainCutShort() async throws {
        let subject = ServiceUnderTest()
        subject.engine.change { $0.holds = true }
        let prefer = try #require(HTTPField.Name("Prefer"))
        let job = try #require(await subject.restore(fields: [prefer: "respond-async"])["Location"])
        let open = (0..<5).map { _ in Task { await subject.restore() } }
        await eventually { subject.engine.active == 6 }
        subject.service.beginDrain()
        subject.service.stopAll()
        for request in open {
            let answer = await request.value
            #expect(answer.status == 503)
            #expect(answer["Retry-After"] != nil)
        }
        await eventually { await subject.send(.get, job).json["state"]?.text == "failed" }
        await subject.service.waitUntilIdle()
        await eventually { subject.engine.active == 0 }
    }

    @Test("an evaluation under way for longer than the limit is no life any more, one as long is", arguments: [
        (nil, 200), (60.0, 200), (60.5, 503),
    ] as [(Double?, Int)])
    func hanging(seconds: Double?, status: Int) async {
        let subject = ServiceUnderTest { $0.hangLimit = 60 }
        subject.engine.change { $0.load.longestEvaluationUnderWay = seconds }
        let answer = await subject.send(.get, "/health/live")
        #expect(answer.status == status)
        #expect(answer.json["status"]?.text == (status == 200 ? "live" : "hanging"))
        // Still there for those who look for the cause.
        let metrics = await subject.send(.get, "/metrics").text
        #expect(metrics.contains("\nrestored_longest_evaluation_seconds \(seconds ?? 0)\n"))
    }

    @Test("an evaluation that took far longer than others is a warning in the log")
    func slowEvaluation() {
        let lines = LineCollector()
        let sink = LogSink(format: .text) { lines.add($0) }
        ServiceLog(level: .info, sink: sink).warn(
            of: SlowEvaluation(batch: "384x256", samples: 2, seconds: 12.5, medianSecondsPerSample: 0.25))
        sink.flush(within: .seconds(20))
        let end = " warning slow evaluation batch=384x256 median_seconds_per_sample=0.25 samples=2 seconds=12.5\n"
        #expect(lines.all.count == 1)
        #expect(lines.all.first?.hasSuffix(end) == true)
    }

    @Test("fewer threads than asked for are a warning in the log")
    func fewerThreads() {
        let lines = LineCollector()
        let sink = LogSink(format: .text) { lines.add($0) }
        ServiceLog(level: .info, sink: sink).warn(ofThreads: 3, wanted: 8)
        sink.flush(within: .seconds(20))
        #expect(lines.all.count == 1)
        #expect(lines.all.first?.hasSuffix(" warning fewer threads than asked for threads=3 wanted=8\n") == true)
    }

    @Test("with no time to drain and nothing under way, the end is an orderly one")
    func idleDrainWithoutTime() async throws {
        for _ in 0..<20 {
            var configuration = Configuration()
            configuration.port = 0
            configuration.drainTimeout = 0
            let log = ServiceLog(level: .error, sink: LogSink { _ in })
            let service = RestorationService(configuration: configuration, log: log)
            let engine = ScriptedEngine()
            service.start(engine)
            let server = try HTTPServer(configuration: configuration.server, handler: service)
            try server.start()
            let life = ServiceLifecycle(service: service, server: server, configuration: configuration, log: log)
            #expect(await life.drain() == 0)
        }
    }

    @Test("asked to end while loading, it never starts")
    func endWhileLoading() async {
        let subject = ServiceUnderTest(isStarted: false)
        subject.service.beginDrain()
        subject.service.start(subject.engine)
        #expect(await subject.restore().kind == "draining")
    }
}
