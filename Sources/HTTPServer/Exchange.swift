import HTTPWire

/// One request and its answer, on its connection's queue.
final class Exchange {
    enum BodyState {
        /// The client waits for `100 Continue`, and no one has asked for the body yet.
        case awaitingDemand
        /// Bytes go to the channel as they come.
        case flowing
        /// No one wants the rest; it is taken all the same, up to that many bytes, so that the connection can go on.
        case discarding(budget: Int)
        case complete
        /// The rest is not read: the connection closes after the answer.
        case abandoned
    }

    enum ResponseState: Equatable {
        case awaited
        case streaming(ResponseFraming)
        case complete
    }

    let number: UInt64
    let head: MessageHead
    let bodyLimit: Int
    var keepsAlive: Bool
    var bodyState: BodyState
    var bodyBytes = 0
    /// Nanoseconds spent waiting for bytes of the body.
    var bodyWait: UInt64 = 0
    var response = ResponseState.awaited
    var channel: BodyChannel?
    var task: Task<Void, Never>?
    /// Whether a half-closed client has been asked whether it is still there.
    var hasProbed = false

    init(number: UInt64, head: MessageHead, bodyLimit: Int, keepsAlive: Bool) {
        self.number = number
        self.head = head
        self.bodyLimit = bodyLimit
        self.keepsAlive = keepsAlive
        bodyState = .flowing
    }

    /// Whether bytes of the body are to be read from the socket.
    var isReceiving: Bool {
        switch bodyState {
        case .flowing, .discarding: true
        case .awaitingDemand, .complete, .abandoned: false
        }
    }

    /// Whether nothing of the request is still to come, or nothing more of it will be read.
    var isRequestOver: Bool {
        switch bodyState {
        case .complete, .abandoned: true
        case .awaitingDemand, .flowing, .discarding: false
        }
    }

    /// Bytes of the body that have not come; nil for chunked bodies.
    var remainingBytes: Int? {
        switch head.framing {
        case .none: 0
        case .length(let count): count - bodyBytes
        case .chunked: nil
        }
    }
}
