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

    /// What tells one series of a bundle's work from another: `restored`, `unchanged`, `declined`, `classified` or the kind of
    /// the problem; or the stage.
    struct WorkKey: Hashable, Comparable {
        var outcome: String
        var bundle: String

        static func < (left: Self, right: Self) -> Bool { (left.outcome, left.bundle) < (right.outcome, right.bundle) }
    }

    /// From an answer out of memory to a long restoration.
    private static let seconds = Histogram(
        bounds: [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600])

    struct State {
        var requests: [RequestKey: Int] = [:]
        var durations: [String: Histogram] = [:]
        var stages: [String: Histogram] = [:]
        var restorations: [WorkKey: Int] = [:]
        var classifications: [WorkKey: Int] = [:]
        /// Results that were not finite, by stage.
        var nonFinite: [WorkKey: Int] = [:]
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

    func restorationEnded(_ outcome: String, of bundle: String) { count(outcome, of: bundle, in: \.restorations) }
    func classificationEnded(_ outcome: String, of bundle: String) { count(outcome, of: bundle, in: \.classifications) }
    func restorationFailed(_ error: any Error, of bundle: String) { count(error, of: bundle, in: \.restorations) }
    func classificationFailed(_ error: any Error, of bundle: String) { count(error, of: bundle, in: \.classifications) }

    private func count(_ error: any Error, of bundle: String, in series: WritableKeyPath<State, [WorkKey: Int]>) {
        count(Problem(error).kind, of: bundle, in: series)
        if case RestorationError.nonFinite(let stage) = error { count(stage, of: bundle, in: \.nonFinite) }
    }

    private func count(_ outcome: String, of bundle: String, in series: WritableKeyPath<State, [WorkKey: Int]>) {
        state.withLock { $0[keyPath: series][WorkKey(outcome: outcome, bundle: bundle), default: 0] += 1 }
    }

    var snapshot: State { state.withLock { $0 } }
}

extension Duration {
    var seconds: Double { self / .seconds(1) }
    var milliseconds: Double { seconds * 1000 }
}
