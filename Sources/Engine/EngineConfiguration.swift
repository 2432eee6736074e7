package import Checkpoints
import Compute
package import Scheduling

/// How much of the machine an engine may take.
package struct EngineConfiguration: Sendable {
    /// Evaluations that run at the same time.
    package var workers = 1
    /// Threads that share one evaluation.
    package var threadsPerEvaluation = 1
    /// Working memory beyond the weights, in bytes, that all restorations together may hold. A picture that would
    /// need more than a worker's share of it is restored in tiles.
    package var memoryBudget = 4 << 30
    /// The memory that pictures are booked in: those that wait for some go on when it is given back. Nil where nobody
    /// bounds pictures.
    package var pictureMemory: MemoryBudget?
    /// Restorations that may wait.
    package var queueLimit = 64
    /// Samples of one shape that share an evaluation.
    package var maximumBatch = 8
    /// Of the networks' large products; nil for the fastest here that the bundle's card allows each of them.
    package var precision: Precision?
    /// Told, on a thread that computes, of evaluations that took far longer than others of their kind.
    package var onSlowEvaluation: (@Sendable (SlowEvaluation) -> Void)?
    /// Told, for each worker on its own thread, where the system gave its evaluations fewer threads than asked for.
    package var onFewerThreads: (@Sendable (_ wanted: Int, _ got: Int) -> Void)?

    package init() {}

    /// What a network's products are computed with on this machine: fp32 where it has no instructions for another choice.
    ///
    /// - Parameter allowed: by the bundle's card.
    package func precision(among allowed: Set<Precision>) -> Precision {
        let wanted = precision ?? (allowed.contains(.bf16) ? .bf16 : .fp32)
        return wanted == .bf16 && Workspace.multipliesPairs ? .bf16 : .fp32
    }

    /// What one worker may hold of the working memory.
    package var memoryPerWorker: Int { memoryBudget / max(1, workers) }
}
