import Engine
import HTTPServer
import HTTPTypes
import Service
import Synchronization
import Testing

@Suite("Events of jobs")
struct JobEventTests {
    let subject = ServiceUnderTest()

    /// What a client sends that comes back after that event.
    private func after(_ id: String) -> HTTPFields {
        var fields: HTTPFields = [:]
        if let name = HTTPField.Name("Last-Event-ID") { fields[name] = id }
        return fields
    }

    private func identifiers(in text: String) -> [Int] {
        text.split(separator: "\n").filter { $0.hasPrefix("id: ") }.compactMap { Int($0.dropFirst(4)) }
    }

    @Test("each event has an id, and the ids go up")
    func ids() async throws {
        subject.engine.change { $0.holds = true }
        let job = try await subject.startJob()
        let collector = StreamCollector()
        let stream = Task { await subject.send(.get, job + "/events", writer: collector) }
        for step in 1...3 {
            subject.engine.report(.running(completed: step, total: 7, remainingSeconds: nil))
            await eventually { collector.text.contains("\"step\":\(step)") }
        }
        subject.engine.release()
        _ = await stream.value
        let ids = identifiers(in: collector.text)
        #expect(ids.count == collector.text.split(separator: "\n").count { $0.hasPrefix("event: ") })
        #expect(ids.count >= 4 && ids == Array(Set(ids)).sorted())
        #expect(!collector.text.contains("revision"))
        subject.clock.advance(by: .seconds(60))
    }

    @Test("a client that comes back gets what came after its event, and at once a sign where that is nothing")
    func resuming() async throws {
        subject.engine.change { $0.holds = true }
        let job = try await subject.startJob()
        subject.engine.report(.running(completed: 1, total: 7, remainingSeconds: nil))
        let first = StreamCollector()
        let broken = Task { await subject.send(.get, job + "/events", writer: first) }
        await eventually { first.text.contains("\"step\":1") }
        broken.cancel()
        _ = await broken.value
        let seen = try #require(identifiers(in: first.text).last)
        let second = StreamCollector()
        let resumed = Task { await subject.send(.get, job + "/events", fields: after("\(seen)"), writer: second) }
        await eventually { second.text == ": heartbeat\n\n" }
        subject.engine.report(.running(completed: 2, total: 7, remainingSeconds: nil))
        await eventually { second.text.contains("\"step\":2") }
        #expect(!second.text.contains("\"step\":1"))
        // What changed meanwhile comes at once.
        let third = StreamCollector()
        let late = Task { await subject.send(.get, job + "/events", fields: after("\(seen)"), writer: third) }
        await eventually { third.text.contains("\"step\":2") }
        subject.engine.release()
        for stream in [resumed, late] { _ = await stream.value }
        #expect(second.text.contains("event: done\n") && third.text.contains("event: done\n"))
        subject.clock.advance(by: .seconds(60))
    }

    @Test("after the last event there is nothing to come back for: 204, however the job ended", arguments: [
        "done", "failed", "cancelled",
    ])
    func afterTheEnd(ending: String) async throws {
        subject.engine.change {
            if ending == "failed" { $0.failure = .deadlineExceeded(whileQueued: false) }
            $0.holds = ending == "cancelled"
        }
        let job = try await subject.startJob()
        if ending == "cancelled" { #expect(await subject.send(.delete, job).status == 204) }
        await eventually { await subject.jobState(job) == ending }
        let whole = await subject.send(.get, job + "/events")
        let last = try #require(identifiers(in: whole.text).last)
        for method in [HTTPRequest.Method.get, .head] {
            let again = await subject.send(method, job + "/events", fields: after("\(last)"))
            #expect(again.status == 204)
            #expect(again.body.isEmpty && again["Content-Type"] == nil)
        }
        // One that missed the last event gets it.
        let before = await subject.send(.get, job + "/events", fields: after("\(last - 1)"))
        #expect(before.status == 200 && before.text == whole.text)
        subject.clock.advance(by: .seconds(60))
        subject.engine.release()
    }

    @Test("what is no id of an event is none", arguments: ["", "x", "-1", "+1", "1.0", "99999999999999999999", "0", "1000000"])
    func noIdentifier(id: String) async throws {
        let job = try await subject.startJob()
        await eventually { await subject.jobState(job) == "done" }
        let answer = await subject.send(.get, job + "/events", fields: after(id))
        #expect(answer.status == 200)
        #expect(answer.text.contains("event: done\n"))
        subject.clock.advance(by: .seconds(60))
    }

    @Test("a job that is gone is 410 for a client that comes back as well")
    func gone() async throws {
        let job = try await subject.startJob()
        await eventually { await subject.jobState(job) == "done" }
        #expect(await subject.send(.delete, job).status == 204)
        #expect(await subject.send(.get, job + "/events", fields: after("2")).status == 410)
    }

    @Test("a slow reader is told how its job ended, though the job is gone by then")
    func endOfARemovedJob() async throws {
        subject.engine.change { $0.holds = true }
        let job = try await subject.startJob()
        let reader = SlowReader()
        let stream = Task { await subject.send(.get, job + "/events", writer: reader) }
        await eventually { reader.text.contains("event: queued") }
        subject.engine.release()
        await eventually { await subject.jobState(job) == "done" }
        #expect(await subject.send(.delete, job).status == 204)
        #expect(await subject.send(.get, job).status == 410)
        reader.goOn()
        _ = await stream.value
        #expect(reader.text.contains("event: done\n"))
        subject.clock.advance(by: .seconds(60))
    }

    @Test("HEAD of events is a stream as GET is, so that both have one head, and nothing is written to it")
    func headOfEvents() async throws {
        let job = try await subject.startJob()
        let request = HTTPRequest(method: .head, scheme: "http", authority: "localhost", path: job + "/events")
        let response = await subject.response(to: request)
        guard case .stream(let produce) = response.body else {
            Issue.record("expected a stream: \(response)")
            return
        }
        let collector = StreamCollector()
        try await produce(collector)
        #expect(collector.bytes.isEmpty)
    }

    @Test("events tell every state to the last, then end")
    func events() async throws {
        subject.engine.change { $0.holds = true }
        let job = try await subject.startJob()
        let collector = StreamCollector()
        let stream = Task { await subject.send(.get, job + "/events", writer: collector) }
        await eventually { collector.text.contains("event: queued") }
        subject.engine.report(.running(completed: 1, total: 7, remainingSeconds: nil))
        await eventually { collector.text.contains("\"step\":1") }
        subject.engine.release()
        let answer = await stream.value
        #expect(answer["Content-Type"] == "text/event-stream")
        #expect(answer["Cache-Control"] == "no-store")
        #expect(answer["X-Accel-Buffering"] == "no")
        let text = collector.text
        #expect(text.contains("event: running\n"))
        #expect(text.contains("event: done\n"))
        #expect(text.hasSuffix("\n\n"))
        // A finished job's events are its last state.
        let late = await subject.send(.get, job + "/events")
        #expect(late.text.split(separator: "\n").dropFirst().first == "event: done")
        #expect(await subject.send(.head, job + "/events").body.isEmpty)
    }

    @Test("a quiet stream gets a heartbeat every 15 seconds")
    func heartbeat() async throws {
        subject.engine.change { $0.holds = true }
        let job = try await subject.startJob()
        let collector = StreamCollector()
        let stream = Task { await subject.send(.get, job + "/events", writer: collector) }
        await eventually { collector.text.contains("event: queued") && subject.clock.sleeperCount == 1 }
        #expect(!collector.text.contains(":heartbeat") && !collector.text.contains(": heartbeat"))
        subject.clock.advance(by: .seconds(15))
        await eventually { collector.text.contains(": heartbeat\n\n") }
        subject.engine.release()
        _ = await stream.value
        subject.clock.advance(by: .seconds(15))
    }

    @Test("one stream more than the limit is 503, and a closed one makes room")
    func streamLimit() async throws {
        let subject = ServiceUnderTest { $0.eventStreamLimit = 2 }
        subject.engine.change { $0.holds = true }
        let job = try await subject.startJob()
        let streams = (0..<2).map { _ in
            let collector = StreamCollector()
            return (collector, Task { await subject.send(.get, job + "/events", writer: collector) })
        }
        for (collector, _) in streams { await eventually { collector.text.contains("queued") } }
        let excess = await subject.send(.get, job + "/events")
        #expect(excess.status == 503)
        #expect(excess["Retry-After"] != nil)
        streams[0].1.cancel()
        _ = await streams[0].1.value
        await eventually { await subject.send(.head, job + "/events").status == 200 }
        subject.engine.release()
        _ = await streams[1].1.value
        subject.clock.advance(by: .seconds(60))
    }
}

/// A client that reads no more than the first event until it is told to go on.
private final class SlowReader: ResponseWriter {
    private let collector = StreamCollector()
    private let goesOn = Mutex(false)

    var text: String { collector.text }

    func goOn() { goesOn.withLock { $0 = true } }

    func write(_ bytes: [UInt8]) async throws {
        try await collector.write(bytes)
        while !goesOn.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(1)) }
    }
}
