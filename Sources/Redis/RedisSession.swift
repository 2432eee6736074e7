import Glibc

/// One connection from its handshake to its end: commands that wait for their answers, in the order in which they were
/// sent. Used by one thread.
final class RedisSession {
    typealias Outcome = Result<[RedisValue], RedisError>

    /// Commands that are sent together.
    struct Request {
        let pieces: [[UInt8]]
        /// How many answers come.
        let count: Int
        /// When the answers are no longer waited for: the connection is then given up, for they might still come, and be
        /// taken for those to later commands.
        let deadline: ContinuousClock.Instant
        let resolve: @Sendable (Outcome) -> Void
        var answers: [RedisValue] = []
    }

    private let transport: RedisTransport
    private var parser: RedisParser
    private var outgoing: [ArraySlice<UInt8>] = []
    private var waiting: [Request] = []
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
    private let onMessage: (String) -> Void

    /// Pieces received before others are sent.
    private static let mostReceives = 64

    init(_ transport: RedisTransport, limits: RedisLimits, onMessage: @escaping (String) -> Void) {
        self.transport = transport
        self.onMessage = onMessage
        parser = RedisParser(limits: limits)
    }

    deinit { buffer.deallocate() }

    var isIdle: Bool { waiting.isEmpty }

    func enqueue(_ request: Request) {
        outgoing += request.pieces.map { $0[...] }
        waiting.append(request)
    }

    /// Ends every request that waits.
    func fail(_ error: RedisError) {
        let failed = waiting
        waiting = []
        for request in failed { request.resolve(.failure(error)) }
    }

    /// Sends and receives what goes, then waits until more does.
    ///
    /// - Parameters:
    ///   - wake: a descriptor that ends the waiting as well.
    ///   - limit: when the waiting ends in any case.
    /// - Throws: where the connection is of no more use.
    func step(wake: Int32, until limit: ContinuousClock.Instant) throws(RedisError) {
        try flush()
        // TLS may hold bytes that the socket no longer shows.
        guard try receive() else { return }
        let now = ContinuousClock.now
        var end = limit
        for request in waiting { end = min(end, request.deadline) }
        if let late = waiting.first(where: { $0.deadline <= now }) {
            throw .unavailable("no answer within the time for it, \(late.answers.count) of \(late.count) came")
        }
        let events = Int16(POLLIN) | (outgoing.isEmpty ? 0 : Int16(POLLOUT))
        var descriptors = [
            pollfd(fd: transport.descriptor, events: events, revents: 0),
            pollfd(fd: wake, events: Int16(POLLIN), revents: 0),
        ]
        let milliseconds = (now.duration(to: end) / .milliseconds(1)).rounded(.up)
        _ = poll(&descriptors, nfds_t(descriptors.count), Int32(min(max(milliseconds, 0), 60_000)))
    }

    private func flush() throws(RedisError) {
        while let first = outgoing.first {
            let count = try transport.send(first)
            if count < first.count {
                outgoing[0] = first.dropFirst(count)
                if count == 0 { return }
            } else {
                outgoing.removeFirst()
            }
        }
    }

    /// - Returns: whether that was all there is now.
    private func receive() throws(RedisError) -> Bool {
        for _ in 0..<Self.mostReceives {
            guard let count = try transport.receive(into: buffer) else { return true }
            let bytes = Array(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            for value in try parser.parse(bytes[...]) { try take(value) }
        }
        return false
    }

    private func take(_ value: RedisValue) throws(RedisError) {
        if let items = value.items, items.count == 3, items[0].text == "message" {
            if let message = items[2].text { onMessage(message) }
            return
        }
        guard !waiting.isEmpty else { throw .malformed("an answer that nothing was asked for") }
        waiting[0].answers.append(value)
        guard waiting[0].answers.count == waiting[0].count else { return }
        let request = waiting.removeFirst()
        request.resolve(.success(request.answers))
    }
}
