import Engine
import HTTPServer
import HTTPTypes

/// Runs what nobody waits for: `Prefer: respond-async`.
struct JobRunner: Sendable {
    let store: JobStore
    let tasks: TaskRegistry

    /// Starts a job and answers 202 once the engine has taken it; what the engine refuses is refused at once.
    ///
    /// - Parameters:
    ///   - load: how busy the engines are.
    ///   - work: makes the job's result, telling its progress.
    func start(
        requestID: String, load: @escaping @Sendable () -> EngineLoad,
        _ work: @escaping @Sendable (@escaping @Sendable (RestorationProgress) -> Void) async throws -> Response
    ) async throws -> Response {
        let admission = Promise<Void>()
        let id = try store.add()
        let task = Task {
            do {
                let response = try await tasks.perform {
                    try await work { progress in
                        store.update(id, progress)
                        admission.resolve(.success(()))
                    }
                }
                store.finish(id, .done(response, requestID: requestID))
                admission.resolve(.success(()))
            } catch {
                // Only one of the two hears of it: the client that waits for its 202, or the job.
                if admission.resolve(.failure(error)) {
                    store.discard(id)
                } else {
                    store.finish(id, .failed(Problem(error, load: load()), requestID: requestID))
                }
            }
        }
        // Before anyone knows the job, and so could cancel it.
        store.setTask(task, of: id)
        try await withTaskCancellationHandler {
            try await admission.value()
        } onCancel: {
            task.cancel()
        }
        return .json(
            try store.status(id), status: .accepted,
            fields: [
                .location: "/jobs/\(id)", .preferenceApplied: "respond-async", .cacheControl: "no-store",
            ])
    }
}
