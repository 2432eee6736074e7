import Engine
import Scheduling
import Synchronization

/// Counts what happened since the start, for `/metrics`. Series are by route pattern, never by path, so that clients
/// can't make more of them.
///
/// The mutex guards all counters.
final class Metrics: Sendable {
    /// What tells one series of requests from another.
    struct RequestKey: Hashable, Comparable {
        var route: String
        var method: String
        var status: Int

        static func < (left: Self, right: Self) -> Bool {
            (left.route, left.method, left.status) < (right.route, right.method, right.status)
        }
    }

    /// From an answer out of memory to a long restoration.
    private static let seconds = Histogram(
        bounds: [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600])

    struct State {
        var requests: [RequestKey: Int] = [:]
        var durations: [String: Histogram] = [:]
        var stages: [String: Histogram] = [:]
        /// By `outcome`: `restored`, `unchanged`, `declined` or the kind of the problem.
        var restorations: [String: Int] = [:]
        var classifications: [String: Int] = [:]
        /// Results that were not finite, by stage.
        var nonFinite: [String: Int] = [:]
        var inFlight = 0
        var connections = 0
        var refusedConnections = 0
        var bytesIn = 0
        var bytesOut = 0
    }

    private let state = Mutex(State())

    func requestStarted() {
        state.withLock { $0.inFlight += 1 }
    }

    func requestEnded(route: String, method: String, status: Int, seconds: Double, bytesIn: Int, bytesOut: Int) {
        let key = RequestKey(route: route, method: method, status: status)
        state.withLock { state in
            state.inFlight -= 1
            state.requests[key, default: 0] += 1
            state.durations[route, default: Self.seconds].add(seconds)
            state.bytesIn &+= bytesIn
            state.bytesOut &+= bytesOut
        }
    }

    func connectionOpened() { state.withLock { $0.connections += 1 } }
    func connectionClosed() { state.withLock { $0.connections -= 1 } }
    func connectionRefused() { state.withLock { $0.refusedConnections += 1 } }

    func stage(_ name: String, took duration: Duration) {
        state.withLock { $0.stages[name, default: Self.seconds].add(duration.seconds) }
    }

    func restorationEnded(_ outcome: String) { count(outcome, in: \.restorations) }
    func classificationEnded(_ outcome: String) { count(outcome, in: \.classifications) }
    func restorationFailed(_ error: any Error) { count(error, in: \.restorations) }
    func classificationFailed(_ error: any Error) { count(error, in: \.classifications) }

    private func count(_ error: any Error, in series: WritableKeyPath<State, [String: Int]>) {
        count(Problem(error).kind, in: series)
        if case RestorationError.nonFinite(let stage) = error { count(stage, in: \.nonFinite) }
    }

    private func count(_ label: String, in series: WritableKeyPath<State, [String: Int]>) {
        state.withLock { $0[keyPath: series][label, default: 0] += 1 }
    }

    var snapshot: State { state.withLock { $0 } }
}

extension Duration {
    var seconds: Double { self / .seconds(1) }
    var milliseconds: Double { seconds * 1000 }
}
