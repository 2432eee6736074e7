package import HTTPTypes
package import HTTPWire

/// What answers requests. The server calls it; it never sees a socket.
package protocol RequestHandler: Sendable {
    /// Decides about a request as soon as its head is complete.
    ///
    /// Called on a connection queue: it must not block, wait or compute for long.
    func accept(_ head: RequestHead) -> Disposition

    /// The answer to what the server refuses by itself: malformed requests, limits, time-outs, too many connections.
    ///
    /// Called on a connection queue; the status should be `error.status`. The connection closes after it.
    ///
    /// - Parameter peer: the peer's address without its port, for logs.
    func response(toProtocolError error: ProtocolError, peer: String) -> Response
}

/// A request without its body.
package struct RequestHead: Sendable {
    package var request: HTTPRequest
    /// The declared length, where there is one; nil for chunked bodies. 0 where there is no body.
    package var declaredBodyLength: Int?
    /// The peer's address without its port, for logs and limits.
    package var peer: String

    package init(request: HTTPRequest, declaredBodyLength: Int?, peer: String) {
        self.request = request
        self.declaredBodyLength = declaredBodyLength
        self.peer = peer
    }
}

/// What becomes of a request.
package enum Disposition: Sendable {
    /// Answered at once, without reading the body.
    case respond(Response)
    /// The body is read, up to `bodyLimit` bytes, by a task that then answers.
    ///
    /// The task is cancelled when the client goes away (reset or closed both ways; a half-close is not a cancel).
    /// An interim 100 is sent when the task first asks for the body.
    case run(bodyLimit: Int, @Sendable (any RequestBody) async -> Response)
}

/// The bytes of a request's body as they arrive; the connection reads on only as they are consumed.
package protocol RequestBody: Sendable {
    /// Bytes of all of it, where the client has declared them.
    var declaredByteCount: Int? { get }

    /// The next bytes, a slice of the buffer that they were received in; nil at the end.
    ///
    /// - Throws: `RequestBodyError`.
    func next() async throws(RequestBodyError) -> ArraySlice<UInt8>?
}

/// An answer. Framing fields (`Content-Length`, `Transfer-Encoding`, `Connection`, `Date`) are the server's to add.
package struct Response: Sendable {
    package var status: HTTPResponse.Status
    package var fields: HTTPFields
    package var body: Body
    /// What bounds the memory of bodies: lives until the last byte of this one has left, or the connection is gone.
    /// Short bodies are copied, within the connection's own bound, and let go of it sooner.
    package var retained: (any Sendable & AnyObject)?

    package enum Body: Sendable {
        case bytes([UInt8])
        /// Sent chunked as it is produced, for event streams; the closure returns when the stream is over.
        case stream(@Sendable (any ResponseWriter) async throws -> Void)
    }

    package init(status: HTTPResponse.Status, fields: HTTPFields = [:], body: Body = .bytes([])) {
        self.status = status
        self.fields = fields
        self.body = body
    }
}

/// Where a streamed answer goes.
package protocol ResponseWriter: Sendable {
    /// Sends bytes, waiting while the client is slower than they come.
    ///
    /// - Throws: `CancellationError` where the client went away.
    func write(_ bytes: [UInt8]) async throws
}

/// Hears of what the server does, for logs and counters. Called on connection queues: it must be cheap.
package protocol ServerObserver: Sendable {
    func connectionOpened(peer: String)
    func connectionClosed(peer: String)
    /// A connection over a limit was answered 503, or dropped where even those were too many.
    func connectionRefused(peer: String)
}
