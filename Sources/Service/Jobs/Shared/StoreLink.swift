import Redis
import Synchronization
import Threads

/// This replica's connections to the server that keeps the shared jobs. One carries short commands, so that none waits
/// behind a picture; one carries uploads and results; one waits for entries of the stream; one hears of changes.
///
/// The mutex guards what is known of the server.
final class StoreLink: Sendable {
    /// What happened on the way to the server.
    enum Event: Sendable, Equatable {
        case available
        case unavailable(reason: String)
    }

    enum Line: Sendable {
        case short, long, waiting
    }

    private struct State {
        var isSwept = false
        var isAnnounced: Bool?
        var errors = 0
    }

    private let short: RedisConnection
    private let long: RedisConnection
    private let waiting: RedisConnection
    private let listener: RedisConnection
    private let limits: SharedJobLimits
    private let onEvent: @Sendable (Event) -> Void
    private let state = Mutex(State())

    /// - Parameters:
    ///   - onChange: told the name of a job that changed, on a connection's thread; nil where changes may have gone unheard.
    ///   - onEvent: told when the server comes and goes.
    init(
        _ address: RedisAddress, _ options: RedisOptions, limits: SharedJobLimits,
        onChange: @escaping @Sendable (String?) -> Void, onEvent: @escaping @Sendable (Event) -> Void
    ) {
        self.limits = limits
        self.onEvent = onEvent
        var options = options
        options.limits.textBytes = max(limits.resultBytes, limits.uploadBytes)
        options.limits.answerBytes = options.limits.textBytes + (1 << 20)
        short = RedisConnection(address, options)
        long = RedisConnection(address, options)
        waiting = RedisConnection(address, options)
        listener = RedisConnection(
            address, options, channel: limits.prefix + "changes", onMessage: { onChange($0) },
            onEvent: { if $0 == .connected { onChange(nil) } })
    }

    func start() throws(WorkerThread.StartFailure) {
        try short.start(name: "jobs")
        try long.start(name: "job-files")
        try waiting.start(name: "job-entries")
        try listener.start(name: "job-changes")
    }

    func close() {
        for connection in [short, long, waiting, listener] { connection.close() }
    }

    /// Whether the server answered the last time that it was looked after, and is connected.
    var isAvailable: Bool { short.isConnected && state.withLock { $0.isSwept } }

    /// Commands that failed or were refused.
    var errors: Int { state.withLock { $0.errors } }

    /// Notes what came of looking after the server, and tells where that is news.
    func noteSweep(_ error: RedisError?) {
        let event: Event? = state.withLock { state in
            state.isSwept = error == nil
            guard state.isAnnounced != state.isSwept else { return nil }
            state.isAnnounced = state.isSwept
            return error.map { .unavailable(reason: $0.reason) } ?? .available
        }
        if let event { onEvent(event) }
    }

    /// Sends a command.
    ///
    /// - Parameters:
    ///   - longer: beyond the usual patience.
    func send(
        _ command: RedisCommand, on line: Line = .short, longer: Duration = .zero
    ) async throws(RedisError) -> RedisValue {
        do throws(RedisError) {
            return try await connection(line).send(command, within: limits.patience + longer)
        } catch {
            count(error)
            throw error
        }
    }

    /// Runs a script, which the server may not have seen since it was started.
    func run(
        _ script: JobScript, _ arguments: [[UInt8]], on line: Line = .short, longer: Duration = .zero
    ) async throws(RedisError) -> RedisValue {
        let (keys, patience) = (["1", limits.prefix], limits.patience + longer)
        do throws(RedisError) {
            let known = RedisCommand(["EVALSHA", script.digest] + keys, bytes: arguments)
            do throws(RedisError) {
                return try await connection(line).send(known, within: patience)
            } catch where error.code == "NOSCRIPT" {
                let text = String(decoding: script.text, as: UTF8.self)
                return try await connection(line).send(
                    RedisCommand(["EVAL", text] + keys, bytes: arguments), within: patience)
            }
        } catch {
            count(error)
            throw error
        }
    }

    /// An attempt more where the connection broke, for scripts that may be run twice: most breaks are those of a server
    /// that was restarted, or of a proxy that closed what was idle.
    func runTwice(
        _ script: JobScript, _ arguments: [[UInt8]], on line: Line = .short, longer: Duration = .zero
    ) async throws(RedisError) -> RedisValue {
        do throws(RedisError) {
            return try await run(script, arguments, on: line, longer: longer)
        } catch {
            guard case .unavailable = error else { throw error }
            try? await Task.sleep(for: .milliseconds(100))
            return try await run(script, arguments, on: line, longer: longer)
        }
    }

    /// Time that so many bytes may take, at 4 MiB a second.
    static func time(of bytes: Int) -> Duration { .milliseconds(bytes >> 12) }

    private func connection(_ line: Line) -> RedisConnection {
        switch line {
        case .short: short
        case .long: long
        case .waiting: waiting
        }
    }

    private func count(_ error: RedisError) {
        if error.code == "NOGROUP" { return }
        state.withLock { $0.errors += 1 }
        // Another server was made the main one, and the name leads there by now, or soon.
        if error.code == "READONLY" {
            for connection in [short, long, waiting, listener] { connection.reconnect() }
        }
    }
}

extension [UInt8] {
    /// An argument of a command.
    init(argument: String) { self = Array(argument.utf8) }
    init(argument: Int) { self = Array(String(argument).utf8) }
}
