/// How much of a `multipart/form-data` body's frame is accepted. Each limit is inclusive.
package struct MultipartLimits: Sendable, Equatable {
    package var parts = 16
    /// A part's head, line ends and the closing empty line included, in bytes.
    package var partHeadBytes = 4096
    package var partHeadFields = 8
    /// The boundary, in bytes; RFC 2046 section 5.1.1 allows no more than 70.
    package var boundaryBytes = 70
    /// What stands before the first part and after the last, each in bytes.
    package var preambleBytes = 1024

    package init() {}
}

/// Why a multipart body was refused.
package enum MultipartError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The `Content-Type` is not `multipart/form-data` with a sound boundary.
    case badContentType(String)
    /// The frame or a part's head is malformed.
    case malformed(String)
    /// The body ended before its closing delimiter.
    case truncated
    case tooManyParts(limit: Int)
    case partHeadTooLarge(String)
    /// A part is itself multipart.
    case nested

    package var description: String {
        switch self {
        case .badContentType(let detail), .malformed(let detail), .partHeadTooLarge(let detail): detail
        case .truncated: "the multipart body ended before its closing boundary"
        case .tooManyParts(let limit): "the multipart body has more than \(limit) parts"
        case .nested: "a part of the multipart body is itself multipart"
        }
    }

    /// 413 for what is over a limit, else 400.
    package var isTooLarge: Bool {
        switch self {
        case .tooManyParts, .partHeadTooLarge: true
        case .badContentType, .malformed, .truncated, .nested: false
        }
    }
}
