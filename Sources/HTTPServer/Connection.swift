import Glibc
import HTTPTypes
import HTTPWire

/// One client's connection: bytes in, requests to the handler, answers out in order. A state machine driven by what
/// the poller tells, by timer ticks and by tasks that finish; always on its loop's queue.
final class Connection {
    enum Phase {
        /// Between two requests, or within a head.
        case awaitingRequest
        /// A request is being read or answered.
        case exchanging
        /// The last answer goes out; then the connection closes.
        case finishing
        /// All is sent and the sending side is closed; what the client still sends is thrown away for a moment.
        case lingering
        case closed
    }

    /// An answer may be begun while no more than that of earlier ones waits to be sent, in bytes.
    static let outputHighWater = 262_144
    /// A stream's producer waits while more than that waits to be sent, in bytes.
    static let streamHighWater = 65536
    /// So much is sent before other connections of the queue have their turn, in bytes.
    static let turnBytes = 1 << 20

    let id: UInt64
    let peer: String
    let wasRefused: Bool
    let loop: EventLoop
    let context: LoopContext
    private(set) var socket: Descriptor?
    private var interest: Poller.Interest

    var phase = Phase.awaitingRequest
    var parser: RequestParser
    var exchange: Exchange?
    var requestCount: UInt64 = 0
    var output = OutputBuffer()
    var writeWaiter: CheckedContinuation<Void, Never>?

    /// Whether the client has sent its last byte and all of it is read.
    var inputEnded = false
    /// Whether the client has sent its last byte; a half-close, or the first sign of a client that left.
    var peerHalfClosed = false
    /// When the current phase, or the wait for a next request, began.
    var phaseStart: UInt64
    /// When the first byte of the current head came.
    var headStart: UInt64?
    /// When the oldest unsent byte began to wait, and when a byte was last taken.
    var writeStart: UInt64?
    var lastWrite: UInt64 = 0
    var bytesSinceWriteStart = 0
    var lingeredBytes = 0

    /// - Parameter descriptor: a non-blocking socket, owned by the connection from here on.
    init(id: UInt64, descriptor: Int32, peer: String, wasRefused: Bool, loop: EventLoop, context: LoopContext) {
        self.id = id
        self.peer = peer
        self.wasRefused = wasRefused
        self.loop = loop
        self.context = context
        socket = Descriptor(descriptor, system: context.system)
        parser = RequestParser(limits: context.wire)
        interest = .read
        phaseStart = context.system.now()
    }

    var isClosed: Bool { phase == .closed }

    /// Begins to serve.
    func start() {
        guard let number = socketNumber, context.poller.add(number, id: id, interest: interest) else {
            close()
            return
        }
        if wasRefused {
            refuse(ProtocolError(.overloaded, "there are too many connections"))
            advance()
        }
    }

    private var socketNumber: Int32? {
        switch socket {
        case .some(let socket): socket.number
        case .none: nil
        }
    }

    // MARK: Events

    func handle(_ ready: Poller.Interest) {
        // Reset, or closed both ways. While lingering the latter is the normal end, with bytes perhaps still unread.
        let isNormalEnd = phase == .lingering && wantsInput && ready.contains(.read) && !ready.contains(.error)
        if !ready.isDisjoint(with: [.error, .hangUp]), !isNormalEnd {
            close()
            return
        }
        if ready.contains(.peerClosed) { peerHalfClosed = true }
        if ready.contains(.read) { receive() }
        advance()
    }

    private func receive() {
        guard let number = socketNumber, wantsInput else { return }
        let buffer = context.receiveBuffer.bytes
        guard let address = buffer.baseAddress else { return }
        var count: Int
        repeat {
            count = context.system.receive(number, address, buffer.count)
        } while count == -Int(EINTR)
        if count > 0 {
            received(UnsafeRawBufferPointer(rebasing: buffer[..<min(count, buffer.count)]))
        } else if count == 0 {
            inputEnded = true
            peerHalfClosed = true
            if phase == .lingering { close() }
        } else if count != -Int(EAGAIN), count != -Int(EWOULDBLOCK) {
            close()
        }
    }

    private func received(_ bytes: UnsafeRawBufferPointer) {
        if phase == .lingering {
            lingeredBytes += bytes.count
            return
        }
        parser.append(bytes)
        if phase == .awaitingRequest, headStart == nil { headStart = context.system.now() }
    }

    private var wantsInput: Bool {
        guard !inputEnded else { return false }
        switch phase {
        case .awaitingRequest: return output.count <= Self.outputHighWater
        case .exchanging: return exchange?.isReceiving == true && !isBodyPaused
        // Past its bytes a client is left waiting: it can read its answer, and its next bytes stay with the kernel.
        case .lingering: return lingeredBytes < context.limits.lingeringBytes
        case .finishing, .closed: return false
        }
    }

    /// Whether the reader of the body has enough for now.
    var isBodyPaused = false

    /// Tells the poller what matters now, where that changed.
    func updateInterest() {
        guard let number = socketNumber else { return }
        var wanted: Poller.Interest = []
        if wantsInput { wanted.insert(.read) } else if !peerHalfClosed { wanted.insert(.peerClosed) }
        if !output.isEmpty { wanted.insert(.write) }
        if wanted != interest {
            interest = wanted
            context.poller.change(number, id: id, interest: wanted)
        }
    }

    // MARK: Sending

    /// Sends what waits, as far as the kernel takes it and others needn't wait long for it; the poller tells when to
    /// go on.
    func flush() {
        guard let number = socketNumber else { return }
        var allowance = Self.turnBytes
        while !output.isEmpty, allowance > 0 {
            let count = output.withUnsent(limit: allowance) { bytes in
                bytes.baseAddress.map { context.system.send(number, $0, bytes.count) } ?? 0
            }
            if count > 0 {
                output.consume(count)
                allowance -= count
                bytesSinceWriteStart += count
                if writeStart != nil { lastWrite = context.system.now() }
            } else if count == -Int(EINTR) {
                continue
            } else if count == 0 || count == -Int(EAGAIN) || count == -Int(EWOULDBLOCK) {
                break
            } else {
                close()
                return
            }
        }
        if output.isEmpty {
            writeStart = nil
            if phase == .finishing { linger() }
        } else if writeStart == nil {
            let now = context.system.now()
            writeStart = now
            lastWrite = now
            bytesSinceWriteStart = 0
        }
        if output.count <= Self.streamHighWater { resumeWriter() }
    }

    func resumeWriter() {
        let waiter = writeWaiter
        writeWaiter = nil
        waiter?.resume()
    }

    // MARK: Closing

    /// Closes once what waits has been sent.
    func finish() {
        guard phase != .closed, phase != .lingering else { return }
        phase = .finishing
        phaseStart = context.system.now()
    }

    /// RFC 9112 section 9.6: the sending side first, and the rest once the client is done or its time is over.
    /// Closed at once, unread bytes would make the kernel send a reset, which can overtake the answer.
    private func linger() {
        guard let number = socketNumber else { return }
        if inputEnded {
            close()
            return
        }
        context.system.shutdownWriting(number)
        phase = .lingering
        phaseStart = context.system.now()
    }

    /// Ends everything at once: the task is cancelled, the socket closed.
    func close() {
        guard phase != .closed else { return }
        phase = .closed
        if let exchange { abort(exchange) }
        exchange = nil
        resumeWriter()
        if let number = socketNumber { context.poller.remove(number) }
        // Only here, on the queue that polls, and after the removal: no event can meet a reused number.
        socket = nil
        context.budget.release(peer: peer, wasRefused: wasRefused)
        context.closed.append(id)
        if !wasRefused { context.observer?.connectionClosed(peer: peer) }
    }
}
