package import Compute

/// Samples of one kind and shape that a network advances step by step: the tiles of a picture, say.
package struct Stage: Sendable {
    /// For metrics, logs and errors, and what samples of one bundle must share to be advanced together, with their shape.
    package let name: String
    /// Of its samples, in the stage's own unit; 0 where they have no such shape.
    package let width: Int
    package let height: Int
    package let count: Int
    /// Steps of each sample, at least one.
    package let steps: Int
    /// Bytes that a sample holds from its making to its finishing.
    package let sampleBytes: Int
    /// Bytes of a worker's workspace for one sample's step.
    package let evaluationBytes: Int
    /// Of one sample's step, in pixels of a restoration network's evaluation.
    package let cost: Double
    /// The most samples of one step.
    package let maximumBatch: Int
    /// Whether all stages before it must be finished.
    package let waits: Bool
    /// Whether clients are told of its steps as progress.
    package let isProgress: Bool
    /// Advances samples of this stage and shape, of any pictures, by one step.
    let advance: @Sendable (_ samples: [any StageSample], _ workspace: Workspace) throws -> Void

    /// - Parameter evaluator: does the work.
    package init(
        _ name: String, by evaluator: some StageEvaluator, width: Int = 0, height: Int = 0, count: Int = 1, steps: Int = 1,
        sampleBytes: Int, evaluationBytes: Int, cost: Double, maximumBatch: Int, waits: Bool = false,
        isProgress: Bool = false
    ) {
        self.name = name
        self.width = width
        self.height = height
        self.count = max(0, count)
        self.steps = max(1, steps)
        self.sampleBytes = sampleBytes
        self.evaluationBytes = evaluationBytes
        self.cost = cost.isFinite && cost > 0 ? cost : 1
        self.maximumBatch = max(1, maximumBatch)
        self.waits = waits
        self.isProgress = isProgress
        advance = { samples, workspace in try evaluator.advanceAny(samples, in: workspace) }
    }
}

/// A sample of a stage: between its making and its finishing one thread at a time has it in its hands.
package protocol StageSample: AnyObject {}

/// Takes samples of a stage a step further.
package protocol StageEvaluator: Sendable {
    associatedtype Sample: StageSample

    /// Advances each sample by exactly one step. What comes of a sample must not depend on who shares its batch.
    ///
    /// - Parameter samples: one or more, of one shape, each at any step.
    func advance(_ samples: [Sample], in workspace: Workspace) throws
}

extension StageEvaluator {
    fileprivate func advanceAny(_ samples: [any StageSample], in workspace: Workspace) throws {
        let own = samples.compactMap { $0 as? Sample }
        guard own.count == samples.count else {
            throw RestorationError.internalFault("a sample of another stage among those of \(Self.self)")
        }
        try advance(own, in: workspace)
    }
}
