import HTTPTypes
import HTTPWire
import Testing

/// What must hold of a connection's actions, whatever the order of events.
private struct Conduct {
    private var started: UInt64 = 0
    private var answered: UInt64 = 0
    private var bodiesEnded: UInt64 = 0
    private var isStreaming = false
    private var isLast = false
    private var isShutDown = false
    private(set) var isClosed = false
    private(set) var fault: String?

    mutating func note(_ action: ConnectionState.Action) {
        if isClosed { fault = fault ?? "\(ConnectionDriver.name(action)) after close" }
        switch action {
        case .start(_, let request):
            expect(request == started + 1 && answered == started && !isStreaming && !isLast, "a start out of turn")
            started = request
            bodiesEnded = answered
        case .deliver: expect(answered < started && bodiesEnded < started, "a body without a reader")
        case .endBody, .failBody:
            expect(bodiesEnded < started, "two ends of a body")
            bodiesEnded = started
        case .sendContinue: expect(answered < started && !isShutDown, "100 after the answer")
        case .sendHead(let framing, let directive, let hasBody):
            expect(answered < started && !isLast, "two answers to a request, or an answer to none")
            answered = started
            isLast = directive == .close
            isStreaming = hasBody && framing == .chunked
        case .sendLastChunk:
            expect(isStreaming, "the end of no stream")
            isStreaming = false
        case .sendRefusal:
            expect(!isLast && answered == started && !isStreaming, "a refusal within an answer")
            isLast = true
        case .shutdownWriting:
            expect(!isShutDown && answered == started && !isStreaming, "an end within an answer")
            (isShutDown, isLast) = (true, true)
        case .close: isClosed = true
        }
    }

    private mutating func expect(_ condition: Bool, _ text: String) {
        if !condition { fault = fault ?? text }
    }
}

@Suite("Connection states in any order") struct ConnectionPropertyTests {
    private static let texts = [
        ConnectionDriver.get, ConnectionDriver.lastGet, ConnectionDriver.post, ConnectionDriver.expectingPost,
        "abcdefgh", "\r\n",
        "GET / HTTP/1.0\r\n\r\n", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "nonsense\r\n\r\n", "GE",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "3\r\nabc\r\n", "0\r\n\r\n",
    ]

    private static func event(
        _ driver: ConnectionDriver, _ generator: inout SeededGenerator
    ) -> ConnectionState.Event {
        let request = driver.state.requestCount &- UInt64.random(in: 0...5, using: &generator) / 5
        switch Int.random(in: 0..<40, using: &generator) {
        case 0..<14:
            let bytes = Array((texts.randomElement(using: &generator) ?? "").utf8)
            return .received(bytes.prefix(Int.random(in: 1...40, using: &generator) * 4))
        case 14: return .inputEnded
        case 15: return .peerClosed
        case 16: return [.aborted, .refused, .drainAnnounced, .drainBegun].randomElement(using: &generator) ?? .aborted
        case 17..<21: return .accepted(bodyLimit: Int.random(in: 0...20, using: &generator))
        case 21..<23: return .answered(.ok, length: 2, request: request)
        case 23..<25: return .answered(.noContent, length: 0, request: request)
        case 25..<27: return .answered(.ok, length: nil, request: request)
        case 27..<30: return .streamEnded(isComplete: Int.random(in: 0..<4, using: &generator) > 0, request: request)
        case 30, 31: return .bodyWanted(request: request)
        case 32: return .bodyFull
        case 33: return .queued(waiting: driver.waiting)
        case 34..<38:
            let count = Int.random(in: 0...driver.waiting, using: &generator)
            return .sent(count, waiting: driver.waiting - count)
        default: return .timePassed
        }
    }

    @Test("never two answers to a request, never one within another, nothing after close, no trap")
    func randomOrders() {
        var generator = SeededGenerator(state: 2026)
        var (starts, closes) = (0, 0)
        for _ in 0..<1500 {
            var driver = ConnectionDriver {
                $0.requestsPerConnection = 5
                $0.drainedBodyBytes = 10
            }
            driver.answerBytes = [10, 200_000].randomElement(using: &generator) ?? 10
            var conduct = Conduct()
            var events: [String] = []
            for _ in 0..<60 {
                let event = Self.event(driver, &generator)
                events.append("\(event)")
                driver.now += .milliseconds(Int.random(in: 0...1000, using: &generator))
                let actions = driver.tell(event)
                #expect(actions.count < 100)
                actions.forEach { conduct.note($0) }
                let isClosed = driver.state.phase == .closed
                if isClosed != conduct.isClosed || (isClosed && driver.state.wantsInput) {
                    Issue.record("closed without an action, or the other way round: \(events)")
                }
                starts += actions.count { if case .start = $0 { true } else { false } }
            }
            closes += conduct.isClosed ? 1 : 0
            if let fault = conduct.fault {
                Issue.record("\(fault): \(events)")
                return
            }
        }
        // They get somewhere.
        #expect(starts > 700)
        #expect(closes > 400)
    }

    @Test("whatever happened, a connection left alone ends in time")
    func endsInTime() {
        var generator = SeededGenerator(state: 7230)
        for _ in 0..<1000 {
            var driver = ConnectionDriver()
            for _ in 0..<Int.random(in: 0...20, using: &generator) {
                driver.tell(Self.event(driver, &generator))
            }
            // The handler's own time is not the connection's.
            driver.answer()
            driver.tell(.streamEnded(isComplete: true, request: driver.state.requestCount))
            for _ in 0..<8 {
                driver.tell(.sent(0, waiting: driver.waiting))
                driver.wait(.seconds(60))
                driver.answer()
                driver.tell(.streamEnded(isComplete: true, request: driver.state.requestCount))
            }
            driver.wait(.seconds(200))
            #expect(driver.state.phase == .closed, "\(driver.place)")
        }
    }
}
