import HTTPWire
import Synchronization

/// What the connections of all queues share: their number against its limits, and whether the server drains.
///
/// The mutex guards the counts; it is held for a few instructions, on the accept queue and the connection queues.
final class ConnectionBudget: Sendable {
    /// What becomes of a new connection.
    enum Admission: Sendable {
        case admitted
        /// All places are taken: to be given that of an idle connection by `promote`, or to be told so.
        case full
        /// Over the limit of its address: to be told so.
        case refused
        /// Even those being told are too many.
        case dropped
    }

    private struct Counts: Sendable {
        var admitted = 0
        var refused = 0
        var byPeer: [String: Int] = [:]
    }

    /// Connections over a limit that are told so at a time; each lingers for a moment.
    static let refusalsAtOnce = 64

    private let limit: Int
    private let limitPerPeer: Int?
    private let counts = Mutex(Counts())
    private let draining = Atomic(false)
    private let drainAnnounced = Atomic(false)

    init(limits: ServerLimits) {
        limit = limits.connections
        limitPerPeer = limits.connectionsPerAddress
    }

    /// Connections open that are being served.
    var admittedCount: Int { counts.withLock { $0.admitted } }

    /// Whether each answer is its connection's last.
    var isDrainAnnounced: Bool { drainAnnounced.load(ordering: .relaxed) }

    func announceDrain() { drainAnnounced.store(true, ordering: .relaxed) }

    /// Whether idle connections close as well.
    var isDraining: Bool { draining.load(ordering: .relaxed) }

    func beginDrain() { draining.store(true, ordering: .relaxed) }

    func admit(peer: String) -> Admission {
        counts.withLock { counts in
            let hasPeerTooMany = isOverPeerLimit(peer, counts)
            if counts.admitted < limit, !hasPeerTooMany {
                count(peer, in: &counts)
                return .admitted
            }
            guard counts.refused < Self.refusalsAtOnce else { return .dropped }
            counts.refused += 1
            return hasPeerTooMany ? .refused : .full
        }
    }

    /// Counts one that found all places taken as admitted after all; whoever calls this gives up a place right after,
    /// so that nobody else takes it in between.
    ///
    /// - Returns: false where its address has no more places.
    func promote(peer: String) -> Bool {
        counts.withLock { counts in
            guard !isOverPeerLimit(peer, counts) else { return false }
            counts.refused -= 1
            count(peer, in: &counts)
            return true
        }
    }

    private func isOverPeerLimit(_ peer: String, _ counts: Counts) -> Bool {
        guard let limitPerPeer, peer != SystemCalls.unixPeer else { return false }
        return counts.byPeer[peer, default: 0] >= limitPerPeer
    }

    private func count(_ peer: String, in counts: inout Counts) {
        counts.admitted += 1
        if limitPerPeer != nil { counts.byPeer[peer, default: 0] += 1 }
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
