// The states of a connection and what changes them. A pair of state and event that is not in a table cannot happen,
// and changes nothing where it is tried all the same.

/// A state with a table of what each event makes of it.
package protocol TabledState: Hashable, Sendable, CaseIterable {
    associatedtype Change: Hashable, Sendable, CaseIterable
    static var table: [Self: [Change: Self]] { get }
}

extension TabledState {
    /// - Returns: whether the table has that change for this state.
    @discardableResult
    mutating func move(_ change: Change) -> Bool {
        guard let next = Self.table[self]?[change] else { return false }
        self = next
        return true
    }
}

/// The connection as a whole.
package enum ConnectionPhase: TabledState {
    /// Requests are read and answered.
    case open
    /// The last answer goes out; nothing more is read.
    case finishing
    /// All is sent and the sending side is closed; what the client still sends is thrown away for a moment
    /// (RFC 9112 section 9.6).
    case lingering
    case closed

    package enum Change: Sendable, CaseIterable { case lastAnswer, allSent, close }

    package static let table: [Self: [Change: Self]] = [
        .open: [.lastAnswer: .finishing, .close: .closed],
        .finishing: [.allSent: .lingering, .close: .closed],
        .lingering: [.close: .closed],
        .closed: [:],
    ]
}

/// The current request, as far as it has come.
package enum RequestState: TabledState {
    /// Between two requests, or within a head.
    case idle
    /// Its head is complete, and the handler is asked what becomes of it.
    case deciding
    /// The client waits for `100 Continue`, and no one has asked for the body yet (RFC 9110 section 10.1.1).
    case awaitingDemand
    /// Bytes of the body go to their reader as they come.
    case flowing
    /// The reader has as much as its high-water mark allows: backpressure.
    case paused
    /// No one wants the rest; some of it is taken all the same, so that the connection can go on.
    case discarding
    case complete
    /// The rest is not read: the connection closes after the answer.
    case abandoned

    package enum Change: Sendable, CaseIterable { case head, expect, read, full, discard, end, abandon, next }

    package static let table: [Self: [Change: Self]] = [
        .idle: [.head: .deciding],
        .deciding: [.expect: .awaitingDemand, .read: .flowing, .discard: .discarding, .abandon: .abandoned],
        .awaitingDemand: [.read: .flowing, .abandon: .abandoned],
        .flowing: [.full: .paused, .end: .complete, .discard: .discarding, .abandon: .abandoned],
        .paused: [.read: .flowing, .discard: .discarding, .abandon: .abandoned],
        .discarding: [.end: .complete, .abandon: .abandoned],
        .complete: [.next: .idle],
        .abandoned: [:],
    ]

    /// Whether bytes of the body are to be read from the socket.
    var isReceiving: Bool { self == .flowing || self == .discarding }
    /// Whether nothing of it is still to come, or nothing more will be read.
    var isOver: Bool { self == .complete || self == .abandoned }
}

/// The answer to the current request.
package enum ResponseState: TabledState {
    /// There is no request.
    case idle
    case awaited
    /// Its head is out, and bytes follow as they are produced.
    case streaming
    case complete

    package enum Change: Sendable, CaseIterable { case request, whole, stream, end, next }

    package static let table: [Self: [Change: Self]] = [
        .idle: [.request: .awaited],
        .awaited: [.whole: .complete, .stream: .streaming],
        .streaming: [.end: .complete],
        .complete: [.next: .idle],
    ]
}
