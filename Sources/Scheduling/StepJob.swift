/// What the scheduler must know of a sample before it exists.
package struct SampleOutline<Key: Hashable & Sendable>: Sendable {
    /// Samples of equal keys may share an evaluation.
    package let key: Key
    /// How many times the sample is advanced; at least one.
    package let steps: Int
    /// Bytes the sample holds from its making until it's handed back.
    package let bytes: Int
    /// Further bytes held only while the sample is being evaluated.
    package let evaluationBytes: Int
    /// Work of one step, in a unit shared by all jobs of a scheduler (pixels, say). Jobs get equal shares of it.
    package let cost: Double
    /// The sample starts only when all before it in its job have been handed back, because it needs what came of
    /// them: the tiles of a picture after its classification, say.
    package let waitsForEarlier: Bool

    /// - Precondition: `steps` is at least one, `cost` positive and finite.
    package init(
        key: Key, steps: Int, bytes: Int, evaluationBytes: Int = 0, cost: Double, waitsForEarlier: Bool = false
    ) {
        precondition(steps >= 1 && cost > 0 && cost.isFinite)
        self.key = key
        self.steps = steps
        self.bytes = Self.clamped(bytes)
        self.evaluationBytes = Self.clamped(evaluationBytes)
        self.cost = cost
        self.waitsForEarlier = waitsForEarlier
    }

    /// More than any machine has, yet thousands of them can be added without overflow.
    private static func clamped(_ bytes: Int) -> Int { min(max(bytes, 0), 1 << 48) }
}

/// Where a job stands.
package enum JobProgress: Sendable, Equatable {
    /// Waiting behind this many others.
    case queued(position: Int)
    /// `completedSteps` of `totalSteps` sample steps are done. The seconds still needed, nil until a step has been
    /// measured, allow for the other jobs under way.
    case running(completedSteps: Int, totalSteps: Int, remainingSeconds: Double?)
}

/// How a job goes on when one of its samples has been handed back.
package enum JobDirection<Key: Hashable & Sendable>: Sendable {
    case goOn
    /// What came out calls for more: these follow the samples that there are.
    case extend([SampleOutline<Key>])
    /// Whatever samples remain aren't needed: the job is complete.
    case complete
}

/// A request's work: one or more samples, made when their turn comes and handed back when done, so that a picture of
/// hundreds of tiles never holds more than a few.
///
/// The closures are called without any lock held. When `StepScheduler.submit` returns none of them is running and none
/// will be called again.
package struct StepJob<Sample, Key: Hashable & Sendable>: Sendable {
    /// The samples, in the order in which they start; more may be added as others end.
    package let outlines: [SampleOutline<Key>]
    /// The most samples in flight at once, and the window of their indices: sample i starts only when all samples
    /// up to i - samplesAtOnce are finished.
    package let samplesAtOnce: Int
    /// When the answer is no longer wanted.
    package let deadline: ContinuousClock.Instant?
    /// Takes the memory that the job holds from its first sample to its last, where there is enough now; nil for a job
    /// that holds none. Called with the scheduler's lock held: quick, and no call back.
    package let admit: (@Sendable () -> Bool)?
    /// Makes ready what samples are made of, once the job's turn has come; nil where it is there already. Called once,
    /// in a task that is cancelled with the job.
    package let prepare: (@Sendable () async throws -> Void)?
    /// Makes sample `index`. Called once for each sample, on the thread of the worker that advances it first, perhaps at
    /// the same time as others'.
    package let makeSample: @Sendable (_ index: Int, _ worker: Int) throws -> sending Sample
    /// Takes sample `index` back after its last step. Called at most once for each, on a worker thread, perhaps at
    /// the same time as others'; not for samples whose last step ends after the job failed or was cancelled.
    package let finishSample: @Sendable (_ sample: sending Sample, _ index: Int) throws -> JobDirection<Key>
    /// Told of changes, one call at a time, in order; changes in quick succession may be told as one. Must be quick.
    package let progress: (@Sendable (JobProgress) -> Void)?

    /// - Precondition: `samplesAtOnce` is at least one.
    package init(
        outlines: [SampleOutline<Key>], samplesAtOnce: Int = 1, deadline: ContinuousClock.Instant? = nil,
        progress: (@Sendable (JobProgress) -> Void)? = nil, admit: (@Sendable () -> Bool)? = nil,
        prepare: (@Sendable () async throws -> Void)? = nil,
        makeSample: @escaping @Sendable (_ index: Int, _ worker: Int) throws -> sending Sample,
        finishSample: @escaping @Sendable (_ sample: sending Sample, _ index: Int) throws -> JobDirection<Key>
    ) {
        precondition(samplesAtOnce >= 1)
        self.outlines = outlines
        self.samplesAtOnce = samplesAtOnce
        self.deadline = deadline
        self.progress = progress
        self.admit = admit
        self.prepare = prepare
        self.makeSample = makeSample
        self.finishSample = finishSample
    }
}
