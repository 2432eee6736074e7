import Engine
import HTTPServer
import Logging

/// Makes jobs of restorations that nobody waits for: `Prefer: respond-async`.
protocol JobStarter: Sendable {
    /// - Parameter load: how busy the engines are.
    /// - Returns: the job's status once it is accepted.
    func start(
        _ wish: RestorationWork.Wish, requestID: String, load: @escaping @Sendable () -> EngineLoad
    ) async throws -> JobStatus
}

/// Runs jobs in this process, which keeps them as well.
struct JobRunner: JobStarter {
    let store: MemoryJobStore
    let tasks: TaskRegistry
    let work: RestorationWork
    let logger: Logger

    /// Starts a job, which is accepted once the engine has taken it; what the engine refuses is refused at once.
    func start(
        _ wish: RestorationWork.Wish, requestID: String, load: @escaping @Sendable () -> EngineLoad
    ) async throws -> JobStatus {
        let admission = Promise<Void>()
        let id = try store.add()
        let task = Task {
            let progress: @Sendable (RestorationProgress) -> Void = { progress in
                store.update(id, progress)
                admission.resolve(.success(()))
            }
            do {
                let finished = try await tasks.perform {
                    // A job that waits for its bundle is accepted.
                    let restoration = try await work.prepared(wish, keepsGuidance: true) { progress(.queued(position: 0)) }
                    return try await work.perform(restoration, progress: progress)
                }
                store.finish(id, .done(finished, requestID: requestID))
                admission.resolve(.success(()))
            } catch {
                // Only one of the two hears of it: the client that waits for its 202, or the job.
                if admission.resolve(.failure(error)) {
                    store.discard(id)
                } else {
                    let problem = Problem(error, load: load())
                    logger.note(problem, ofJob: id, requestID: requestID)
                    store.finish(id, .failed(problem, requestID: requestID))
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
        return try store.status(id)
    }
}
