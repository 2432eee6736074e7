package import HTTPTypes

/// Why the server itself, rather than a handler, refuses a request. The connection closes after each of them.
package struct ProtocolError: Error, Sendable, Equatable {
    /// What went wrong; each kind has one status.
    package enum Kind: Sendable, Equatable, CaseIterable {
        /// The bytes are no well-formed request: 400.
        case malformed
        /// The request took longer than its time: 408.
        case tooSlow
        /// The body is longer than the limit: 413.
        case bodyTooLarge
        /// The request line is longer than the limit: 414.
        case requestLineTooLong
        /// An expectation other than `100-continue`: 417 (RFC 9110 section 10.1.1).
        case expectationFailed
        /// A field, the head or the trailers are over a limit: 431 (RFC 6585 section 5).
        case fieldsTooLarge
        /// A method or transfer coding that this server does not know: 501.
        case notImplemented
        /// Too many connections: 503.
        case overloaded
        /// A major version other than 1: 505.
        case versionNotSupported
    }

    package var kind: Kind
    /// What was expected and what was found, fit to be shown to the client.
    package var detail: String

    package init(_ kind: Kind, _ detail: String) {
        self.kind = kind
        self.detail = detail
    }

    package static func malformed(_ detail: String) -> Self { Self(.malformed, detail) }

    /// The status of the answer.
    package var status: HTTPResponse.Status {
        switch kind {
        case .malformed: .badRequest
        case .tooSlow: .requestTimeout
        case .bodyTooLarge: .contentTooLarge
        case .requestLineTooLong: .uriTooLong
        case .expectationFailed: .expectationFailed
        case .fieldsTooLarge: .requestHeaderFieldsTooLarge
        case .notImplemented: .notImplemented
        case .overloaded: .serviceUnavailable
        case .versionNotSupported: .init(code: 505, reasonPhrase: "HTTP Version Not Supported")
        }
    }
}

/// Why a body ended early.
package enum RequestBodyError: Error, Sendable, Equatable {
    /// More than the limit that the handler set, declared or counted.
    case tooLarge(limit: Int)
    /// The sender was slower than the least rate, or stalled.
    case tooSlow
    /// The framing was malformed.
    case malformed(String)
    /// There were more trailers, or longer ones, than `WireLimits` allows.
    case trailersTooLarge(String)
    /// The client went away.
    case disconnected
}
