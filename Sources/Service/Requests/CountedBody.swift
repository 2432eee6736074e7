import HTTPServer
import HTTPWire
import Synchronization

/// A number of bytes that grows.
final class ByteCount: Sendable {
    private let total = Atomic(0)

    var value: Int { total.load(ordering: .relaxed) }

    func add(_ count: Int) { total.add(count, ordering: .relaxed) }
}

/// A body that counts its bytes.
struct CountedBody: RequestBody {
    private let body: any RequestBody
    private let total = ByteCount()

    init(_ body: any RequestBody) {
        self.body = body
    }

    var count: Int { total.value }
    var declaredByteCount: Int? { body.declaredByteCount }

    func next() async throws(RequestBodyError) -> ArraySlice<UInt8>? {
        let chunk = try await body.next()
        if let chunk { total.add(chunk.count) }
        return chunk
    }
}

/// A writer that counts its bytes.
struct CountedWriter: ResponseWriter {
    private let writer: any ResponseWriter
    private let total: ByteCount

    init(_ writer: any ResponseWriter, _ total: ByteCount) {
        self.writer = writer
        self.total = total
    }

    func write(_ bytes: [UInt8]) async throws {
        try await writer.write(bytes)
        total.add(bytes.count)
    }
}
