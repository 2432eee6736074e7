import Glibc
import HTTPWire

/// One client's connection: feeds its `ConnectionState` with what the poller, timer ticks, tasks and the readers of
/// bodies tell, and carries out its actions. Always on its loop's queue.
final class Connection {
    /// A stream's producer waits while more than that waits to be sent, in bytes.
    static let streamHighWater = 65536
    /// So much is sent before other connections of the queue have their turn, in bytes.
    static let turnBytes = 1 << 20
    /// So much is read at once, in bytes: the more the more comes, since a slice keeps its whole buffer in memory.
    static let readSizes = 4096...65536

    let id: UInt64
    let wasRefused: Bool
    private(set) var state: ConnectionState
    private(set) var output = OutputBuffer()
    var writeWaiter: CheckedContinuation<Void, Never>?
    private let peer: String
    private let loop: EventLoop
    private let context: LoopContext
    private var socket: Descriptor?
    private var interest = Poller.Interest.read
    private var readSize = readSizes.lowerBound
    // Of the current request.
    private var channel: BodyChannel?
    private var task: Task<Void, Never>?
    private var answer: Response?

    /// - Parameter descriptor: a non-blocking socket, owned by the connection from here on.
    init(id: UInt64, descriptor: Int32, peer: String, wasRefused: Bool, loop: EventLoop, context: LoopContext) {
        self.id = id
        self.peer = peer
        self.wasRefused = wasRefused
        self.loop = loop
        self.context = context
        socket = Descriptor(descriptor, system: context.system)
        state = ConnectionState(limits: context.limits, wire: context.wire, at: context.system.now())
    }

    var isClosed: Bool { state.phase == .closed }

    private var socketNumber: Int32? {
        switch socket {
        case .some(let socket): socket.number
        case .none: nil
        }
    }

    // MARK: Events

    /// Begins to serve.
    func start() {
        if let number = socketNumber, context.poller.add(number, id: id, interest: interest) {
            if wasRefused { handle(.refused) }
        } else {
            handle(.aborted)
        }
    }

    /// Tells the state, and does all that can be done without waiting.
    func handle(_ event: ConnectionState.Event) {
        tell(event)
        advance()
    }

    private func tell(_ event: ConnectionState.Event) {
        let now = context.system.now()
        noteDrain(at: now)
        state.handle(event, at: now)
    }

    private func noteDrain(at now: Duration) {
        if context.isDrainAnnounced { state.handle(.drainAnnounced, at: now) }
        if context.isDraining { state.handle(.drainBegun, at: now) }
    }

    private func advance() {
        var action = state.next(at: context.system.now())
        repeat {
            while let next = action {
                perform(next)
                action = state.next(at: context.system.now())
            }
            flush()
            // What is sent makes room for a pipelined request, or was the last.
            action = state.next(at: context.system.now())
        } while action != nil
        updateInterest()
    }

    func handle(_ ready: Poller.Interest) {
        // Reset, or closed both ways. While lingering the latter is the normal end, with bytes perhaps still unread.
        let isNormalEnd =
            state.phase == .lingering && state.wantsInput && ready.contains(.read) && !ready.contains(.error)
        if !ready.isDisjoint(with: [.error, .hangUp]), !isNormalEnd { return handle(.aborted) }
        if ready.contains(.peerClosed) { tell(.peerClosed) }
        if ready.contains(.read), state.wantsInput { receive() }
        advance()
    }

    private func receive() {
        guard let number = socketNumber else { return }
        var count = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: readSize) { buffer, initializedCount in
            guard let address = buffer.baseAddress else { return }
            repeat {
                count = context.system.receive(number, address, readSize)
            } while count == -Int(EINTR)
            initializedCount = max(0, min(count, readSize))
        }
        if count > 0 {
            if count >= readSize {
                readSize = min(readSize * 4, Self.readSizes.upperBound)
            } else if count < readSize / 4 {
                readSize = max(readSize / 4, Self.readSizes.lowerBound)
            }
            tell(.received(bytes[...]))
        } else if count == 0 {
            tell(.inputEnded)
        } else if count != -Int(EAGAIN), count != -Int(EWOULDBLOCK) {
            tell(.aborted)
        }
    }

    /// Looks at the times; called once a tick.
    func tick(now: Duration) {
        noteDrain(at: now)
        if let deadline = state.deadline, now >= deadline.time { handle(.timePassed) }
    }

    /// Answers a request, or does nothing where that is gone.
    func respond(_ response: Response, request: UInt64) {
        prepare(response, request: request)
        advance()
    }

    private func prepare(_ response: Response, request: UInt64) {
        answer = response
        let length: Int? = if case .bytes(let bytes) = response.body { bytes.count } else { nil }
        tell(.answered(response.status, length: length, request: request))
    }

    /// Adds bytes of a streamed answer.
    ///
    /// - Returns: false where there is no such stream any more.
    func stream(_ bytes: [UInt8], request: UInt64) -> Bool {
        guard let framing = state.streamFraming(of: request) else { return false }
        send { output in
            if framing == .chunked {
                ResponseSerializer.appendChunk(bytes, to: &output)
            } else {
                output += bytes
            }
        }
        advance()
        return !isClosed
    }

    // MARK: Actions

    private func perform(_ action: ConnectionState.Action) {
        switch action {
        case .start(let head, let request): start(head, request: request)
        case .deliver(let bytes):
            if let channel, !channel.supply(bytes) { tell(.bodyFull) }
        case .endBody: channel?.finish()
        case .failBody(let error): channel?.fail(error)
        case .sendContinue: send { $0 += ResponseSerializer.interimContinue }
        case .sendHead(let framing, let directive, let hasBody):
            guard let answer else { return }
            self.answer = nil
            send(answer, framing, directive, hasBody: hasBody)
        case .sendLastChunk: send { $0 += ResponseSerializer.lastChunk }
        case .sendRefusal(let error):
            let response = context.handler.response(toProtocolError: error, peer: peer)
            let forbidsBody = ResponseSerializer.forbidsBody(response.status)
            var length = 0
            if case .bytes(let bytes) = response.body { length = bytes.count }
            send(response, forbidsBody ? .absent : .length(length), .close, hasBody: !forbidsBody)
        case .shutdownWriting:
            if let number = socketNumber { context.system.shutdownWriting(number) }
        case .close: close()
        }
    }

    private func start(_ head: MessageHead, request: UInt64) {
        (channel, task) = (nil, nil)
        let requestHead = RequestHead(
            request: head.request, declaredBodyLength: head.declaredBodyLength, peer: peer)
        switch context.handler.accept(requestHead) {
        case .respond(let response):
            prepare(response, request: request)
        case .run(let bodyLimit, let operation):
            let (loop, id) = (self.loop, self.id)
            let channel = BodyChannel(
                declaredByteCount: head.declaredBodyLength, isPaused: head.expectsContinue
            ) {
                loop.post { $0.tell(.bodyWanted(request: request), connection: id) }
            }
            self.channel = channel
            tell(.accepted(bodyLimit: bodyLimit))
            task = Task { await loop.respond(await operation(channel), connection: id, request: request) }
        }
    }

    private func send(
        _ response: Response, _ framing: ResponseFraming, _ directive: ConnectionDirective, hasBody: Bool
    ) {
        let dateLine = context.currentDateLine()
        send { output in
            ResponseSerializer.appendHead(
                status: response.status, fields: response.fields, framing: framing, connection: directive,
                dateLine: dateLine, to: &output)
        }
        guard hasBody else { return }
        switch response.body {
        case .bytes(let bytes):
            // Gathered with the head, so that one call sends both, or the head and the beginning.
            output.append(bytes, retaining: response.retained)
            tell(.queued(waiting: output.count))
        case .stream(let produce):
            guard state.response == .streaming else { return }
            let (loop, id, request) = (self.loop, self.id, state.requestCount)
            task = Task { await loop.stream(produce, connection: id, request: request) }
        }
    }

    private func send(_ append: (inout [UInt8]) -> Void) {
        output.append(append)
        tell(.queued(waiting: output.count))
    }

    /// Sends what waits, as far as the kernel takes it and others needn't wait long for it; the poller tells when to
    /// go on.
    private func flush() {
        guard let number = socketNumber else { return }
        var sent = 0
        while !output.isEmpty, sent < Self.turnBytes {
            let count = output.withUnsent(limit: Self.turnBytes - sent) { bytes in
                bytes.baseAddress.map { context.system.send(number, $0, bytes.count) } ?? 0
            }
            if count > 0 {
                output.consume(count)
                sent += count
            } else if count == -Int(EINTR) {
                continue
            } else if count == 0 || count == -Int(EAGAIN) || count == -Int(EWOULDBLOCK) {
                break
            } else {
                return tell(.aborted)
            }
        }
        tell(.sent(sent, waiting: output.count))
        if output.count <= Self.streamHighWater { resumeWriter() }
    }

    func resumeWriter() {
        let waiter = writeWaiter
        writeWaiter = nil
        waiter?.resume()
    }

    /// Tells the poller what matters now, where that changed.
    private func updateInterest() {
        guard let number = socketNumber else { return }
        var wanted: Poller.Interest = []
        if state.wantsInput { wanted.insert(.read) } else if state.wantsPeerClosed { wanted.insert(.peerClosed) }
        if !output.isEmpty { wanted.insert(.write) }
        if wanted != interest {
            interest = wanted
            context.poller.change(number, id: id, interest: wanted)
        }
    }

    /// Ends everything at once: the task is cancelled, the socket closed.
    private func close() {
        channel?.fail(.disconnected)
        task?.cancel()
        (channel, task, answer) = (nil, nil, nil)
        resumeWriter()
        if let number = socketNumber { context.poller.remove(number) }
        // Only here, on the queue that polls, and after the removal: no event can meet a reused number.
        socket = nil
        context.budget.release(peer: peer, wasRefused: wasRefused)
        context.closed.append(id)
        if !wasRefused { context.observer?.connectionClosed(peer: peer) }
    }
}
