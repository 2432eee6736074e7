/// Bytes that wait to be sent. Short pieces are gathered, so that one call sends them together. A long one stays where
/// it is: a result that many clients fetch at the same time is in memory once.
struct OutputBuffer {
    /// So much of a piece is gathered with what is before it, in bytes.
    private static let gatheredBytes = 65536

    private struct Segment {
        var bytes: [UInt8] = []
        /// How many of them need not be sent, or not any more.
        var sent = 0
        /// Whether more may be gathered in it.
        var isOpen = true
        /// Lives until the last byte has been sent.
        var retained: (any Sendable & AnyObject)?
    }

    private var segments: [Segment] = []
    /// Bytes that wait.
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    /// Lets `body` append. Gathered bytes that have been sent are removed first, once they are many.
    mutating func append(_ body: (inout [UInt8]) -> Void) {
        if segments.last?.isOpen != true { segments.append(Segment()) }
        let last = segments.count - 1
        let sent = segments[last].sent
        if sent > Self.gatheredBytes {
            segments[last].bytes.removeSubrange(..<sent)
            segments[last].sent = 0
        }
        let before = segments[last].bytes.count
        body(&segments[last].bytes)
        count += segments[last].bytes.count - before
    }

    /// Adds a piece.
    ///
    /// - Parameter retained: lives until the piece has been sent, unless that is short and so is copied.
    mutating func append(_ piece: [UInt8], retaining retained: (any Sendable & AnyObject)? = nil) {
        append { $0 += piece.prefix(Self.gatheredBytes) }
        guard piece.count > Self.gatheredBytes else { return }
        segments.append(Segment(bytes: piece, sent: Self.gatheredBytes, isOpen: false, retained: retained))
        count += piece.count - Self.gatheredBytes
    }

    /// Notes that bytes have been sent, of those that were lent.
    mutating func consume(_ sentCount: Int) {
        count -= sentCount
        segments[0].sent += sentCount
        guard segments[0].sent == segments[0].bytes.count else { return }
        // A large buffer is given back, so that an idle connection holds little.
        if segments.count == 1, segments[0].isOpen, segments[0].bytes.capacity <= 4096 {
            segments[0].bytes.removeAll(keepingCapacity: true)
            segments[0].sent = 0
        } else {
            segments.removeFirst()
        }
    }

    /// Lends what is to be sent next.
    func withUnsent<Result>(limit: Int, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        guard let next = segments.first else { return body(UnsafeRawBufferPointer(start: nil, count: 0)) }
        return next.bytes.withUnsafeBytes { bytes in
            body(UnsafeRawBufferPointer(rebasing: bytes[next.sent...].prefix(limit)))
        }
    }
}
