import Dispatch
import HTTPWire

/// One serial queue with its share of the connections. An actor on that queue, so that all of a connection's state
/// is used there alone, which the compiler checks; its Dispatch sources' handlers are inside it without a hop.
actor EventLoop {
    nonisolated let executor: QueueExecutor
    private let context: LoopContext
    private var connections: [UInt64: Connection] = [:]
    private var lastID: UInt64 = 0
    private var source: (any DispatchSourceRead)?
    private var timer: (any DispatchSourceTimer)?
    private var hasStopped = false
    /// No idle connection is looked for before: a search through very many takes time, and the last one found none.
    private var noneIdleUntil = Duration.zero

    private static let fruitlessPause = Duration.milliseconds(2)

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// - Throws: `ServerError.systemCall`.
    init(
        label: String, configuration: ServerConfiguration, handler: any RequestHandler,
        observer: (any ServerObserver)?, system: SystemCalls, budget: ConnectionBudget
    ) throws(ServerError) {
        executor = QueueExecutor(label: label)
        context = LoopContext(
            configuration: configuration, handler: handler, observer: observer, system: system, budget: budget,
            poller: try Poller(system: system))
    }

    /// Runs a closure inside the loop, later.
    nonisolated func post(_ body: @escaping @Sendable (isolated EventLoop) -> Void) {
        executor.queue.async {
            self.assumeIsolated(body)
        }
    }

    func start() {
        let source = DispatchSource.makeReadSource(
            fileDescriptor: context.poller.descriptorNumber, queue: executor.queue)
        source.setEventHandler { [weak self] in
            self?.assumeIsolated { $0.poll() }
        }
        // The descriptor belongs to the poller: holding it until here keeps it open as long as the source needs it.
        source.setCancelHandler { [self] in
            self.assumeIsolated { $0.forgetSource() }
        }
        source.activate()
        self.source = source
        let tick = Int(context.limits.timerTick / .nanoseconds(1))
        let timer = DispatchSource.makeTimerSource(queue: executor.queue)
        timer.schedule(
            deadline: .now() + .nanoseconds(tick), repeating: .nanoseconds(tick), leeway: .nanoseconds(tick / 4))
        timer.setEventHandler { [weak self] in
            self?.assumeIsolated { $0.tick() }
        }
        timer.activate()
        self.timer = timer
    }

    /// Closes every connection now and ends.
    func stop() {
        hasStopped = true
        for connection in connections.values { connection.handle(.aborted) }
        forgetClosed()
        timer?.cancel()
        timer = nil
        source?.cancel()
    }

    private func forgetSource() {
        source = nil
    }

    // MARK: Events

    private func poll() {
        // Again while there is more, but not for ever: tasks and timers use this queue as well.
        for _ in 0..<8 {
            let count = context.poller.poll { id, ready in
                connections[id]?.handle(ready)
            }
            forgetClosed()
            if count == 0 { break }
        }
    }

    private func tick() {
        let now = context.system.now()
        for connection in connections.values { connection.tick(now: now) }
        forgetClosed()
    }

    private func forgetClosed() {
        for id in context.closed { connections[id] = nil }
        context.closed.removeAll(keepingCapacity: true)
    }

    // MARK: Connections

    /// Takes over an accepted socket.
    func adopt(_ descriptor: Int32, peer: String, wasRefused: Bool) {
        guard !hasStopped else {
            context.system.close(descriptor)
            context.budget.release(peer: peer, wasRefused: wasRefused)
            return
        }
        lastID += 1
        let connection = Connection(
            id: lastID, descriptor: descriptor, peer: peer, wasRefused: wasRefused, loop: self, context: context)
        connections[lastID] = connection
        if let observer = context.observer {
            if wasRefused { observer.connectionRefused(peer: peer) } else { observer.connectionOpened(peer: peer) }
        }
        connection.start()
        forgetClosed()
    }

    /// Takes over an accepted socket that found all places taken. It gets the place of the connection that has been
    /// idle longest, in this loop or else in the first of the others that has one; where there is none it is refused.
    ///
    /// So idle connections, whoever holds them, keep nobody out. Each loop is looked through as a whole: that costs
    /// microseconds, and only where there is no place.
    func adopt(_ descriptor: Int32, peer: String, inPlaceOfIdleHereOr others: ArraySlice<EventLoop>) {
        if !hasStopped, let idle = longestIdle(), context.budget.promote(peer: peer) {
            idle.handle(.aborted)
            adopt(descriptor, peer: peer, wasRefused: false)
        } else if let next = others.first {
            let rest = others.dropFirst()
            next.post { $0.adopt(descriptor, peer: peer, inPlaceOfIdleHereOr: rest) }
            forgetClosed()
        } else {
            adopt(descriptor, peer: peer, wasRefused: true)
        }
    }

    /// The connection that has been idle longest, where a request that came just now isn't waiting with the kernel.
    private func longestIdle() -> Connection? {
        let now = context.system.now()
        guard now >= noneIdleUntil else { return nil }
        while let connection = longestSilent(now: now) {
            connection.handle(Poller.Interest.read)
            if connection.state.idleSince(now: now) != nil { return connection }
        }
        noneIdleUntil = now + Self.fruitlessPause
        return nil
    }

    private func longestSilent(now: Duration) -> Connection? {
        var longest: (connection: Connection, since: Duration)?
        for connection in connections.values {
            guard let since = connection.state.idleSince(now: now) else { continue }
            if let longest, longest.since <= since { continue }
            longest = (connection, since)
        }
        return longest?.connection
    }

    // MARK: Requests

    func tell(_ event: ConnectionState.Event, connection id: UInt64) {
        connections[id]?.handle(event)
        forgetClosed()
    }

    /// Hands over a task's answer.
    func respond(_ response: Response, connection id: UInt64, request: UInt64) {
        connections[id]?.respond(response, request: request)
        forgetClosed()
    }

    /// Runs the producer of a streamed answer to its end.
    nonisolated func stream(
        _ produce: @Sendable (any ResponseWriter) async throws -> Void, connection id: UInt64, request: UInt64
    ) async {
        var isComplete = true
        do {
            try await produce(StreamWriter(loop: self, connection: id, request: request))
        } catch {
            isComplete = false
        }
        await tell(.streamEnded(isComplete: isComplete, request: request), connection: id)
    }

    /// Sends bytes of a streamed answer, waiting while the client is slower than they come.
    ///
    /// - Throws: `CancellationError` where the connection is gone.
    func write(_ bytes: [UInt8], connection id: UInt64, request: UInt64) async throws {
        guard let connection = connections[id], connection.stream(bytes, request: request) else {
            forgetClosed()
            throw CancellationError()
        }
        while !connection.isClosed, connection.output.count > Connection.streamHighWater {
            await withCheckedContinuation { continuation in
                connection.resumeWriter()
                connection.writeWaiter = continuation
            }
        }
        if connection.isClosed { throw CancellationError() }
    }

    // MARK: Drain

    /// Connections that are not merely lingering, and requests begun and not fully answered.
    func census() -> (connections: Int, openRequests: Int) {
        var census = (connections: 0, openRequests: 0)
        for connection in connections.values where connection.state.phase != .lingering {
            census.connections += 1
            if connection.state.isAnswering { census.openRequests += 1 }
        }
        return census
    }

    /// Closes what is idle now that the server drains.
    func beginDrain() { tick() }
}

/// Where a streamed answer goes: to the connection it belongs to, as long as that is there.
private struct StreamWriter: ResponseWriter {
    let loop: EventLoop
    let connection: UInt64
    let request: UInt64

    func write(_ bytes: [UInt8]) async throws {
        try await loop.write(bytes, connection: connection, request: request)
    }
}

/// Runs an actor's code on a serial Dispatch queue, so that the handlers of the queue's own sources are inside the
/// actor too and need no hop.
final class QueueExecutor: SerialExecutor {
    let queue: DispatchQueue

    init(label: String) {
        queue = DispatchQueue(label: label, qos: .userInitiated)
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async {
            job.runSynchronously(on: self.asUnownedSerialExecutor())
        }
    }

    func checkIsolated() {
        dispatchPrecondition(condition: .onQueue(queue))
    }
}
