import HTTPServer
import HTTPTypes
import HTTPWire
import Scheduling

/// `POST /restore` and `/classify` at a front end without weights: the picture becomes a job of the store, which a worker
/// does, and the request waits for its end. What depends on a bundle is checked there.
struct ForwardedWork: Operation {
    let operation: JobOrder.Operation
    let engines: EngineAccess
    let intake: PictureIntake
    let memory: MemoryBudget
    let store: SharedJobStore
    /// The longest time for a request, in seconds.
    let timeoutLimit: Int
    let sleep: @Sendable (Duration) async throws -> Void

    /// Before a result that there was no memory for is asked for again.
    private static let pauseWithoutMemory = Duration.milliseconds(100)

    let parameters: ParameterNames
    let mediaTypes: [String]

    func begin(_ request: ServiceRequest) throws -> Reply {
        _ = try engines.forWork()
        let reader = try intake.reader(for: request, takesReference: operation == .restore)
        // Nobody need send a picture for nothing.
        guard store.link.isAvailable else { throw ServiceFault.jobStoreUnavailable }
        return .afterBody { body in
            let accept = request.fields[.accept]
            let reservation = memory.reservation()
            let upload = try await reader.read(body, parameters: request.parameters, reservation: reservation)
            var seconds = timeoutLimit
            if operation == .restore {
                seconds = try upload.parameters.integer("timeout", in: 1...timeoutLimit) ?? timeoutLimit
            }
            let isJob = operation == .restore && PreferField(request.fields[.prefer]).respondsAsynchronously
            let status = try await SharedJobStarter(store: store).start(
                operation, of: upload, accept: accept, keepsGuidance: isJob, seconds: seconds, requestID: request.id)
            withExtendedLifetime(reservation) {}
            if isJob { return .accepted(status) }
            return try await answer(of: status.id, within: .seconds(seconds) + store.limits.grace)
        }
    }

    /// What becomes of a job whose name nobody else knows. Where the client leaves, the job is cancelled.
    private func answer(of id: String, within time: Duration) async throws -> Response {
        let (ends, end) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let timer = Task {
            try? await sleep(time)
            end.finish()
        }
        // Whatever comes of it, nobody asks for it again.
        defer {
            timer.cancel()
            Task { try? await store.delete(id) }
        }
        return try await withTaskCancellationHandler {
            let watch = store.watchPatiently(id) { status in
                if status?.isFinal ?? true { end.yield() }
            }
            defer { withExtendedLifetime(watch) {} }
            var shortage: MemoryBudget.Exhausted?
            for await _ in ends {
                do {
                    return try await store.result(id)
                } catch ServiceFault.jobStoreUnavailable {
                    // Changes are told again once it is back.
                } catch let exhausted as MemoryBudget.Exhausted {
                    // What was made is still in the store: others' answers leave room for it.
                    shortage = exhausted
                    try? await sleep(Self.pauseWithoutMemory)
                    end.yield()
                } catch ServiceFault.jobGone, ServiceFault.noSuchJob {
                    throw ServiceFault.jobUploadLost
                }
            }
            try Task.checkCancellation()
            throw shortage ?? ServiceFault.jobStoreUnavailable as any Error
        } onCancel: {
            end.finish()
        }
    }
}
