import Glibc
import Synchronization

/// An HTTP/1.1 server on POSIX sockets and Dispatch.
///
/// Connections are spread over a few serial queues and never block them; handlers answer there at once or in tasks.
package final class HTTPServer: Sendable {
    private struct State: Sendable {
        var isStarted = false
        var listeners: [Listener] = []
        var loops: [EventLoop] = []
        var port: Int?
        var addresses: [String] = []
        var unavailableAddresses: [ServerError] = []
    }

    package let configuration: ServerConfiguration
    private let handler: any RequestHandler
    private let observer: (any ServerObserver)?
    private let system: SystemCalls
    let budget: ConnectionBudget
    /// The mutex guards what starting makes and stopping takes away.
    private let state = Mutex(State())

    /// - Throws: `ServerError.badConfiguration`.
    package init(
        configuration: ServerConfiguration = ServerConfiguration(), handler: any RequestHandler,
        observer: (any ServerObserver)? = nil, systemCalls: SystemCalls = .live
    ) throws(ServerError) {
        if let problem = configuration.problem { throw .badConfiguration(problem) }
        self.configuration = configuration
        self.handler = handler
        self.observer = observer
        system = systemCalls
        budget = ConnectionBudget(limits: configuration.limits)
    }

    deinit {
        shutdownNow()
    }

    /// Binds the addresses and begins to serve.
    ///
    /// - Throws: `ServerError`; nothing is bound then.
    package func start() throws(ServerError) {
        let isFirst = state.withLock { state in
            defer { state.isStarted = true }
            return !state.isStarted
        }
        guard isFirst else { throw .alreadyStarted }
        try Self.allowDescriptors(for: configuration)
        var (sockets, failures): ([ListeningSocket.Bound], [ServerError]) = ([], [])
        var loops: [EventLoop] = []
        do throws(ServerError) {
            for number in 0..<configuration.queueCount {
                loops.append(
                    try EventLoop(
                        label: "restored.http.\(number)", configuration: configuration, handler: handler,
                        observer: observer, system: system, budget: budget))
            }
            for address in configuration.addresses {
                let opened = try ListeningSocket.open(
                    address, backlog: configuration.listenBacklog, isIPv6Only: configuration.hasIPv4Address)
                sockets += opened.sockets
                failures += opened.failures
            }
        } catch {
            for socket in sockets {
                close(socket.descriptor)
                if let path = socket.path { unlink(path) }
            }
            throw error
        }
        let listeners = sockets.map { socket in
            Listener(socket: socket, loops: loops, budget: budget, observer: observer, system: system)
        }
        for loop in loops { loop.post { $0.start() } }
        for listener in listeners { listener.post { $0.start() } }
        state.withLock { state in
            state.loops = loops
            state.listeners = listeners
            state.port = sockets.lazy.compactMap(\.port).first
            state.addresses = sockets.map(\.address)
            state.unavailableAddresses = failures
        }
    }

    /// The port of the first TCP address; nil before the start and where there is none.
    package var port: Int? { state.withLock { $0.port } }

    /// Where it listens, each as `127.0.0.1:8080`, `[::1]:8080` or the path of a Unix socket; empty before the start.
    package var addresses: [String] { state.withLock { $0.addresses } }

    /// Why some of the addresses that names stand for could not be had.
    package var unavailableAddresses: [ServerError] { state.withLock { $0.unavailableAddresses } }

    /// Connections that are being served.
    package var connectionCount: Int { budget.admittedCount }

    var loops: [EventLoop] { state.withLock { $0.loops } }

    /// Accepts no more connections, and lets go of the addresses.
    package func stopListening() {
        for listener in takeListeners() { listener.post { $0.stop() } }
    }

    private func takeListeners() -> [Listener] {
        state.withLock { state in
            defer { state.listeners = [] }
            return state.listeners
        }
    }

    /// Makes each connection's next answer its last, so that its client comes back to another server behind the same
    /// balancer. New connections are accepted as before, and idle ones stay open: who closes one may meet a request on
    /// its way there (RFC 9112 section 9.5).
    package func announceDrain() { budget.announceDrain() }

    /// Lets what is under way finish: each connection's next answer is its last, idle connections are closed, and new
    /// ones are refused by the system.
    ///
    /// Requests that are not finished in time go on until `shutdownNow()`.
    ///
    /// - Parameter timeout: how long to wait.
    package func drain(timeout: Duration) async -> DrainOutcome {
        let clock = ContinuousClock()
        let deadline = clock.now + timeout
        budget.beginDrain()
        // What they still accept is counted below.
        for listener in takeListeners() { await listener.stop() }
        let loops = self.loops
        for loop in loops { await loop.beginDrain() }
        while true {
            var census = (connections: 0, openRequests: 0)
            for loop in loops {
                let one = await loop.census()
                census.connections += one.connections
                census.openRequests += one.openRequests
            }
            let isOver = census.connections == 0 || clock.now >= deadline
            // A cancelled drain does not spin: the sleep that fails at once ends it.
            guard !isOver, (try? await clock.sleep(for: .milliseconds(10))) != nil else {
                return DrainOutcome(unfinishedRequests: census.openRequests)
            }
        }
    }

    /// Closes everything now. Tasks are cancelled, unfinished answers cut off.
    package func shutdownNow() {
        stopListening()
        let loops = state.withLock { state in
            defer { state.loops = [] }
            return state.loops
        }
        for loop in loops { loop.post { $0.stop() } }
    }

    /// Raises the soft limit on descriptors to what the connections need.
    ///
    /// - Throws: `ServerError.tooFewDescriptors` where the hard limit does not allow it.
    private static func allowDescriptors(for configuration: ServerConfiguration) throws(ServerError) {
        // Besides connections: those being refused, listeners, epoll sets, and what the rest of the process opens.
        let needed = configuration.limits.connections + ConnectionBudget.refusalsAtOnce + 64
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        guard limit.rlim_cur < rlim_t(needed) else { return }
        guard limit.rlim_max >= rlim_t(needed) else {
            throw .tooFewDescriptors(needed: needed, allowed: Int(clamping: limit.rlim_max))
        }
        limit.rlim_cur = rlim_t(needed)
        guard setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            throw .lastCall("setrlimit", address: "the process")
        }
    }
}

extension ServerConfiguration {
    /// Whether an IPv4 address is asked for by number, so that an IPv6 one must leave IPv4 alone.
    fileprivate var hasIPv4Address: Bool {
        addresses.contains { address in
            guard case .tcp(let host, _) = address else { return false }
            return !host.isEmpty && host.utf8.allSatisfy { $0 == UInt8(ascii: ".") || $0 &- 0x30 < 10 }
        }
    }
}

/// How a drain ended.
package struct DrainOutcome: Sendable, Equatable {
    /// Requests that were begun and not fully answered when the time was over.
    package var unfinishedRequests: Int

    /// Whether everything begun was finished.
    package var isComplete: Bool { unfinishedRequests == 0 }

    package init(unfinishedRequests: Int) {
        self.unfinishedRequests = unfinishedRequests
    }
}
