import Checkpoints
import HTTPServer
import HTTPTypes
import HTTPWire
import Synchronization

/// `GET /jobs/{id}/events`: sends a job's state at every change until it is final. Changes that come faster than the
/// client reads are put together; the last is never lost.
struct JobEvents: Operation {
    let jobs: JobStore
    let streams: StreamLimit
    /// Of a quiet stream.
    let heartbeatInterval: Duration
    let sleep: @Sendable (Duration) async throws -> Void

    let mediaTypes = ["text/event-stream"]

    func begin(_ request: ServiceRequest) throws -> Reply {
        let id = request.pathIdentifier
        let (wakes, waker) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        // Held here as well: the job may be gone before a slow client has read so far.
        let ending = Mutex<JobStatus?>(nil)
        let watch = try jobs.watch(id) { status in
            if status.isFinal { ending.withLock { $0 = status } }
            waker.yield()
        }
        let place = try streams.take()
        let response = Response(
            status: .ok, fields: [.contentType: "text/event-stream", .cacheControl: "no-store"],
            body: .stream { writer in
                let heart = Task {
                    while (try? await sleep(heartbeatInterval)) != nil, !Task.isCancelled { waker.yield() }
                }
                defer {
                    heart.cancel()
                    withExtendedLifetime((watch, place)) {}
                }
                var last: JobStatus?
                for await _ in wakes {
                    guard let status = (try? jobs.status(id)) ?? ending.withLock({ $0 }) else { return }
                    if status == last {
                        try await writer.write(ServerSentEvent.heartbeat)
                    } else {
                        let event = ServerSentEvent(name: status.state.rawValue, data: JSON.line(status))
                        try await writer.write(event.bytes)
                        last = status
                    }
                    if status.isFinal { return }
                }
            })
        return .immediate(response)
    }
}

/// Bounds the event streams that are open at once. The atomic counts them.
final class StreamLimit: Sendable {
    private let limit: Int
    private let open = Atomic(0)

    init(_ limit: Int) {
        self.limit = limit
    }

    var count: Int { open.load(ordering: .relaxed) }

    /// A place, given back when the subscription goes.
    ///
    /// - Throws: `ServiceFault.tooManyStreams`.
    func take() throws(ServiceFault) -> Subscription {
        let (_, count) = open.add(1, ordering: .relaxed)
        guard count <= limit else {
            open.subtract(1, ordering: .relaxed)
            throw .tooManyStreams(limit: limit)
        }
        return Subscription { [self] in open.subtract(1, ordering: .relaxed) }
    }
}
