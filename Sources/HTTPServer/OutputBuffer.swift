/// Bytes that wait to be sent.
struct OutputBuffer {
    private var bytes: [UInt8] = []
    private var sent = 0

    var isEmpty: Bool { sent == bytes.count }
    var count: Int { bytes.count - sent }

    /// Lets `body` append; once much of what is held has been sent, that goes first.
    mutating func append(_ body: (inout [UInt8]) -> Void) {
        if sent > 65536 {
            bytes.removeSubrange(..<sent)
            sent = 0
        }
        body(&bytes)
    }

    mutating func consume(_ count: Int) {
        sent += count
        guard sent == bytes.count else { return }
        // A large buffer is given back, so that an idle connection holds little.
        if bytes.capacity > 4096 { bytes = [] } else { bytes.removeAll(keepingCapacity: true) }
        sent = 0
    }

    func withUnsent<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[sent...])) }
    }
}
