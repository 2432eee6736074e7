import CSystem
import Glibc
import Synchronization
package import Threads

/// A connection that is made again whenever it breaks, on a thread of its own. Commands are sent at once, and answered in
/// their order; while there is no connection they fail at once.
///
/// The mutex guards commands that are not sent yet, and what is known of the connection.
package final class RedisConnection: Sendable {
    /// What happens to a connection.
    package enum Event: Sendable, Equatable {
        case connected
        /// Told once, however many tries fail after it.
        case lost(RedisError)
    }

    private enum Phase {
        /// Not yet known whether there is a server.
        case beginning
        case connected
        case lost(RedisError)
    }

    private struct State {
        var queue: [RedisSession.Request] = []
        var phase = Phase.beginning
        var isClosed = false
        /// Whether the present connection is of no use, though it holds.
        var isUnwanted = false
    }

    private let address: RedisAddress
    private let options: RedisOptions
    private let channel: String?
    private let onMessage: @Sendable (String) -> Void
    private let onEvent: @Sendable (Event) -> Void
    private let state = Mutex(State())
    private let wake: Int32

    /// - Parameters:
    ///   - channel: what it listens to; it then takes no commands.
    ///   - onMessage: told what comes there, on the connection's thread.
    ///   - onEvent: told on the connection's thread.
    package init(
        _ address: RedisAddress, _ options: RedisOptions, channel: String? = nil,
        onMessage: @escaping @Sendable (String) -> Void = { _ in },
        onEvent: @escaping @Sendable (Event) -> Void = { _ in }
    ) {
        self.address = address
        self.options = options
        self.channel = channel
        self.onMessage = onMessage
        self.onEvent = onEvent
        wake = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
    }

    deinit { if wake >= 0 { _ = Glibc.close(wake) } }

    /// Connects, and stays connected until `close`.
    ///
    /// - Throws: where the system gives no thread.
    package func start(name: String) throws(WorkerThread.StartFailure) {
        try WorkerThread.start(name: name) { [self] in run() }
    }

    /// Ends it; whoever waits for answers gets none.
    package func close() {
        state.withLock { $0.isClosed = true }
        awaken()
    }

    /// Gives the present connection up for a new one: it may lead to a server that is none for writing any more.
    package func reconnect() {
        state.withLock { $0.isUnwanted = true }
        awaken()
    }

    package var isConnected: Bool {
        state.withLock { if case .connected = $0.phase { true } else { false } }
    }

    /// Sends commands together.
    ///
    /// - Parameter within: how long the answers are waited for; the connection is given up after that.
    /// - Returns: an answer for each, errors among them.
    /// - Throws: `unavailable`: whether the server did anything is then not known. `malformed`.
    package func send(_ commands: [RedisCommand], within: Duration) async throws(RedisError) -> [RedisValue] {
        let deadline = ContinuousClock.now + within
        let outcome = await withCheckedContinuation { continuation in
            let request = RedisSession.Request(
                pieces: commands.flatMap(\.pieces), count: commands.count, deadline: deadline,
                resolve: { continuation.resume(returning: $0) })
            let error: RedisError? = state.withLock { state in
                if state.isClosed { return .unavailable("the connection is closed") }
                if case .lost(let error) = state.phase { return error }
                state.queue.append(request)
                return nil
            }
            if let error { request.resolve(.failure(error)) } else { awaken() }
        }
        return try outcome.get()
    }

    /// Sends one command.
    ///
    /// - Throws: also `refused`, where the answer is an error.
    package func send(_ command: RedisCommand, within: Duration) async throws(RedisError) -> RedisValue {
        let answers = try await send([command], within: within)
        guard let answer = answers.first else { throw .malformed("no answer") }
        return try answer.accepted()
    }

    private func awaken() {
        var one: UInt64 = 1
        _ = write(wake, &one, MemoryLayout<UInt64>.size)
    }

    // MARK: On the connection's thread

    private var isClosed: Bool { state.withLock { $0.isClosed } }

    private func run() {
        var delay = options.firstRetryDelay
        while !isClosed {
            do throws(RedisError) {
                let session = RedisSession(
                    try RedisTransport(address, options), limits: options.limits, onMessage: onMessage)
                try shakeHands(session)
                delay = options.firstRetryDelay
                state.withLock { state in
                    state.phase = .connected
                    state.isUnwanted = false
                }
                onEvent(.connected)
                try serve(session)
            } catch {
                lose(error)
                pause(delay)
                delay = min(delay * 2, options.longestRetryDelay)
            }
        }
        lose(.unavailable("the connection is closed"))
    }

    /// Notes that there is no connection, and ends what waits to be sent.
    private func lose(_ error: RedisError) {
        let (queue, isNew) = state.withLock { state in
            let isNew = if case .lost = state.phase { false } else { true }
            state.phase = .lost(error)
            defer { state.queue = [] }
            return (state.queue, isNew)
        }
        for request in queue { request.resolve(.failure(error)) }
        if isNew { onEvent(.lost(error)) }
    }

    private func pause(_ delay: Duration) {
        var descriptor = pollfd(fd: wake, events: Int16(POLLIN), revents: 0)
        let end = ContinuousClock.now + delay
        while !isClosed, ContinuousClock.now < end {
            let left = (ContinuousClock.now.duration(to: end) / .milliseconds(1)).rounded(.up)
            _ = poll(&descriptor, 1, Int32(min(max(left, 0), 60_000)))
            drainWake()
        }
    }

    private func drainWake() {
        var count: UInt64 = 0
        _ = read(wake, &count, MemoryLayout<UInt64>.size)
    }

    private func shakeHands(_ session: RedisSession) throws(RedisError) {
        var commands: [RedisCommand] = []
        if let password = address.password {
            commands.append(RedisCommand(["AUTH"] + (address.user.map { [$0] } ?? []) + [password]))
        }
        commands.append(RedisCommand("SELECT", String(address.database)))
        // Also tells at once where the server is still reading its files.
        commands.append(RedisCommand("PING"))
        if let channel { commands.append(RedisCommand("SUBSCRIBE", channel)) }
        let outcome = Answers()
        session.enqueue(
            RedisSession.Request(
                pieces: commands.flatMap(\.pieces), count: commands.count, deadline: .now + options.handshakeTimeout,
                resolve: { outcome.set($0) }))
        while !isClosed {
            if let result = outcome.value {
                for answer in try result.get() { _ = try answer.accepted() }
                return
            }
            try session.step(wake: wake, until: .now + .seconds(1))
            drainWake()
        }
        throw .unavailable("the connection is closed")
    }

    /// Carries commands and answers until the connection breaks, or is to end.
    private func serve(_ session: RedisSession) throws(RedisError) {
        do throws(RedisError) {
            var nextPing = ContinuousClock.now + options.pingInterval
            while !isClosed {
                let (requests, isUnwanted) = state.withLock { state in
                    defer { state.queue = [] }
                    return (state.queue, state.isUnwanted)
                }
                for request in requests { session.enqueue(request) }
                if isUnwanted { throw RedisError.unavailable("the connection was given up") }
                if channel != nil, ContinuousClock.now >= nextPing {
                    if session.isIdle { session.enqueue(ping) }
                    nextPing = .now + options.pingInterval
                }
                try session.step(wake: wake, until: nextPing)
                drainWake()
                if channel == nil { nextPing = .now + .seconds(60) }
            }
            throw RedisError.unavailable("the connection is closed")
        } catch {
            session.fail(error)
            throw error
        }
    }

    private var ping: RedisSession.Request {
        RedisSession.Request(
            pieces: RedisCommand("PING").pieces, count: 1, deadline: .now + options.pingInterval, resolve: { _ in })
    }
}

/// What a handshake brought. The mutex guards it.
private final class Answers: Sendable {
    private let outcome = Mutex<RedisSession.Outcome?>(nil)

    var value: RedisSession.Outcome? { outcome.withLock { $0 } }
    func set(_ outcome: RedisSession.Outcome) { self.outcome.withLock { $0 = outcome } }
}
