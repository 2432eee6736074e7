import Checkpoints
import HTTPServer
import HTTPTypes
import HTTPWire
import Synchronization

/// `GET /jobs/{id}/events`: sends a job's state at every change until it is final. Changes that come faster than the
/// client reads are put together; the last is never lost.
///
/// A client that reconnects gets what came after the event it names (HTML standard, section 9.2), and 204 where that was
/// the last one: an `EventSource` connects again and again until it is told so.
struct JobEvents: Operation {
    let jobs: any JobStore
    let streams: StreamLimit
    /// Of a quiet stream.
    let heartbeatInterval: Duration
    let sleep: @Sendable (Duration) async throws -> Void

    let mediaTypes = ["text/event-stream"]

    func begin(_ request: ServiceRequest) throws -> Reply {
        let id = request.pathIdentifier
        let seen = Self.revision(request.fields[.lastEventID])
        return .question { try await events(of: id, after: seen) }
    }

    private func events(of id: String, after seen: Int?) async throws -> Response {
        let present = try await jobs.status(id)
        if present.isFinal, present.revision == seen {
            return Response(status: .noContent, fields: [.cacheControl: "no-store"])
        }
        let (wakes, waker) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        // Kept here: the job may be gone before a slow client has read so far.
        let latest = LatestStatus(present)
        let watch = try await jobs.watch(id) { status in
            latest.take(status)
            waker.yield()
        }
        let place = try streams.take()
        return Response(
            status: .ok, fields: Self.fields,
            body: .stream { writer in
                let heart = Task {
                    while (try? await sleep(heartbeatInterval)) != nil, !Task.isCancelled { waker.yield() }
                }
                defer {
                    heart.cancel()
                    withExtendedLifetime((watch, place)) {}
                }
                var shown: JobStatus?
                for await _ in wakes {
                    guard let status = latest.value else { return }
                    let isNew = shown.map { $0 != status } ?? (status.revision != seen)
                    // At once as well, where there is nothing new for a client that comes back: its proxy wants bytes.
                    try await writer.write(isNew ? status.event.bytes : ServerSentEvent.heartbeat)
                    shown = status
                    if status.isFinal { return }
                }
            })
    }

    private static var fields: HTTPFields {
        var fields: HTTPFields = [.contentType: "text/event-stream", .cacheControl: "no-store"]
        // nginx and others hold answers back until a buffer is full, but for those that say so.
        fields[.xAccelBuffering] = "no"
        return fields
    }

    /// The event that a client has seen last; nil where it names none that there could have been.
    private static func revision(_ field: String?) -> Int? {
        guard let field, field.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int(field)
    }
}

extension JobStatus {
    fileprivate var event: ServerSentEvent {
        ServerSentEvent(name: state.rawValue, data: JSON.line(self), id: String(revision))
    }
}

extension HTTPField.Name {
    // Constants of valid form, so none of these can be nil.
    static let lastEventID = Self("Last-Event-ID")!
    static let xAccelBuffering = Self("X-Accel-Buffering")!
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

/// The newest status that was told; nil once the job is gone without an end. The mutex guards it.
private final class LatestStatus: Sendable {
    private let latest: Mutex<JobStatus?>

    init(_ status: JobStatus) { latest = Mutex(status) }

    var value: JobStatus? { latest.withLock { $0 } }

    /// Statuses may come in any order.
    func take(_ status: JobStatus?) {
        latest.withLock { latest in
            guard let status else {
                if latest?.isFinal == false { latest = nil }
                return
            }
            if let known = latest, known.revision <= status.revision { latest = status }
        }
    }
}
