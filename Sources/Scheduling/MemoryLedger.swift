/// Who holds how much of the memory budget.
///
/// Two sorts of bytes count: those a sample holds as long as it's in flight, and those of the workers' workspaces, which
/// keep what an evaluation took for the next one. The ledger sees to it that every sample in flight can at least be
/// evaluated alone, so that work never locks up, and that the sum never passes the budget, unless a single sample in
/// flight is by itself too big for it.
package struct MemoryLedger: Sendable {
    package enum Verdict: Sendable, Equatable {
        case fits
        /// Samples in flight must finish first.
        case lacksRoomInFlight
        /// Evaluations under way must end first, or idle workers must let go of what they keep.
        case lacksRoomToEvaluate
    }

    /// A worker's memory for activations.
    private struct Workspace {
        /// By the evaluation under way.
        var booked = 0
        var samples = 0
        /// What the worker may keep; never under `booked`.
        var held = 0
    }

    package let budget: Int
    /// What only jobs with nothing in flight may use.
    package let reserve: Int
    package private(set) var bytesInFlight = 0
    package private(set) var samplesInFlight = 0
    private var workspaces: [Workspace]
    /// How many samples in flight have an evaluation of each size.
    private var evaluationSizes: [Int: Int] = [:]

    /// - Parameters:
    ///   - budget: bytes.
    ///   - newcomerShare: part of the budget, 0...1, that only jobs with nothing in flight may use.
    package init(budget: Int, newcomerShare: Double, workers: Int = 1) {
        self.budget = min(max(budget, 0), 1 << 48)
        reserve = Int(Double(self.budget) * min(max(newcomerShare, 0), 1))
        workspaces = Array(repeating: Workspace(), count: max(1, workers))
    }

    /// Bytes that workers hold for evaluations, those under way and those to come.
    package var bytesInWorkspaces: Int { workspaces.reduce(0) { $0 + $1.held } }
    package var bytesHeld: Int { bytesInFlight + bytesInWorkspaces }
    package var samplesEvaluating: Int { workspaces.reduce(0) { $0 + $1.samples } }

    /// Whether a worker that evaluates nothing still keeps memory.
    package var hasIdleWorkspaces: Bool { workspaces.contains { $0.samples == 0 && $0.held > 0 } }

    /// Whether this worker evaluates nothing and still keeps memory.
    package func keepsIdleMemory(_ worker: Int) -> Bool {
        workspaces[worker].samples == 0 && workspaces[worker].held > 0
    }

    /// Whether a sample that isn't in flight may be admitted and evaluated by this worker at once.
    package func verdict<Key>(
        admitting sample: SampleOutline<Key>, isFirstOfJob: Bool, on worker: Int = 0
    ) -> Verdict {
        let inFlight = bytesInFlight + sample.bytes
        if samplesInFlight > 0 {
            let largestEvaluation = max(evaluationSizes.keys.max() ?? 0, sample.evaluationBytes)
            guard inFlight + largestEvaluation <= (isFirstOfJob ? budget : budget - reserve) else {
                return .lacksRoomInFlight
            }
        }
        return verdict(evaluating: sample, beside: inFlight, on: worker)
    }

    /// Whether a sample in flight may be evaluated by this worker now.
    package func verdict<Key>(evaluating sample: SampleOutline<Key>, on worker: Int = 0) -> Verdict {
        verdict(evaluating: sample, beside: bytesInFlight, on: worker)
    }

    private func verdict<Key>(
        evaluating sample: SampleOutline<Key>, beside inFlight: Int, on worker: Int
    ) -> Verdict {
        let others = bytesInWorkspaces - workspaces[worker].held
        let isAlone = samplesEvaluating == 0 && others == 0
        let needed = inFlight + others + workspaces[worker].booked + sample.evaluationBytes
        return isAlone || needed <= budget ? .fits : .lacksRoomToEvaluate
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

    package mutating func beginEvaluation<Key>(of sample: SampleOutline<Key>, on worker: Int = 0) {
        workspaces[worker].samples += 1
        workspaces[worker].booked += sample.evaluationBytes
        workspaces[worker].held = max(workspaces[worker].held, workspaces[worker].booked)
    }

    package mutating func endEvaluation<Key>(of sample: SampleOutline<Key>, on worker: Int = 0) {
        workspaces[worker].samples -= 1
        workspaces[worker].booked -= sample.evaluationBytes
    }

    /// Once a batch is complete: what the worker has to let go of before it begins, so that all stay within the budget.
    ///
    /// - Returns: bytes that its workspace may hold from now on.
    package mutating func fitWorkspace(of worker: Int) -> Int {
        let room = budget - bytesInFlight - (bytesInWorkspaces - workspaces[worker].held)
        workspaces[worker].held = min(workspaces[worker].held, max(workspaces[worker].booked, room))
        return workspaces[worker].held
    }

    /// The worker has let go of what it kept.
    package mutating func emptyWorkspace(of worker: Int) {
        workspaces[worker].held = workspaces[worker].booked
    }
}
