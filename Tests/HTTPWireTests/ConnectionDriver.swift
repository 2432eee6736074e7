import HTTPTypes
import HTTPWire

/// Feeds a connection's states as a server would, and notes the actions in short form.
struct ConnectionDriver {
    static let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    static let lastGet = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    static let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n"
    static let expectingPost = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\nExpect: 100-continue\r\n\r\n"

    private(set) var state: ConnectionState
    private(set) var actions: [ConnectionState.Action] = []
    /// Bytes that wait to be sent.
    private(set) var waiting = 0
    /// What each answer puts into the output.
    var answerBytes = 10
    var now = Duration.seconds(1000)

    init(_ configure: (inout ServerLimits) -> Void = { _ in }) {
        var limits = ServerLimits()
        configure(&limits)
        state = ConnectionState(limits: limits, wire: WireLimits(), at: now)
    }

    /// The three states.
    var place: String { "\(state.phase)/\(state.request)/\(state.response)" }

    /// Tells an event and takes all actions that come of it.
    @discardableResult
    mutating func tell(_ event: ConnectionState.Event) -> [ConnectionState.Action] {
        if case .sent(_, let waiting) = event { self.waiting = waiting }
        state.handle(event, at: now)
        var new: [ConnectionState.Action] = []
        while let action = state.next(at: now) {
            new.append(action)
            switch action {
            case .sendContinue, .sendHead, .sendLastChunk, .sendRefusal:
                waiting += answerBytes
                state.handle(.queued(waiting: waiting), at: now)
            case .start, .deliver, .endBody, .failBody, .shutdownWriting, .close: break
            }
        }
        actions += new
        return new
    }

    mutating func receive(_ text: String) { tell(.received(Array(text.utf8)[...])) }

    mutating func answer(length: Int? = 2) {
        tell(.answered(.ok, length: length, request: state.requestCount))
    }

    mutating func sendAll() { tell(.sent(waiting, waiting: 0)) }

    /// Lets time pass, and tells of it where that is due.
    mutating func wait(_ time: Duration) {
        let end = now + time
        while let deadline = state.deadline, deadline.time <= end {
            now = max(now, deadline.time)
            tell(.timePassed)
        }
        now = end
    }

    static func name(_ action: ConnectionState.Action) -> String {
        switch action {
        case .start: "start"
        case .deliver: "deliver"
        case .endBody: "end"
        case .failBody(.tooLarge): "fail tooLarge"
        case .failBody(.tooSlow): "fail tooSlow"
        case .failBody(.malformed): "fail malformed"
        case .failBody(.trailersTooLarge): "fail trailers"
        case .failBody(.disconnected): "fail disconnected"
        case .sendContinue: "continue"
        case .sendHead: "head"
        case .sendLastChunk: "lastChunk"
        case .sendRefusal(let error): "refusal \(error.kind)"
        case .shutdownWriting: "shutdown"
        case .close: "close"
        }
    }
}
