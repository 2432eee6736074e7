import Synchronization

/// What the connections of all queues share: their number against its limits, and whether the server drains. The mutex guards the counts; it is held for a few instructions, on the
/// accept queue and the connection queues.
final class ConnectionBudget: Sendable {
    /// What becomes of a new connection.
    enum Admission: Sendable {
        case admitted
        /// Over a limit: to be told so.
        case refused
        /// Even those being told are too many.
        case dropped
    }

    private struct Counts: Sendable {
        var admitted = 0
        var refused = 0
        var byPeer: [String: Int] = [:]
    }

    /// Connections over the limit that are told so at a time; each lingers for a moment.
    static let refusalsAtOnce = 64

    private let limit: Int
    private let limitPerPeer: Int?
    private let counts = Mutex(Counts())
    private let draining = Atomic(false)

    init(limits: ServerLimits) {
        limit = limits.connections
        limitPerPeer = limits.connectionsPerAddress
    }

    /// Connections open that are being served.
    var admittedCount: Int { counts.withLock { $0.admitted } }

    /// Whether each answer is its connection's last.
    var isDraining: Bool { draining.load(ordering: .relaxed) }

    func beginDrain() { draining.store(true, ordering: .relaxed) }

    func admit(peer: String) -> Admission {
        counts.withLock { counts in
            let isOverPeerLimit = limitPerPeer.map { counts.byPeer[peer, default: 0] >= $0 } ?? false
            if counts.admitted < limit, !isOverPeerLimit {
                counts.admitted += 1
                if limitPerPeer != nil { counts.byPeer[peer, default: 0] += 1 }
                return .admitted
            }
            guard counts.refused < Self.refusalsAtOnce else { return .dropped }
            counts.refused += 1
            return .refused
        }
    }

    func release(peer: String, wasRefused: Bool) {
        counts.withLock { counts in
            if wasRefused {
                counts.refused -= 1
                return
            }
            counts.admitted -= 1
            guard let count = counts.byPeer[peer] else { return }
            counts.byPeer[peer] = count > 1 ? count - 1 : nil
        }
    }
}
