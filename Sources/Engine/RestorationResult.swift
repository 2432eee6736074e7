package import Images

/// What restoring a picture takes.
package struct RestorationEstimate: Sendable, Equatable {
    /// What one tile and its evaluation need of the memory budget, in bytes; taken when its turn comes.
    package var bytes: Int
    /// Bytes that sums of overlapping tiles take from the first tile to the last, beside the budget.
    package var blendingBytes: Int
    /// Beside the work there is now, from measured step times; nil until one has been measured.
    package var seconds: Double?
    /// The same on an idle machine.
    package var idleSeconds: Double?

    package init(bytes: Int, blendingBytes: Int = 0, seconds: Double?, idleSeconds: Double? = nil) {
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
    /// One look at the picture and what was done about it.
    package struct Round: Sendable, Equatable {
        /// The label that was treated, or found.
        package var degradation: String
        /// The classifier's probability of it, 0...1; nil where the bundle has no classifier.
        package var confidence: Double?
        /// The bundle's label that is closest to words of the request's own; nil for a label.
        package var nearest: String?

        package init(degradation: String, confidence: Double?, nearest: String? = nil) {
            self.degradation = degradation
            self.confidence = confidence
            self.nearest = nearest
        }
    }

    /// What a diffusion was asked for; recipes without one have none.
    package struct Sampling: Sendable, Equatable {
        package var sampler: String
        /// Network evaluations a tile and round.
        package var steps: Int
        package var seed: UInt64

        package init(sampler: String, steps: Int, seed: UInt64) {
            self.sampler = sampler
            self.steps = steps
            self.seed = seed
        }
    }

    package var picture: Picture
    /// In order: one unless the request named several labels or asked for rounds, none where the recipe names nothing.
    package var rounds: [Round]
    package var sampling: Sampling?
    /// A clean picture that came back as it was, or one whose restoration was withheld.
    package var unchanged: Bool
    /// Why the restoration of what was found was withheld; the picture is unchanged then.
    package var declined: DeclineReason?
    /// How each picture was made, in order; empty where none was, or where the recipe knows no modes.
    package var modes: [RestorationMode]
    /// What each look at the picture said of all that it chose among, in order; none where a recipe tells of its choice only.
    package var verdicts: [Classification] = []
    /// The request's words were longer than what is looked at of them.
    package var promptIsCut = false
    /// What was drawn to restore with the help of; nil where nothing was.
    package var guidance: Picture?
    package var timing: RestorationTiming

    package init(
        picture: Picture, rounds: [Round], sampling: Sampling?, unchanged: Bool, declined: DeclineReason? = nil,
        modes: [RestorationMode] = [], timing: RestorationTiming = RestorationTiming()
    ) {
        self.picture = picture
        self.rounds = rounds
        self.sampling = sampling
        self.unchanged = unchanged
        self.declined = declined
        self.modes = modes
        self.timing = timing
    }

    /// The labels treated, in order.
    package var degradations: [String] { rounds.map(\.degradation) }
    /// The classifier's probability of the first label; nil where nothing was named.
    package var confidence: Double? { rounds.first?.confidence }
    /// The bundle's labels closest to what was treated, in order; nil where that was labels of its own.
    package var nearestLabels: [String]? {
        rounds.contains { $0.nearest != nil } ? rounds.map { $0.nearest ?? $0.degradation } : nil
    }
}

/// Durations of the parts of a picture's work.
package struct RestorationTiming: Sendable {
    /// Until its turn.
    package var queue = Duration.zero
    package var decode = Duration.zero
    /// What the recipe did after that, in its own words and order: `classify` and `diffuse`, say.
    package private(set) var stages: [(name: String, duration: Duration)]

    /// - Parameter names: of the recipe's parts, which nothing has been spent on yet.
    package init(stages names: [String] = []) { stages = names.map { ($0, .zero) } }

    /// The same, and behind its stages those of what came after.
    func followed(by other: RestorationTiming) -> RestorationTiming {
        var whole = other
        whole.stages = stages + other.stages
        return whole
    }

    /// Of a part of the recipe's.
    package subscript(_ name: String) -> Duration {
        get { stages.first { $0.name == name }?.duration ?? .zero }
        set {
            if let index = stages.firstIndex(where: { $0.name == name }) {
                stages[index].duration = newValue
            } else {
                stages.append((name, newValue))
            }
        }
    }
}

/// What a picture was found to be.
package struct ClassificationResult: Sendable {
    package var classification: Classification
    package var timing: RestorationTiming

    package init(_ classification: Classification, timing: RestorationTiming = RestorationTiming()) {
        self.classification = classification
        self.timing = timing
    }
}

/// Every label with its probability, highest first.
package struct Classification: Sendable, Equatable {
    package struct Entry: Sendable, Equatable {
        package var label: String
        /// 0...1; all entries sum to one.
        package var probability: Double
        /// The bundle's own label that is closest; nil where the labels are the bundle's.
        package var nearest: String?

        package init(label: String, probability: Double, nearest: String? = nil) {
            self.label = label
            self.probability = probability
            self.nearest = nearest
        }
    }

    package let entries: [Entry]
    package let best: Entry

    /// - Returns: nil for no entries.
    package init?(entries: [Entry]) {
        self.entries = entries.sorted { $0.probability > $1.probability }
        guard let best = self.entries.first else { return nil }
        self.best = best
    }
}
