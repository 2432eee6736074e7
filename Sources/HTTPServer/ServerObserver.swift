package import HTTPTypes

/// Hears of what the server does, for logs and counters. Called on connection queues: it must be cheap.
package protocol ServerObserver: Sendable {
    func connectionOpened(peer: String)
    func connectionClosed(peer: String)
    /// A connection over a limit was answered 503, or dropped where even those were too many.
    func connectionRefused(peer: String)
    /// A request got its answer, or its client left before.
    func requestFinished(_ record: RequestRecord)
}

extension ServerObserver {
    package func connectionOpened(peer: String) {}
    package func connectionClosed(peer: String) {}
    package func connectionRefused(peer: String) {}
}

/// What became of a request.
package struct RequestRecord: Sendable {
    package var peer: String
    /// Nil where the head was malformed, and the server answered by itself.
    package var request: HTTPRequest?
    /// Nil where the client left before an answer was begun.
    package var status: HTTPResponse.Status?
    /// Bytes of the request's body that arrived, without its framing.
    package var requestBodyBytes: Int
    /// Bytes of the answer's body, without its framing.
    package var responseBodyBytes: Int
    /// The answer's `X-Request-ID`, where the handler set one.
    package var requestID: String?
    /// From the complete head to the last byte of the answer given to the kernel.
    package var duration: Duration
    /// Whether the connection was gone, or was closed by a limit, before the answer was complete.
    package var isAborted: Bool
}
