/// Who holds how much of the memory budget.
///
/// Two sorts of bytes count: those a sample holds as long as it's in flight, and those of its evaluation. The ledger
/// sees to it that every sample in flight can at least be evaluated alone, so that work never locks up, and that the
/// sum never passes the budget, unless a single sample in flight is by itself too big for it.
package struct MemoryLedger: Sendable {
    package enum Verdict: Sendable, Equatable {
        case fits
        /// Samples in flight must finish first.
        case lacksRoomInFlight
        /// Evaluations under way must end first.
        case lacksRoomToEvaluate
    }

    package let budget: Int
    /// What only jobs with nothing in flight may use.
    package let reserve: Int
    package private(set) var bytesInFlight = 0
    package private(set) var bytesEvaluating = 0
    package private(set) var samplesInFlight = 0
    package private(set) var samplesEvaluating = 0
    /// How many samples in flight have an evaluation of each size.
    private var evaluationSizes: [Int: Int] = [:]

    package init(budget: Int, newcomerShare: Double) {
        self.budget = min(max(budget, 0), 1 << 48)
        reserve = Int(Double(self.budget) * min(max(newcomerShare, 0), 1))
    }

    package var bytesHeld: Int { bytesInFlight + bytesEvaluating }

    /// Whether a sample that isn't in flight may be admitted and evaluated at once.
    package func verdict<Key>(admitting sample: SampleOutline<Key>, isFirstOfJob: Bool) -> Verdict {
        guard samplesInFlight > 0 else { return .fits }
        let inFlight = bytesInFlight + sample.bytes
        let largestEvaluation = max(evaluationSizes.keys.max() ?? 0, sample.evaluationBytes)
        guard inFlight + largestEvaluation <= (isFirstOfJob ? budget : budget - reserve) else {
            return .lacksRoomInFlight
        }
        return inFlight + bytesEvaluating + sample.evaluationBytes <= budget ? .fits : .lacksRoomToEvaluate
    }

    /// Whether a sample in flight may be evaluated now.
    package func verdict<Key>(evaluating sample: SampleOutline<Key>) -> Verdict {
        guard samplesEvaluating > 0 else { return .fits }
        return bytesHeld + sample.evaluationBytes <= budget ? .fits : .lacksRoomToEvaluate
    }

    package mutating func admit<Key>(_ sample: SampleOutline<Key>) {
        samplesInFlight += 1
        bytesInFlight += sample.bytes
        evaluationSizes[sample.evaluationBytes, default: 0] += 1
    }

    package mutating func retire<Key>(_ sample: SampleOutline<Key>) {
        samplesInFlight -= 1
        bytesInFlight -= sample.bytes
        let left = evaluationSizes[sample.evaluationBytes, default: 1] - 1
        evaluationSizes[sample.evaluationBytes] = left > 0 ? left : nil
    }

    package mutating func beginEvaluation<Key>(of sample: SampleOutline<Key>) {
        samplesEvaluating += 1
        bytesEvaluating += sample.evaluationBytes
    }

    package mutating func endEvaluation<Key>(of sample: SampleOutline<Key>) {
        samplesEvaluating -= 1
        bytesEvaluating -= sample.evaluationBytes
    }
}
