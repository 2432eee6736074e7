import HTTPServer
import HTTPTypes
import HTTPWire
import Images
import Service
import Testing

/// Decoders and encoders keep to the request's deadline, as the engine does.
@Suite("Deadlines of decoders and encoders")
struct DeadlineTests {
    let subject = ServiceUnderTest()

    /// A body whose last byte comes late.
    private struct LateBody: RequestBody {
        let body = PiecewiseBody(ServiceUnderTest.png, pieces: 1, limit: .max)
        let clock: TestClock
        let delay: Duration
        var declaredByteCount: Int? { body.declaredByteCount }

        func next() async throws(RequestBodyError) -> ArraySlice<UInt8>? {
            clock.advance(by: delay / 2)
            return try await body.next()
        }
    }

    private func send(_ path: String, delay: Duration) async -> Answer? {
        let request = HTTPRequest(method: .post, scheme: "http", authority: "localhost", path: path)
        let head = RequestHead(request: request, declaredBodyLength: nil, peer: "127.0.0.1")
        guard case .run(_, let work) = subject.service.accept(head) else { return nil }
        return Answer(await work(LateBody(clock: subject.clock, delay: delay)), [])
    }

    @Test("a picture whose turn comes after the deadline isn't decoded", arguments: ["/restore", "/classify"])
    func late(path: String) async {
        let clock = subject.clock
        subject.engine.change { $0.beforeTurn = { clock.advance(by: .seconds(599)) } }
        #expect(await send(path, delay: .zero)?.status == 200)
        let seen = subject.engine.state.withLock { $0.pictures.count + $0.labelsSeen.count }
        subject.engine.change { $0.beforeTurn = { clock.advance(by: .seconds(600)) } }
        #expect(await send(path, delay: .zero)?.status == 503)
        #expect(subject.engine.state.withLock { $0.pictures.count + $0.labelsSeen.count } == seen)
        await eventually { subject.service.memoryUsed == 0 }
    }

    @Test("a slow upload takes nothing from the time for the work on it", arguments: ["/restore", "/restore?timeout=5", "/classify"])
    func slowUpload(path: String) async {
        subject.engine.change { ($0.estimatedSeconds, $0.idleSeconds) = (4, 4) }
        #expect(await send(path, delay: .seconds(2000))?.status == 200)
    }

    @Test("a picture that was restored too late isn't encoded", arguments: ["image/png", "application/json"])
    func restoredLate(accept: String) async {
        subject.engine.change { $0.holds = true }
        let answer = Task { await subject.restore("?timeout=5", fields: [.accept: accept]) }
        await eventually { subject.engine.active == 1 }
        subject.clock.advance(by: .seconds(5))
        subject.engine.release()
        #expect(await answer.value.kind == "deadline-exceeded")
        #expect(await answer.value.status == 504)
    }

    @Test("decoding ends when the deadline passes in the middle of it")
    func withinDecoding() async throws {
        // Hundreds of looks at the clock, of which each takes a second.
        let tall = Picture(width: 8, height: 16_000, pixels: [UInt8](repeating: 9, count: 8 * 16_000 * 3))
        let body = try ImageEncoder.png(tall)
        #expect(await subject.restore("?timeout=100", body: body).status == 200)
        subject.clock.run(by: .seconds(1))
        let answer = await subject.restore("?timeout=100", body: body)
        #expect(answer.status == 504 && answer.kind == "deadline-exceeded")
        #expect(subject.engine.seen.count == 1)
    }
}
