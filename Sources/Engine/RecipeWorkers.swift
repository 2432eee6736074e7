import Compute
import Images
import Scheduling
import Synchronization

/// What the engines of all bundles share: workers with their workspaces, the queue, and the ledger of working memory.
/// Samples of all requests share evaluations step by step, as far as they are of one bundle, stage and shape.
///
/// The atomic counts the bundles.
package final class RecipeWorkers: Sendable {
    package let configuration: EngineConfiguration
    private let workspaces: Workspaces
    private let scheduler: StepScheduler<StageRunner>
    private let bundles = Atomic(0)

    /// The cost, in pixels times steps, up to which a restoration goes before longer ones: sixteen evaluations of 256x256
    /// and a look.
    private static let shortJobCost = 16.0 * 256 * 256 + 32_768

    /// - Throws: where threads can't be had.
    package init(_ configuration: EngineConfiguration) throws(RestorationError) {
        self.configuration = configuration
        workspaces = Workspaces(
            count: configuration.workers, threads: configuration.threadsPerEvaluation,
            onFewerThreads: configuration.onFewerThreads)
        var scheduling = SchedulerConfiguration(workers: configuration.workers)
        scheduling.memoryBudget = configuration.memoryBudget
        scheduling.maximumWaitingJobs = configuration.queueLimit
        scheduling.shortJobCost = Self.shortJobCost
        do {
            scheduler = try StepScheduler(
                evaluator: StageRunner(workspaces: workspaces), configuration: scheduling,
                onSlowStep: { [tell = configuration.onSlowEvaluation] in tell?(SlowEvaluation($0)) })
        } catch {
            throw RestorationError(error, backlogSeconds: nil)
        }
        configuration.pictureMemory?.onRelease { [weak scheduler] in scheduler?.promote() }
    }

    /// A number for a bundle, by which its samples are told from those of others.
    package func numberOfNextBundle() -> Int { bundles.wrappingAdd(1, ordering: .relaxed).newValue }

    /// Runs stages of a bundle's recipe to their end.
    func perform<Output: Sendable>(
        _ run: any RecipeRun<Output>, on source: PictureSource, reference: ReferencePicture? = nil, ofBundle bundle: Int,
        memory: PictureBooking?, deadline: ContinuousClock.Instant?, progress: (@Sendable (RestorationProgress) -> Void)?
    ) async throws(RestorationError) -> (Output, RestorationTiming) {
        let scheduled = ScheduledRun(
            run, on: source, reference: reference, ofBundle: bundle, workspaces: workspaces, deadline: deadline)
        let job = scheduled.job(memory: memory, progress: progress)
        let ended = await withTaskCancellationHandler { () -> Result<Void, SchedulingError> in
            do throws(SchedulingError) {
                return .success(try await scheduler.submit(job))
            } catch {
                return .failure(error)
            }
        } onCancel: {
            scheduled.cancel()
        }
        if case .failure(let error) = ended {
            throw RestorationError(error, backlogSeconds: scheduler.statistics.backlogSeconds)
        }
        return (try run.result(), scheduled.timing)
    }

    /// Seconds that stages take, from measured step times; nil before the first of the bundle.
    ///
    /// - Parameter sharing: beside the work there is now, else on an idle machine.
    func estimatedSeconds(for stages: [Stage], ofBundle bundle: Int, sharing: Bool) -> Double? {
        scheduler.estimatedSeconds(for: stages.flatMap { $0.outlines(ofBundle: bundle) }, sharing: sharing)
    }

    package var load: EngineLoad { EngineLoad(scheduler.statistics) }

    /// Ends all work that isn't finished, at its next step.
    package func stop() async { await scheduler.stop() }
}

extension RestorationError {
    /// What a job's end means for its picture.
    fileprivate init(_ error: SchedulingError, backlogSeconds: Double?) {
        switch error {
        case .queueFull(let limit): self = .queueFull(limit: limit, retryAfterSeconds: backlogSeconds ?? 1)
        case .cancelled: self = .cancelled
        case .deadlineExceeded(let whileQueued): self = .deadlineExceeded(whileQueued: whileQueued)
        case .draining: self = .draining
        case .failed(let error as RestorationError): self = error
        case .failed(let error as ImageError): self = .picture(error)
        case .failed(is CancellationError): self = .cancelled
        case .failed(let error): self = .internalFault("\(error)")
        case .threadsUnavailable(let wanted, let started, _):
            self = .internalFault("\(started) of \(wanted) worker threads could be started")
        }
    }
}

extension SlowEvaluation {
    fileprivate init(_ step: SlowStep<BatchKey>) {
        self.init(
            batch: step.key.description, samples: step.samples, seconds: step.seconds,
            medianSecondsPerSample: step.medianSecondsPerSample)
    }
}
