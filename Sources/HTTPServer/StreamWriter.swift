/// Where a streamed answer goes: to the connection it belongs to, as long as that is there.
struct StreamWriter: ResponseWriter {
    let loop: EventLoop
    let connection: UInt64
    let exchange: UInt64

    func write(_ bytes: [UInt8]) async throws {
        try await loop.write(bytes, connection: connection, exchange: exchange)
    }
}
