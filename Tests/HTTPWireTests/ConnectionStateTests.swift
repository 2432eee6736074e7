import HTTPTypes
import HTTPWire
import Testing

/// A place that a connection can be in, how it gets there, and what each event does there. What is not listed does
/// nothing: no action comes of it, and the states stay.
private struct Situation: Sendable {
    var name: String
    var place: String
    /// By event: the actions, an arrow, and the states after them where they are others.
    var changes: [String: String]
    var arrive: @Sendable (inout ConnectionDriver) -> Void

    init(
        _ name: String, _ place: String, _ changes: [String: String],
        _ arrive: @escaping @Sendable (inout ConnectionDriver) -> Void
    ) {
        (self.name, self.place, self.arrive) = (name, place, arrive)
        // An abort closes it, wherever it is.
        let end = "close > closed" + place.dropFirst(place.prefix { $0 != "/" }.count)
        self.changes = place.hasPrefix("closed") ? changes : changes.merging(["aborted": end]) { $1 }
    }

    /// The actions and the states after them.
    func outcome(of event: String) -> (actions: String, place: String) {
        guard let change = changes[event], let arrow = change.firstIndex(of: ">") else { return ("", place) }
        let next = change[arrow...].dropFirst(2)
        return (String(change[..<arrow].dropLast()), next.isEmpty ? place : String(next))
    }
}

private let situations: [Situation] = [
    Situation("fresh", "open/idle/idle", [
        "inputEnded": "close > closed/idle/idle",
        "refused": "refusal overloaded > finishing/idle/idle",
        "timePassed": "close > closed/idle/idle",
    ]) { _ in },
    Situation("between two requests", "open/idle/idle", [
        "inputEnded": "close > closed/idle/idle",
        "refused": "refusal overloaded > finishing/idle/idle",
        "timePassed": "close > closed/idle/idle",
    ]) {
        $0.receive(ConnectionDriver.get)
        $0.answer()
        $0.sendAll()
    },
    Situation("within a head", "open/idle/idle", [
        "inputEnded": "refusal malformed > finishing/idle/idle",
        "refused": "refusal overloaded > finishing/idle/idle",
        "timePassed": "refusal tooSlow > finishing/idle/idle",
    ]) { $0.receive("GET /") },
    Situation("a pipelined request held back by unsent answers", "open/idle/idle", [
        "sent": "start > open/deciding/awaited",
        "refused": "refusal overloaded > finishing/idle/idle",
    ]) {
        $0.answerBytes = ConnectionState.outputHighWater + 1
        $0.receive(ConnectionDriver.get + ConnectionDriver.get)
        $0.answer()
    },
    Situation("deciding", "open/deciding/awaited", [
        "accepted": "> open/flowing/awaited",
        "answered": "head > open/discarding/complete",
        "streamed": "head > open/discarding/streaming",
    ]) { $0.receive(ConnectionDriver.post) },
    Situation("deciding, 100 expected", "open/deciding/awaited", [
        "accepted": "> open/awaitingDemand/awaited",
        "answered": "head > finishing/abandoned/idle",
        "streamed": "head > open/abandoned/streaming",
    ]) { $0.receive(ConnectionDriver.expectingPost) },
    Situation("awaiting demand", "open/awaitingDemand/awaited", [
        "bodyWanted": "continue > open/flowing/awaited",
        "answered": "fail disconnected, head > finishing/abandoned/idle",
        "streamed": "fail disconnected, head > open/abandoned/streaming",
    ]) {
        $0.receive(ConnectionDriver.expectingPost)
        $0.tell(.accepted(bodyLimit: 100))
    },
    Situation("awaiting demand, the body has come by itself", "open/awaitingDemand/awaited", [
        "bodyWanted": "deliver, end > open/complete/awaited",
        "answered": "fail disconnected, head > finishing/abandoned/idle",
        "streamed": "fail disconnected, head > open/abandoned/streaming",
    ]) {
        $0.receive(ConnectionDriver.expectingPost + "abcdefgh")
        $0.tell(.accepted(bodyLimit: 100))
    },
    Situation("a body flows", "open/flowing/awaited", [
        "received": "deliver, end > open/complete/awaited",
        "inputEnded": "fail malformed > open/abandoned/awaited",
        "bodyFull": "> open/paused/awaited",
        "answered": "fail disconnected, head > open/discarding/complete",
        "streamed": "fail disconnected, head > open/discarding/streaming",
        "timePassed": "fail tooSlow > open/abandoned/awaited",
    ]) {
        $0.receive(ConnectionDriver.post)
        $0.tell(.accepted(bodyLimit: 100))
    },
    Situation("a body held back by its reader", "open/paused/awaited", [
        "bodyWanted": "> open/flowing/awaited",
        "answered": "fail disconnected, head > open/discarding/complete",
        "streamed": "fail disconnected, head > open/discarding/streaming",
    ]) {
        $0.receive(ConnectionDriver.post)
        $0.tell(.accepted(bodyLimit: 100))
        $0.receive("ab")
        $0.tell(.bodyFull)
    },
    Situation("all is read, the answer is awaited", "open/complete/awaited", [
        "answered": "head > open/idle/idle",
        "streamed": "head > open/complete/streaming",
    ]) {
        $0.receive(ConnectionDriver.post + "abcdefgh")
        $0.tell(.accepted(bodyLimit: 100))
    },
    Situation("the client has sent its last byte, not read yet", "open/complete/awaited", [
        "answered": "head > open/idle/idle",
        "streamed": "head > open/complete/streaming",
        "timePassed": "continue >",
    ]) {
        $0.receive(ConnectionDriver.post + "abcdefgh")
        $0.tell(.accepted(bodyLimit: 100))
        $0.tell(.peerClosed)
    },
    Situation("the client has sent its last byte, all is read", "open/complete/awaited", [
        "answered": "head > finishing/idle/idle",
        "streamed": "head > open/complete/streaming",
        "timePassed": "continue >",
    ]) {
        $0.receive(ConnectionDriver.post + "abcdefgh")
        $0.tell(.accepted(bodyLimit: 100))
        $0.tell(.inputEnded)
    },
    Situation("a body over its limit", "open/abandoned/awaited", [
        "answered": "head > finishing/abandoned/idle",
        "streamed": "head > open/abandoned/streaming",
    ]) {
        $0.receive(ConnectionDriver.post)
        $0.tell(.accepted(bodyLimit: 7))
    },
    Situation("answered, the rest of the body is thrown away", "open/discarding/complete", [
        "received": "> open/idle/idle",
        "inputEnded": "> finishing/abandoned/idle",
        "timePassed": "> finishing/abandoned/idle",
    ]) {
        $0.receive(ConnectionDriver.post)
        $0.answer()
    },
    Situation("a stream, the rest of the body is thrown away", "open/discarding/streaming", [
        "received": "> open/complete/streaming",
        "inputEnded": "> open/abandoned/streaming",
        "timePassed": "> open/abandoned/streaming",
        "streamEnded": "lastChunk > open/discarding/complete",
        "streamBroken": "close > closed/discarding/streaming",
    ]) {
        $0.receive(ConnectionDriver.post)
        $0.answer(length: nil)
    },
    Situation("a stream", "open/complete/streaming", [
        "streamEnded": "lastChunk > open/idle/idle",
        "streamBroken": "close > closed/complete/streaming",
    ]) {
        $0.receive(ConnectionDriver.get)
        $0.answer(length: nil)
    },
    Situation("the last stream", "open/abandoned/streaming", [
        "streamEnded": "lastChunk > finishing/abandoned/idle",
        "streamBroken": "close > closed/abandoned/streaming",
    ]) {
        $0.receive(ConnectionDriver.lastGet)
        $0.answer(length: nil)
    },
    Situation("the last answer goes out", "finishing/abandoned/idle", ["sent": "shutdown > lingering/abandoned/idle"]) {
        $0.receive(ConnectionDriver.lastGet)
        $0.answer()
    },
    Situation("a refusal goes out to a client that sends no more", "finishing/idle/idle", [
        "sent": "close > closed/idle/idle",
    ]) {
        $0.receive("GET /")
        $0.tell(.inputEnded)
    },
    Situation("lingering", "lingering/idle/idle", [
        "inputEnded": "close > closed/idle/idle",
        "timePassed": "close > closed/idle/idle",
    ]) {
        $0.receive("nonsense\r\n\r\n")
        $0.sendAll()
    },
    Situation("closed", "closed/idle/idle", [:]) { $0.tell(.aborted) },
]

@Suite("Connection states") struct ConnectionStateTests {
    private static func events(_ driver: ConnectionDriver) -> [(name: String, event: ConnectionState.Event)] {
        let request = driver.state.requestCount
        return [
            ("received", .received(Array("abcdefgh".utf8)[...])), ("inputEnded", .inputEnded),
            ("peerClosed", .peerClosed), ("aborted", .aborted), ("accepted", .accepted(bodyLimit: 100)),
            ("answered", .answered(.ok, length: 2, request: request)),
            ("streamed", .answered(.ok, length: nil, request: request)),
            ("streamEnded", .streamEnded(isComplete: true, request: request)),
            ("streamBroken", .streamEnded(isComplete: false, request: request)),
            ("bodyWanted", .bodyWanted(request: request)), ("bodyFull", .bodyFull), ("refused", .refused),
            ("queued", .queued(waiting: driver.waiting)), ("sent", .sent(driver.waiting, waiting: 0)),
            ("timePassed", .timePassed), ("drainBegun", .drainBegun),
            ("drainAnnounced", .drainAnnounced),
            ("answer of another request", .answered(.ok, length: 2, request: request + 1)),
            ("stream of another request", .streamEnded(isComplete: false, request: request + 1)),
            ("reader of another request", .bodyWanted(request: request + 1)),
        ]
    }

    @Test("each event in each situation: its actions and the next states, or nothing at all", arguments: situations)
    fileprivate func transitions(_ situation: Situation) {
        var start = ConnectionDriver { $0.bodyTime = .seconds(5) }
        situation.arrive(&start)
        #expect(start.place == situation.place, "\(situation.name)")
        let events = Self.events(start)
        #expect(Set(situation.changes.keys).isSubset(of: events.map(\.name)), "\(situation.name)")
        for (name, event) in events {
            var driver = start
            if name == "timePassed" { driver.now += .seconds(86_400) }
            let actions = driver.tell(event).map(ConnectionDriver.name).joined(separator: ", ")
            let (expectedActions, place) = situation.outcome(of: name)
            #expect(actions == expectedActions, "\(situation.name): \(name)")
            #expect(driver.place == place, "\(situation.name): \(name)")
        }
    }

    @Test("each state is reached, and each has its row in its table")
    func tablesAreCovered() {
        var places: [[Substring]] = []
        for situation in situations {
            places.append(situation.place.split(separator: "/"))
            for event in situation.changes.keys {
                places.append(situation.outcome(of: event).place.split(separator: "/"))
            }
        }
        #expect(Set(places.map { String($0[0]) }) == Set(ConnectionPhase.allCases.map { "\($0)" }))
        #expect(Set(places.map { String($0[1]) }) == Set(RequestState.allCases.map { "\($0)" }))
        #expect(Set(places.map { String($0[2]) }) == Set(ResponseState.allCases.map { "\($0)" }))
        #expect(ConnectionPhase.table.keys.count == ConnectionPhase.allCases.count)
        #expect(RequestState.table.keys.count == RequestState.allCases.count)
        #expect(ResponseState.table.keys.count == ResponseState.allCases.count)
    }

    @Test("heads say how the answer ends and what becomes of the connection")
    func heads() {
        func head(
            _ request: String, _ status: HTTPResponse.Status = .ok, length: Int? = 2, before: ConnectionState.Event? = nil
        ) -> ConnectionState.Action? {
            var driver = ConnectionDriver { $0.requestsPerConnection = 1000 }
            driver.receive(request)
            if let before { driver.tell(before) }
            return driver.tell(.answered(status, length: length, request: 1)).last {
                if case .sendHead = $0 { true } else { false }
            }
        }
        let persists = ConnectionDirective.keepAlive(seconds: 75, requests: 999)
        let old = "GET / HTTP/1.0\r\n\r\n"
        let persistent = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
        #expect(head(ConnectionDriver.get) == .sendHead(.length(2), persists, hasBody: true))
        for drain in [ConnectionState.Event.drainAnnounced, .drainBegun] {
            #expect(head(ConnectionDriver.get, before: drain) == .sendHead(.length(2), .close, hasBody: true))
        }
        #expect(head(ConnectionDriver.get, .noContent) == .sendHead(.absent, persists, hasBody: false))
        #expect(head(ConnectionDriver.get, length: nil) == .sendHead(.chunked, persists, hasBody: true))
        #expect(head(ConnectionDriver.lastGet) == .sendHead(.length(2), .close, hasBody: true))
        #expect(head(old, length: nil) == .sendHead(.untilClose, .close, hasBody: true))
        #expect(head(persistent) == .sendHead(.length(2), persists, hasBody: true))
        #expect(
            head("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", length: nil) == .sendHead(.chunked, persists, hasBody: false))
    }

    @Test("each answer says how many requests more the connection takes, and for how long it waits for one")
    func persistence() {
        var driver = ConnectionDriver { ($0.requestsPerConnection, $0.keepAliveTime) = (3, .milliseconds(90_900)) }
        for directive in [ConnectionDirective.keepAlive(seconds: 90, requests: 2), .keepAlive(seconds: 90, requests: 1), .close] {
            driver.receive(ConnectionDriver.get)
            driver.answer()
            #expect(driver.actions.last == .sendHead(.length(2), directive, hasBody: true))
            driver.sendAll()
        }
    }

    @Test("empty lines after a request are no beginning of another one")
    func emptyLines() {
        var driver = ConnectionDriver()
        driver.receive(ConnectionDriver.get)
        driver.answer()
        driver.sendAll()
        driver.receive("\r\n\r\n")
        driver.wait(.seconds(74))
        #expect(driver.place == "open/idle/idle")
        var leaving = driver
        leaving.tell(.inputEnded)
        #expect(!leaving.actions.contains { if case .sendRefusal = $0 { true } else { false } })
        driver.receive(ConnectionDriver.get)
        #expect(driver.place == "open/deciding/awaited")
    }

    @Test("the last request that a connection serves says so, and nothing is read after it")
    func requestsPerConnection() {
        var driver = ConnectionDriver { $0.requestsPerConnection = 2 }
        driver.receive(String(repeating: ConnectionDriver.get, count: 3))
        driver.answer()
        #expect(driver.state.wantsInput == false)
        driver.answer()
        #expect(driver.actions.filter { $0 == .sendHead(.length(2), .close, hasBody: true) }.count == 1)
        #expect(driver.actions.map(ConnectionDriver.name) == ["start", "head", "start", "head"])
        #expect(driver.state.phase == .finishing)
    }

    @Test("an unread body is thrown away up to its bound, one byte more ends the connection")
    func discarding() {
        for (count, goesOn) in [(8, true), (9, false)] {
            var driver = ConnectionDriver { $0.drainedBodyBytes = 8 }
            driver.receive("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            driver.answer()
            driver.receive("\(count)\r\n\(String(repeating: "x", count: count))\r\n0\r\n\r\n")
            #expect(driver.place == (goesOn ? "open/idle/idle" : "finishing/abandoned/idle"))
        }
    }

    @Test("input is wanted where it can be used: backpressure, lingering up to its bytes, nothing after the end")
    func wantsInput() {
        let wanting = [
            "fresh", "between two requests", "within a head", "a body flows",
            "answered, the rest of the body is thrown away", "a stream, the rest of the body is thrown away",
            "lingering",
        ]
        for situation in situations {
            var driver = ConnectionDriver { $0.lingeringBytes = 9 }
            situation.arrive(&driver)
            #expect(driver.state.wantsInput == wanting.contains(situation.name), "\(situation.name)")
            guard driver.state.phase == .lingering else { continue }
            driver.receive("12345678")
            #expect(driver.state.wantsInput)
            driver.receive("9")
            #expect(!driver.state.wantsInput)
        }
    }

    @Test("a half-closed client is asked once whether it is there, one of HTTP/1.0 never")
    func probe() {
        var driver = ConnectionDriver()
        driver.receive(ConnectionDriver.get)
        driver.tell(.accepted(bodyLimit: 0))
        driver.tell(.inputEnded)
        driver.wait(.seconds(100))
        #expect(driver.actions.filter { $0 == .sendContinue }.count == 1)
        var old = ConnectionDriver()
        old.receive("GET / HTTP/1.0\r\n\r\n")
        old.tell(.accepted(bodyLimit: 0))
        old.tell(.inputEnded)
        old.wait(.seconds(100))
        #expect(!old.actions.contains(.sendContinue))
    }
}
