package import HTTPTypes

/// A request without its body, as the wire gave it.
package struct MessageHead: Sendable, Equatable {
    /// Method, scheme, authority and path of the target (RFC 9112 section 3.3), and the fields without `Host`:
    /// its value is the request's `authority`. `path` is `*` for `OPTIONS *`.
    package var request: HTTPRequest
    package var version: HTTPVersion
    package var framing: BodyFraming
    /// Whether the client lets the connection persist (RFC 9112 section 9.3).
    package var keepsAlive: Bool
    /// Whether the client waits for `100 Continue` before it sends the body (RFC 9110 section 10.1.1).
    package var expectsContinue: Bool
}

/// The minor version in which both sides talk.
package enum HTTPVersion: Sendable, Equatable {
    case http10
    case http11
}

/// How a request's body ends (RFC 9112 section 6.3).
package enum BodyFraming: Sendable, Equatable {
    /// There is none.
    case none
    /// After that many bytes; may be 0.
    case length(Int)
    case chunked
}
