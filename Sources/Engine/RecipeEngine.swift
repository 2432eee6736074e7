package import Bundles
import Compute
import Images
import Scheduling

/// Runs the recipes of bundles: owns workers, their workspaces, the memory ledger and the loaded bundles. Samples of all
/// requests share evaluations step by step, as far as they are of one bundle, stage and shape.
package final class RecipeEngine: RestorationEngine {
    package let bundle: BundleSummary
    package let recipe: RecipeDescription
    private let runs: any Recipe
    private let configuration: EngineConfiguration
    private let workspaces: Workspaces
    private let scheduler: StepScheduler<StageRunner>

    /// The smallest side that is restored, in pixels.
    package static let minimumSide = 8

    /// The cost, in pixels times steps, up to which a restoration goes before longer ones: sixteen evaluations of 256x256
    /// and a look.
    private static let shortJobCost = 16.0 * 256 * 256 + 32_768

    /// Builds a bundle's networks and measures what they need.
    ///
    /// - Throws: `BundleError` where the kind is not known or tensors don't fit, `RestorationError` where threads can't
    ///   be had.
    package convenience init(
        _ bundle: Bundles.Bundle, configuration: EngineConfiguration, recipes: RecipeRegistry = .standard
    ) throws {
        try self.init(
            recipes.recipe(for: bundle, engine: configuration), of: BundleSummary(bundle.manifest), configuration: configuration)
    }

    /// - Throws: `RestorationError` where threads can't be had.
    package init(
        _ recipe: any Recipe, of bundle: BundleSummary, configuration: EngineConfiguration
    ) throws(RestorationError) {
        runs = recipe
        self.recipe = recipe.description
        self.bundle = bundle
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

    // MARK: What is asked

    package func estimate(
        width: Int, height: Int, options: RestorationOptions
    ) throws(RestorationError) -> RestorationEstimate {
        let run = try restoration(width: width, height: height, options: options)
        let outlines = run.stages.flatMap { $0.outlines(ofBundle: 0) }
        return RestorationEstimate(
            bytes: run.stages.map { $0.sampleBytes + $0.evaluationBytes }.max() ?? 0, blendingBytes: run.ownBytes,
            seconds: scheduler.estimatedSeconds(for: outlines, sharing: true),
            idleSeconds: scheduler.estimatedSeconds(for: outlines, sharing: false))
    }

    /// - Throws: where the picture can't be restored, or an option is wrong.
    private func restoration(
        width: Int, height: Int, options: RestorationOptions
    ) throws(RestorationError) -> any RecipeRun<RestorationResult> {
        guard min(width, height) >= Self.minimumSide else {
            throw .pictureTooSmall(width: width, height: height, minimumSide: Self.minimumSide)
        }
        do throws(OptionFault) { try recipe.check(options) } catch { throw .option(error) }
        let run = HarmlessRun(try runs.restoration(width: width, height: height, options: options)) { result, original, isGrey in
            result.answering(original, seenAsGrey: isGrey, isGuarded: options.isGuarded)
        }
        // Where a large overlap was asked for, its sums alone may fill the memory.
        guard run.ownBytes <= configuration.memoryBudget else {
            throw .overlapExceedsMemory(needed: run.ownBytes, limit: configuration.memoryBudget)
        }
        return run
    }

    // MARK: What is done

    package func restore(
        _ source: PictureSource, options: RestorationOptions, memory: PictureBooking?,
        progress: @escaping @Sendable (RestorationProgress) -> Void
    ) async throws(RestorationError) -> RestorationResult {
        let run = try restoration(width: source.width, height: source.height, options: options)
        var (result, waiting) = try await perform(
            run, on: source, memory: memory, deadline: options.deadline, progress: progress)
        (result.timing.queue, result.timing.decode) = (waiting.queue, waiting.decode)
        return result
    }

    package func classify(
        _ source: PictureSource, labels: [String]?, deadline: ContinuousClock.Instant?, memory: PictureBooking?
    ) async throws(RestorationError) -> ClassificationResult {
        let start = ContinuousClock.now
        let run = HarmlessRun(try runs.classification(labels: labels)) { found, _, _ in found }
        var (result, timing) = try await perform(
            run, on: source, memory: memory, deadline: deadline, progress: nil)
        timing["classify"] = .now - start - timing.queue - timing.decode
        return ClassificationResult(result, timing: timing)
    }

    private func perform<Output: Sendable>(
        _ run: any RecipeRun<Output>, on source: PictureSource, memory: PictureBooking?,
        deadline: ContinuousClock.Instant?, progress: (@Sendable (RestorationProgress) -> Void)?
    ) async throws(RestorationError) -> (Output, RestorationTiming) {
        let scheduled = ScheduledRun(run, on: source, ofBundle: 0, workspaces: workspaces, deadline: deadline)
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
