package import Bundles
package import Diffusion
package import Images

/// What classifies and restores pictures. The command line and the HTTP service know only this, so tests can put a
/// scripted engine behind them.
package protocol RestorationEngine: Sendable {
    /// The bundle whose weights are loaded.
    var bundle: BundleSummary { get }

    /// What a picture of this size would cost, told from its header alone.
    ///
    /// - Throws: `RestorationError` where the picture can't be restored at all (too small, over the memory limit),
    ///   or where an option doesn't suit the bundle.
    func estimate(width: Int, height: Int, options: RestorationOptions) throws(RestorationError) -> WorkEstimate

    /// Classifies and restores a picture. Cancelling the calling task stops this work, and no other, at its next step.
    func restore(
        _ picture: Picture, options: RestorationOptions, progress: @escaping @Sendable (RestorationProgress) -> Void
    ) async throws(RestorationError) -> RestorationResult

    /// Names what is wrong with a picture.
    ///
    /// - Parameters:
    ///   - labels: the labels to choose among instead of the bundle's own; needs a text tower.
    ///   - deadline: when the answer is no longer wanted.
    func classify(
        _ picture: Picture, labels: [String]?, deadline: ContinuousClock.Instant?
    ) async throws(RestorationError) -> Classification

    /// How much work waits and runs, for metrics and `Retry-After`.
    var load: EngineLoad { get }
}

extension RestorationEngine {
    /// Names what is wrong with a picture, in whatever time that takes.
    package func classify(_ picture: Picture, labels: [String]?) async throws(RestorationError) -> Classification {
        try await classify(picture, labels: labels, deadline: nil)
    }
}

/// The choices of one restoration. Whatever is nil takes the bundle's default.
package struct RestorationOptions: Sendable, Equatable {
    /// Network evaluations for each label, as many as the sampler allows.
    package var steps: Int?
    package var sampler: SamplerKind?
    /// The seed of the noise; nil draws one, which the result tells.
    package var seed: UInt64?
    /// The degradations to treat, in order; nil for whatever the classifier finds.
    package var degradations: [String]?
    /// Restore although the picture is labelled clean, as the likeliest degradation. Explicit degradations imply it.
    package var force = false
    /// Side of the tiles in pixels, and pixels that neighbours share; nil for what memory suggests.
    package var tile: Int?
    package var overlap: Int?
    /// When the answer is no longer wanted.
    package var deadline: ContinuousClock.Instant?

    package init() {}
}

/// What restoring a picture takes.
package struct WorkEstimate: Sendable, Equatable {
    /// What one tile and its evaluation need of the memory budget, in bytes; taken when its turn comes.
    package var bytes: Int
    /// Bytes that sums of overlapping tiles take from the first tile to the last, beside the budget.
    package var blendingBytes: Int
    /// Beside the work that is there now, from measured step times; nil until one has been measured.
    package var seconds: Double?
    /// The same without any other work.
    package var idleSeconds: Double?

    package init(bytes: Int, blendingBytes: Int = 0, seconds: Double?, idleSeconds: Double?) {
        self.bytes = bytes
        self.blendingBytes = blendingBytes
        self.seconds = seconds
        self.idleSeconds = idleSeconds
    }
}

/// Where a restoration stands.
package enum RestorationProgress: Sendable, Equatable {
    /// Waiting behind this many others.
    case queued(position: Int)
    /// `completed` of `total` evaluations are done; the seconds still needed come from measured step times.
    case running(completed: Int, total: Int, remainingSeconds: Double?)
}

/// A restored picture and how it came to be.
package struct RestorationResult: Sendable {
    package var picture: Picture
    /// The labels treated, in order (one unless the request named several).
    package var degradations: [String]
    /// The classifier's probability of the first treated label.
    package var confidence: Double
    package var seed: UInt64
    package var steps: Int
    package var sampler: SamplerKind
    /// A clean picture that came back as it was.
    package var unchanged: Bool
    package var timing: Timing

    /// Durations of the stages.
    package struct Timing: Sendable {
        package var queue: Duration
        package var classify: Duration
        package var diffuse: Duration

        package init(queue: Duration = .zero, classify: Duration = .zero, diffuse: Duration = .zero) {
            self.queue = queue
            self.classify = classify
            self.diffuse = diffuse
        }
    }

    package init(
        picture: Picture, degradations: [String], confidence: Double, seed: UInt64, steps: Int, sampler: SamplerKind,
        unchanged: Bool, timing: Timing
    ) {
        self.picture = picture
        self.degradations = degradations
        self.confidence = confidence
        self.seed = seed
        self.steps = steps
        self.sampler = sampler
        self.unchanged = unchanged
        self.timing = timing
    }
}

/// Every label with its probability, highest first.
package struct Classification: Sendable, Equatable {
    package struct Entry: Sendable, Equatable {
        package var label: String
        /// 0...1; all entries sum to one.
        package var probability: Double

        package init(label: String, probability: Double) {
            self.label = label
            self.probability = probability
        }
    }

    package var entries: [Entry]

    /// - Precondition: at least one entry.
    package init(entries: [Entry]) {
        precondition(!entries.isEmpty)
        self.entries = entries.sorted { $0.probability > $1.probability }
    }

    package var best: Entry { entries[0] }
}
