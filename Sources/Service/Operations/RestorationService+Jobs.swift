import Checkpoints
import Engine
import HTTPServer
import HTTPTypes
import HTTPWire
import Synchronization

/// Restorations that nobody waits for: `Prefer: respond-async`, and `/jobs`.
extension RestorationService {
    /// Starts a job and answers 202 once the engine has taken it; what the engine refuses is refused at once.
    func startJob(_ order: Order, _ exchange: Exchange, engine: any RestorationEngine) async throws -> Response {
        let admission = Promise<Void>()
        let canceller = Canceller()
        let id = try jobs.add { canceller.cancel() }
        canceller.attach(
            Task { [self] in
                do {
                    let response = try await work.perform { [self] in
                        try await fulfil(order, engine: engine) { [jobs] progress in
                            jobs.update(id, progress)
                            admission.resolve(.success(()))
                        }
                    }
                    jobs.finish(id, .done(response, requestID: exchange.id))
                    admission.resolve(.success(()))
                } catch {
                    // Only one of the two hears of it: the client that waits for its 202, or the job.
                    if admission.resolve(.failure(error)) {
                        jobs.discard(id)
                    } else {
                        jobs.finish(id, .failed(Problem(error, load: engine.load), requestID: exchange.id))
                    }
                }
            })
        try await withTaskCancellationHandler {
            try await admission.value()
        } onCancel: {
            canceller.cancel()
        }
        return Self.json(
            try jobs.status(id), status: .accepted,
            fields: [
                .location: "/jobs/\(id)", .preferenceApplied: "respond-async", .cacheControl: "no-store",
            ])
    }

    func jobStatus(_ exchange: Exchange) throws -> Response {
        Self.json(try jobs.status(exchange.pathIdentifier), fields: [.cacheControl: "no-store"])
    }

    func deleteJob(_ exchange: Exchange) throws -> Response {
        try jobs.delete(exchange.pathIdentifier)
        return Response(status: .noContent)
    }

    func jobResult(_ exchange: Exchange) throws -> Response {
        try jobs.result(exchange.pathIdentifier)
    }

    /// Sends a job's state at every change until it is final. Changes that come faster than the client reads are
    /// put together; the last is never lost.
    func jobEvents(_ exchange: Exchange) throws -> Response {
        let id = exchange.pathIdentifier
        let (wakes, waker) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        // Held here as well: the job may be gone before a slow client has read so far.
        let ending = Mutex<JobStatus?>(nil)
        let watch = try jobs.watch(id) { status in
            if status.isFinal { ending.withLock { $0 = status } }
            waker.yield()
        }
        let place = try streams.take()
        let interval = Duration.seconds(configuration.heartbeat)
        return Response(
            status: .ok, fields: [.contentType: "text/event-stream", .cacheControl: "no-store"],
            body: .stream { [jobs, time] writer in
                let heart = Task {
                    while (try? await time.sleep(interval)) != nil, !Task.isCancelled { waker.yield() }
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
    }
}

/// Cancels a task that may not have been made yet.
///
/// The mutex guards the task and whether it is cancelled.
private final class Canceller: Sendable {
    private let state = Mutex<(task: Task<Void, Never>?, isCancelled: Bool)>((nil, false))

    func attach(_ task: Task<Void, Never>) {
        let isCancelled = state.withLock { state in
            state.task = task
            return state.isCancelled
        }
        if isCancelled { task.cancel() }
    }

    func cancel() {
        let task = state.withLock { state in
            state.isCancelled = true
            return state.task
        }
        task?.cancel()
    }
}
