package import HTTPTypes

/// One connection's states as a value: events in by `handle`, actions out by `next`, and what it waits for as
/// properties. It knows neither sockets nor a clock; times are those of any clock that never goes back.
///
/// After each event the owner carries out actions until there are none, tells what it did to its output by `queued`
/// and `sent`, and gives `timePassed` once `deadline` has come.
package struct ConnectionState: Sendable {
    package enum Event: Sendable {
        /// Bytes were read, one or more.
        case received(ArraySlice<UInt8>)
        /// All that the client will ever send is read.
        case inputEnded
        /// The client has sent its last byte, perhaps not read yet: a half-close, or a client that left.
        case peerClosed
        /// A reset, closed both ways, a system call that failed, an eviction or a shutdown.
        case aborted
        /// The handler reads the body, up to a limit in bytes, and answers later.
        case accepted(bodyLimit: Int)
        /// The handler answers: with so many bytes, or nil for a stream.
        case answered(HTTPResponse.Status, length: Int?, request: UInt64)
        case streamEnded(isComplete: Bool, request: UInt64)
        /// The reader wants bytes of the body.
        case bodyWanted(request: UInt64)
        /// The reader has as many as it may hold.
        case bodyFull
        /// There are too many connections.
        case refused
        /// The output was added to, and holds so many bytes.
        case queued(waiting: Int)
        /// The kernel took bytes, or none, and the output holds so many still.
        case sent(Int, waiting: Int)
        case timePassed
        /// The server will drain before long.
        case drainAnnounced
        case drainBegun
    }

    package enum Action: Sendable, Equatable {
        /// Ask the handler, and tell `accepted` or `answered`.
        case start(MessageHead, request: UInt64)
        case deliver(ArraySlice<UInt8>)
        case endBody
        case failBody(RequestBodyError)
        /// Send the interim `100 Continue`.
        case sendContinue
        /// Send the answer's head, and its body where `hasBody`.
        case sendHead(ResponseFraming, ConnectionDirective, hasBody: Bool)
        /// Send what ends a chunked body.
        case sendLastChunk
        /// Send an answer to what is no request; it says that the connection closes.
        case sendRefusal(ProtocolError)
        case shutdownWriting
        /// Close at once, and cancel what works on an answer.
        case close
    }

    /// The request that is being read or answered.
    struct Current: Sendable {
        var head: MessageHead
        var keepsAlive: Bool
        var bodyLimit = Int.max
        var bodyBytes = 0
        var discardedBytes = 0
        /// Whether a reader waits for more of the body, or for its end.
        var hasReader = false
        /// Whether a half-closed client has been asked whether it is still there.
        var isProbed = false
        var pace = BodyPace()

        var streamFraming: ResponseFraming { head.version == .http11 ? .chunked : .untilClose }
    }

    /// An answer may be begun while no more than that of earlier ones waits to be sent, in bytes.
    package static let outputHighWater = 262_144

    package private(set) var phase = ConnectionPhase.open
    package private(set) var request = RequestState.idle
    package private(set) var response = ResponseState.idle
    let limits: ServerLimits
    private var parser: RequestParser
    private var actions: [Action] = []
    var current: Current?
    /// Requests begun; the number of the current one.
    package private(set) var requestCount: UInt64 = 0
    private(set) var inputEnded = false
    private(set) var peerClosed = false
    private(set) var isDraining = false
    /// Whether the connection closes behind its next answer.
    private var nextAnswerIsLast = false
    private(set) var unsentBytes = 0
    private(set) var writePace: WritePace?
    private var lingeredBytes = 0
    /// When the connection, the wait for a next request or the lingering began.
    private(set) var idleStart: Duration
    /// When the first byte of the current head came.
    private(set) var headStart: Duration?

    package init(limits: ServerLimits, wire: WireLimits, at now: Duration) {
        self.limits = limits
        parser = RequestParser(limits: wire)
        idleStart = now
    }

    // MARK: Events

    package mutating func handle(_ event: Event, at now: Duration) {
        guard phase != .closed else { return }
        switch event {
        case .received(let bytes): receive(bytes, at: now)
        case .inputEnded:
            (inputEnded, peerClosed) = (true, true)
            if phase == .lingering { close() }
        case .peerClosed: peerClosed = true
        case .aborted: close()
        case .accepted(let limit): accept(bodyLimit: limit, at: now)
        case .answered(let status, let length, requestCount): answer(status, length: length, at: now)
        case .streamEnded(let isComplete, requestCount): endStream(isComplete: isComplete)
        case .bodyWanted(requestCount): resumeBody(at: now)
        case .answered, .streamEnded, .bodyWanted: break
        case .bodyFull:
            if request.move(.full) { current?.pace.pause(at: now) }
        case .refused:
            if response == .idle { refuse(ProtocolError(.overloaded, "there are too many connections")) }
        case .queued(let waiting): unsentBytes = waiting
        case .sent(let count, let waiting): noteSent(count, waiting: waiting, at: now)
        case .timePassed: expire(at: now)
        case .drainAnnounced: nextAnswerIsLast = true
        case .drainBegun: (nextAnswerIsLast, isDraining) = (true, true)
        }
    }

    private mutating func receive(_ bytes: ArraySlice<UInt8>, at now: Duration) {
        switch phase {
        case .open:
            parser.append(bytes)
            if request.isReceiving { current?.pace.note(bytes.count, at: now) }
        case .lingering: lingeredBytes &+= bytes.count
        case .finishing, .closed: break
        }
    }

    private mutating func noteSent(_ count: Int, waiting: Int, at now: Duration) {
        let hadUnsent = unsentBytes > 0
        unsentBytes = waiting
        if waiting == 0 {
            writePace = nil
            // The time for the next request counts from when the client had the answer.
            if hadUnsent, request == .idle { idleStart = now }
        } else if writePace == nil {
            writePace = WritePace(start: now, last: now)
        } else if count > 0 {
            writePace?.last = now
            writePace?.bytes &+= count
        }
    }

    private mutating func accept(bodyLimit: Int, at now: Duration) {
        guard request == .deciding, let head = current?.head else { return }
        request.move(head.expectsContinue ? .expect : .read)
        current?.bodyLimit = bodyLimit
        current?.pace.begin(at: now)
        current?.hasReader = true
        if let declared = head.declaredBodyLength, declared > bodyLimit { failBody(.tooLarge(limit: bodyLimit)) }
    }

    private mutating func resumeBody(at now: Duration) {
        let isExpected = request == .awaitingDemand
        guard isExpected || request == .paused else { return }
        request.move(.read)
        if isExpected { current?.pace.begin(at: now) } else { current?.pace.resume(at: now) }
        // RFC 9110 section 10.1.1: not needed where the body has begun to come by itself.
        if isExpected, parser.bufferedByteCount == 0 { actions.append(.sendContinue) }
    }

    private mutating func answer(_ status: HTTPResponse.Status, length: Int?, at now: Duration) {
        guard response == .awaited else { return }
        settleBody(at: now)
        guard let current else { return }
        let forbidsBody = ResponseSerializer.forbidsBody(status)
        let hasBody = !forbidsBody && current.head.request.method != .head
        let framing = forbidsBody ? .absent : length.map { .length($0) } ?? current.streamFraming
        let goesOn = current.keepsAlive && !nextAnswerIsLast && framing != .untilClose
        self.current?.keepsAlive = goesOn
        actions.append(.sendHead(framing, goesOn ? persistence : .close, hasBody: hasBody))
        response.move(length == nil && hasBody ? .stream : .whole)
    }

    private var persistence: ConnectionDirective {
        let requests = max(0, limits.requestsPerConnection - Int(clamping: requestCount))
        return .keepAlive(seconds: Int(limits.keepAliveTime.components.seconds), requests: requests)
    }

    private mutating func endStream(isComplete: Bool) {
        guard response == .streaming else { return }
        // One that failed is cut off, so that the client does not take it for complete.
        guard isComplete else { return close() }
        response.move(.end)
        if current?.streamFraming == .chunked { actions.append(.sendLastChunk) }
    }

    // MARK: Actions

    /// What is to be done next; nil where the next event is to be waited for.
    package mutating func next(at now: Duration) -> Action? {
        while actions.isEmpty, advance(at: now) {}
        return actions.isEmpty ? nil : actions.removeFirst()
    }

    /// - Returns: whether anything has changed.
    private mutating func advance(at now: Duration) -> Bool {
        switch (phase, request) {
        case (.open, .idle): return beginNext(at: now)
        case (.open, .flowing), (.open, .discarding): return readBody()
        case (.open, .complete), (.open, .abandoned):
            guard response == .complete else { return false }
            endRequest(at: now)
            return true
        case (.finishing, _) where unsentBytes == 0:
            if inputEnded {
                close()
            } else {
                // The sending side first: closed at once, unread bytes would make the kernel send a reset, which can
                // overtake the answer.
                phase.move(.allSent)
                idleStart = now
                actions.append(.shutdownWriting)
            }
            return true
        default: return false
        }
    }

    private mutating func beginNext(at now: Duration) -> Bool {
        guard unsentBytes <= Self.outputHighWater else { return false }
        do throws(ProtocolError) {
            guard case .head(let head) = try parser.next() else {
                // An empty line before a request is none of its head.
                headStart = parser.isInHead ? headStart ?? now : nil
                if !inputEnded { return false }
                if parser.isInHead { throw .malformed("the connection ended within a request's head") }
                phase.move(.lastAnswer)
                return true
            }
            headStart = nil
            requestCount += 1
            let isLast = requestCount >= UInt64(limits.requestsPerConnection) || nextAnswerIsLast
            current = Current(head: head, keepsAlive: head.keepsAlive && !isLast)
            request.move(.head)
            response.move(.request)
            actions.append(.start(head, request: requestCount))
        } catch {
            refuse(error)
        }
        return true
    }

    private mutating func endRequest(at now: Duration) {
        if current?.keepsAlive == true {
            request.move(.next)
            idleStart = now
        } else {
            phase.move(.lastAnswer)
        }
        response.move(.next)
        current = nil
    }

    /// Answers what is no request, and closes.
    private mutating func refuse(_ error: ProtocolError) {
        guard phase.move(.lastAnswer) else { return }
        headStart = nil
        actions.append(.sendRefusal(error))
    }

    private mutating func close() {
        guard phase.move(.close) else { return }
        current = nil
        actions = [.close]
    }

    // MARK: Body

    /// Takes from the parser what it has of the body.
    private mutating func readBody() -> Bool {
        do throws(ProtocolError) {
            switch try parser.next() {
            case .body(let bytes): take(bytes)
            case .end:
                request.move(.end)
                if current?.hasReader == true { actions.append(.endBody) }
                current?.hasReader = false
            case .head: return false  // A parser gives no head before the end of the body before it.
            case nil:
                if inputEnded { throw .malformed("the connection ended within a request's body") }
                return false
            }
        } catch {
            failBody(error.kind == .fieldsTooLarge ? .trailersTooLarge(error.detail) : .malformed(error.detail))
        }
        return true
    }

    private mutating func take(_ bytes: ArraySlice<UInt8>) {
        guard let current else { return }
        self.current?.bodyBytes += bytes.count
        if request == .flowing {
            if bytes.count > current.bodyLimit - current.bodyBytes {
                failBody(.tooLarge(limit: current.bodyLimit))
            } else {
                actions.append(.deliver(bytes))
            }
        } else if bytes.count > limits.drainedBodyBytes - current.discardedBytes {
            abandonBody()
        } else {
            self.current?.discardedBytes += bytes.count
        }
    }

    /// Ends the body with an error for its reader, who answers; the connection closes after the answer.
    private mutating func failBody(_ error: RequestBodyError) {
        if current?.hasReader == true { actions.append(.failBody(error)) }
        current?.hasReader = false
        abandonBody()
    }

    private mutating func abandonBody() {
        request.move(.abandon)
        current?.keepsAlive = false
    }

    /// Decides, before the answer's head is printed, what becomes of a body that has not been read to its end.
    private mutating func settleBody(at now: Duration) {
        guard let current else { return }
        if current.hasReader { actions.append(.failBody(.disconnected)) }
        self.current?.hasReader = false
        guard !request.isOver else { return }
        let remaining = (current.head.declaredBodyLength ?? 0) - current.bodyBytes
        // A client that expects 100 may send its body or not (RFC 9110 section 10.1.1): where the next request begins
        // is unknown.
        let isExpected = request == .awaitingDemand || (request == .deciding && current.head.expectsContinue)
        if isExpected || !current.keepsAlive || remaining > limits.drainedBodyBytes { return abandonBody() }
        if request != .flowing { self.current?.pace.begin(at: now) }
        request.move(.discard)
        while request == .discarding, readBody() {}
    }

    // MARK: Times

    /// Does what is due.
    private mutating func expire(at now: Duration) {
        guard let deadline, now >= deadline.time else { return }
        switch deadline.expiry {
        case .idle, .stalledWrite, .lingering: close()
        case .head: refuse(ProtocolError(.tooSlow, "the request's head did not come in \(limits.headTime)"))
        case .silentBody: failBody(.tooSlow)
        case .bodyWindow:
            let due = Double(limits.bodyBytesPerSecond) * (limits.bodyGraceTime / .seconds(1))
            if current?.pace.endWindow(due: due, at: now) != true { failBody(.tooSlow) }
        case .probe:
            current?.isProbed = true
            actions.append(.sendContinue)
        }
    }

    // MARK: What it waits for

    /// Whether bytes are to be read: not without need, so that backpressure reaches the client.
    package var wantsInput: Bool {
        guard !inputEnded else { return false }
        switch phase {
        case .open: return request == .idle ? unsentBytes <= Self.outputHighWater : request.isReceiving
        // After that many bytes no more are read: the client can read its answer, and its bytes stay with the kernel.
        case .lingering: return lingeredBytes < limits.lingeringBytes
        case .finishing, .closed: return false
        }
    }

    /// Whether it is to be told that the client has sent its last byte, though bytes are not wanted.
    package var wantsPeerClosed: Bool { !wantsInput && !peerClosed }

    /// How bytes of a streamed answer are framed; nil where there is no such stream, or not any more.
    package func streamFraming(of request: UInt64) -> ResponseFraming? {
        response == .streaming && request == requestCount ? current?.streamFraming : nil
    }

    /// Whether a request is begun and not fully answered.
    package var isAnswering: Bool { current != nil || unsentBytes > 0 }
}
