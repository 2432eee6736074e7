package import Bundles
import CLIP
import Compute
import Diffusion
package import Images
import Scheduling

/// Classifies and restores pictures with a bundle's networks. Samples of all requests share evaluations step by step.
package final class Restorer: RestorationEngine {
    package let bundle: BundleSummary
    private let diffusion: DiffusionConfiguration
    private let prediction: DiffusionConfiguration.Prediction
    private let defaultTimes: [Int]?
    private let classifier: ZeroShotClassifier
    private let labelEncoder: LabelEncoder?
    private let encoderInput: EncoderInput
    private let planner: TilePlanner
    private let configuration: RestorerConfiguration
    private let scheduler: StepScheduler<NetworkEvaluator>

    private typealias Outline = RestorationLayout.Outline

    /// The smallest side that is restored, in pixels.
    package static let minimumSide = 8

    /// Pixels times steps of a restoration that goes before longer ones: sixteen evaluations of 256x256, about as long
    /// as anyone waits for a small picture anyway.
    private static let shortJobPixels = 16.0 * 256 * 256

    /// What a pixel that the encoder looks at costs, in pixels of an evaluation; measured, about.
    private static let encoderCost = 0.1

    /// Builds the networks and measures what they need.
    ///
    /// - Throws: `BundleError` where tensors don't fit, `RestorationError` where labels have no features or threads
    ///   can't be had.
    package init(_ bundle: Bundles.Bundle, configuration: RestorerConfiguration) throws {
        let encoder = try bundle.makeClassifier()
        let network = try bundle.makeNetwork()
        labelEncoder = try encoder.text.flatMap { tower in
            try bundle.makeTokenizer().map { LabelEncoder(tokenizer: $0, tower: tower) }
        }
        let labels = bundle.manifest.labels
        guard
            let features = encoder.storedLabelFeatures
                ?? labelEncoder?.features(of: labels, in: Workspace(threads: configuration.threadsPerEvaluation))
        else { throw RestorationError.internalFault("the bundle has neither label features nor a text tower") }
        self.bundle = bundle.summary
        self.configuration = configuration
        diffusion = bundle.diffusion
        prediction = bundle.prediction
        defaultTimes = bundle.manifest.defaults.times
        encoderInput = EncoderInput(
            side: encoder.configuration.vision.imageSize, nativeWindows: bundle.manifest.classifier.nativeWindows)
        classifier = ZeroShotClassifier(
            labels: labels, features: features, logitScale: Float(bundle.manifest.logitScale))
        planner = TilePlanner(
            memory: MemoryEstimate(measuring: network), memoryBudget: configuration.memoryBudget)
        var scheduling = SchedulerConfiguration(workers: configuration.workers)
        scheduling.memoryBudget = configuration.memoryBudget
        scheduling.maximumWaitingJobs = configuration.queueLimit
        scheduling.shortJobCost = Self.shortJobPixels + Double(encoderInput.pixels) * Self.encoderCost
        scheduler = try StepScheduler(
            evaluator: NetworkEvaluator(
                classifier: encoder, labelEncoder: labelEncoder, network: network, workers: configuration.workers,
                threads: configuration.threadsPerEvaluation, maximumBatch: configuration.maximumBatch),
            configuration: scheduling,
            onSlowStep: { [tell = configuration.onSlowEvaluation] in tell?(SlowEvaluation($0)) })
    }

    // MARK: What is asked

    package func estimate(
        width: Int, height: Int, options: RestorationOptions
    ) throws(RestorationError) -> WorkEstimate {
        let plan = try plan(options)
        let layout = try layout(width: width, height: height, options: options)
        let (tileWidth, tileHeight) = (layout.tiles.tileWidth, layout.tiles.tileHeight)
        let outlines = outlines(layout, steps: plan.steps.count)
        return WorkEstimate(
            bytes: planner.bytes(tileWidth, tileHeight), blendingBytes: try blendingBytes(layout),
            seconds: scheduler.estimatedSeconds(for: outlines, sharing: true),
            idleSeconds: scheduler.estimatedSeconds(for: outlines, sharing: false))
    }

    /// The samples of a picture.
    ///
    /// - Throws: where the picture can't be restored, or a label is unknown.
    private func layout(
        width: Int, height: Int, options: RestorationOptions
    ) throws(RestorationError) -> RestorationLayout {
        guard min(width, height) >= Self.minimumSide else {
            throw .pictureTooSmall(width: width, height: height, minimumSide: Self.minimumSide)
        }
        for label in options.degradations ?? [] where !classifier.labels.contains(label) {
            throw .unknownLabel(label, known: classifier.labels)
        }
        return RestorationLayout(
            tiles: try planner.plan(width: width, height: height, tile: options.tile, overlap: options.overlap),
            rounds: options.degradations?.count ?? 1)
    }

    /// - Throws: where a large overlap was asked for, whose sums alone would fill the memory.
    private func blendingBytes(_ layout: RestorationLayout) throws(RestorationError) -> Int {
        let bytes = layout.blendingBytes(tilesAtOnce: tilesAtOnce(layout))
        guard bytes <= configuration.memoryBudget else {
            throw .overlapExceedsMemory(needed: bytes, limit: configuration.memoryBudget)
        }
        return bytes
    }

    /// As many as can be evaluated at the same time.
    private func tilesAtOnce(_ layout: RestorationLayout) -> Int {
        let key = NetworkEvaluator.BatchKey.diffusion(
            width: layout.tiles.tileWidth, height: layout.tiles.tileHeight)
        let batch = NetworkEvaluator.maximumBatch(for: key, limit: configuration.maximumBatch)
        return min(layout.tiles.count, batch * configuration.workers)
    }

    private func plan(_ options: RestorationOptions) throws(RestorationError) -> SamplerPlan {
        let sampler = options.sampler ?? bundle.defaultSampler
        do throws(SamplerError) {
            if options.steps == nil, options.sampler == nil, let defaultTimes {
                return try SamplerPlan(diffusion, prediction: prediction, times: defaultTimes)
            }
            let steps = options.steps ?? (sampler == bundle.defaultSampler ? bundle.defaultSteps : nil)
            return try SamplerPlan(diffusion, sampler: sampler, prediction: prediction, steps: steps)
        } catch {
            switch error {
            case .stepsOutOfRange(let steps, let allowed, let sampler):
                throw .stepsOutOfRange(steps, allowed: allowed, sampler: sampler.rawValue)
            default:
                throw .internalFault(error.description)
            }
        }
    }

    // MARK: What is done

    package func restore(
        _ picture: Picture, options: RestorationOptions, progress: @escaping @Sendable (RestorationProgress) -> Void
    ) async throws(RestorationError) -> RestorationResult {
        let plan = try plan(options)
        let layout = try layout(width: picture.width, height: picture.height, options: options)
        let work = RestorationWork(.init(
            picture: picture, layout: layout, labels: options.degradations,
            returnsCleanUnchanged: options.degradations == nil && !options.force, plan: plan,
            seed: options.seed ?? .random(in: .min ... .max), classifier: classifier, encoderInput: encoderInput))
        // The embeddings are steps of the job but not of the diffusion that the client counts.
        let total = plan.steps.count * layout.rounds * layout.tiles.count
        try await submit(StepJob(
            outlines: outlines(layout, steps: plan.steps.count), samplesAtOnce: tilesAtOnce(layout),
            deadline: options.deadline,
            progress: { report in
                switch report {
                case .queued(let position): progress(.queued(position: position))
                case .running(let completed, let steps, let remaining):
                    let done = max(0, completed - (steps - total))
                    progress(.running(completed: min(done, total), total: total, remainingSeconds: remaining))
                }
            },
            makeSample: { try work.makeSample($0) }, finishSample: { try work.finishSample($0, $1) }))
        return work.result(sampler: plan.sampler)
    }

    package func classify(
        _ picture: Picture, labels: [String]?, deadline: ContinuousClock.Instant?
    ) async throws(RestorationError) -> Classification {
        if labels != nil, labelEncoder == nil { throw .needsTextTower(bundle: bundle.name) }
        let work = ClassificationWork(picture, encoderInput: encoderInput, classifier: classifier, labels: labels)
        let outlines = [embeddingOutline] + (labels ?? []).map { _ in labelOutline }
        try await submit(StepJob(
            outlines: outlines, samplesAtOnce: configuration.maximumBatch, deadline: deadline,
            makeSample: { work.makeSample($0) }, finishSample: { work.finishSample($0, $1) }))
        return try work.result()
    }

    package var load: EngineLoad { EngineLoad(scheduler.statistics) }

    /// Ends all work that isn't finished, at its next step.
    package func stop() async { await scheduler.stop() }

    private func outlines(_ layout: RestorationLayout, steps: Int) -> [Outline] {
        layout.outlines(
            steps: steps, embedding: embeddingOutline,
            evaluationBytes: planner.memory.bytes(width: layout.tiles.tileWidth, height: layout.tiles.tileHeight))
    }

    private var embeddingOutline: Outline {
        Outline(
            key: .embedding, steps: 1, bytes: encoderInput.pixels * 15,
            cost: Double(encoderInput.pixels) * Self.encoderCost)
    }

    /// A label costs about a third of a picture.
    private var labelOutline: Outline {
        Outline(
            key: .label, steps: 1, bytes: 4_096,
            cost: Double(encoderInput.side * encoderInput.side) * Self.encoderCost / 3)
    }

    private func submit(
        _ job: StepJob<EngineSample, NetworkEvaluator.BatchKey>
    ) async throws(RestorationError) {
        do {
            try await scheduler.submit(job)
        } catch {
            switch error {
            case .queueFull(let limit):
                throw .queueFull(limit: limit, retryAfterSeconds: scheduler.statistics.backlogSeconds ?? 1)
            case .cancelled: throw .cancelled
            case .deadlineExceeded(let whileQueued): throw .deadlineExceeded(whileQueued: whileQueued)
            case .draining: throw .draining
            case .failed(let error as RestorationError): throw error
            case .failed(let error): throw .internalFault("\(error)")
            case .threadsUnavailable(let wanted, let started, _):
                throw .internalFault("\(started) of \(wanted) worker threads could be started")
            }
        }
    }
}

extension EngineLoad {
    fileprivate init(_ statistics: SchedulerStatistics) {
        self.init(
            queued: statistics.waitingJobs, running: statistics.activeJobs,
            typicalSeconds: statistics.typicalJobSeconds)
        for (size, count) in statistics.batchSizes { batchSizes.add(Double(size), times: count) }
        stepSeconds = Distribution(
            bounds: SchedulerStatistics.DurationHistogram.bounds, counts: statistics.evaluationSeconds.counts,
            sum: statistics.evaluationSeconds.totalSeconds)
        samplesInFlight = statistics.samplesInFlight
        memoryUsed = statistics.bytesHeld
        memoryBudget = statistics.memoryBudget
        longestEvaluationUnderWay = statistics.longestEvaluationUnderWay
    }
}

extension SlowEvaluation {
    fileprivate init(_ step: SlowStep<NetworkEvaluator.BatchKey>) {
        let work =
            switch step.key {
            case .embedding: "embedding"
            case .label: "label"
            case .diffusion(let width, let height): "\(width)x\(height)"
            }
        self.init(
            work: work, samples: step.samples, seconds: step.seconds,
            medianSecondsPerSample: step.medianSecondsPerSample)
    }
}
