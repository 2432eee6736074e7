import Dispatch
import Glibc

/// Accepts connections on one listening socket and hands them to the loops in turn. An actor on its own queue, so
/// that a busy connection queue does not keep clients waiting to be accepted.
actor Listener {
    nonisolated let executor: QueueExecutor
    private let descriptor: Int32
    private let path: String?
    private let loops: [EventLoop]
    private let budget: ConnectionBudget
    private let observer: (any ServerObserver)?
    private let system: SystemCalls
    private var source: (any DispatchSourceRead)?
    private var isSuspended = false
    private var turn = 0
    /// Held to be closed when there are no descriptors left: a connection can then be accepted and let go, instead
    /// of staying in the kernel's queue and waking this one for ever.
    private var spare: Int32

    /// How long no connection is accepted after the system ran out of something.
    static let backOff = DispatchTimeInterval.milliseconds(100)
    /// Connections accepted in one go.
    static let batch = 64

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// - Parameter socket: owned by the listener from here on.
    init(
        socket: ListeningSocket.Bound, loops: [EventLoop], budget: ConnectionBudget,
        observer: (any ServerObserver)?, system: SystemCalls
    ) {
        executor = QueueExecutor(label: "restored.http.accept")
        descriptor = socket.descriptor
        path = socket.path
        self.loops = loops
        self.budget = budget
        self.observer = observer
        self.system = system
        spare = system.openSpare()
    }

    /// Runs a closure inside the listener, later.
    nonisolated func post(_ body: @escaping @Sendable (isolated Listener) -> Void) {
        executor.queue.async {
            self.assumeIsolated(body)
        }
    }

    func start() {
        let source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: executor.queue)
        source.setEventHandler { [weak self] in
            self?.assumeIsolated { $0.acceptAll(limit: Listener.batch) }
        }
        source.setCancelHandler { [self] in
            self.assumeIsolated { $0.closeAll() }
        }
        source.activate()
        self.source = source
    }

    /// Accepts what waits already, then no more.
    func stop() {
        guard let source else { return }
        acceptAll(limit: 1024)
        if let path { unlink(path) }
        // A suspended source would never come to its cancel handler.
        if isSuspended { source.resume() }
        isSuspended = false
        source.cancel()
        self.source = nil
    }

    private func closeAll() {
        system.close(descriptor)
        if spare >= 0 { system.close(spare) }
        spare = -1
    }

    private func acceptAll(limit: Int) {
        for _ in 0..<limit {
            switch system.accept(descriptor) {
            case .connection(let socket, let peer):
                place(socket, peer: peer)
            case .failure(let number):
                switch number {
                case EAGAIN, EWOULDBLOCK:
                    return
                case EINTR, ECONNABORTED, EPROTO, ENETDOWN, ENETUNREACH, EHOSTUNREACH, EHOSTDOWN, ENOPROTOOPT:
                    // The connection is gone again, or never was one: on to the next (accept(2)).
                    continue
                case EMFILE, ENFILE:
                    dropOneConnection()
                    pause()
                    return
                default:
                    // ENOBUFS, ENOMEM and what else there may be: waiting is all that can help.
                    pause()
                    return
                }
            }
        }
    }

    private func place(_ socket: Int32, peer: String) {
        let admission = budget.admit(peer: peer)
        let first = turn % loops.count
        switch admission {
        case .admitted, .refused:
            loops[first].post { $0.adopt(socket, peer: peer, wasRefused: admission == .refused) }
        case .full:
            let others = loops[(first + 1)...] + loops[..<first]
            loops[first].post { $0.adopt(socket, peer: peer, inPlaceOfIdleHereOr: others) }
        case .dropped:
            system.close(socket)
            observer?.connectionRefused(peer: peer)
            return
        }
        turn &+= 1
    }

    private func dropOneConnection() {
        guard spare >= 0 else { return }
        system.close(spare)
        if case .connection(let socket, let peer) = system.accept(descriptor) {
            system.close(socket)
            observer?.connectionRefused(peer: peer)
        }
        spare = system.openSpare()
    }

    private func pause() {
        guard let source, !isSuspended else { return }
        source.suspend()
        isSuspended = true
        executor.queue.asyncAfter(deadline: .now() + Listener.backOff) { [weak self] in
            self?.assumeIsolated { $0.resume() }
        }
    }

    private func resume() {
        guard isSuspended, let source else { return }
        if spare < 0 { spare = system.openSpare() }
        isSuspended = false
        source.resume()
    }
}
