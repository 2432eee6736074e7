/// A network as the scheduler sees it: something that advances several samples by one step in one call.
///
/// A sample is what lies between two steps, such as a tile of a picture in the middle of its diffusion. It need not be
/// `Sendable`: from the moment it's made until it's handed back the scheduler owns it alone, and at most one thread
/// touches it at a time. What comes out of a sample must depend neither on who shares its batches nor on their order:
/// that is the evaluator's duty.
package protocol StepEvaluator: Sendable {
    associatedtype Sample
    /// What samples must have in common to share an evaluation, such as their height and width.
    associatedtype BatchKey: Hashable & Sendable

    /// The worker is about to begin: what it needs for itself, such as threads of its own, may be made now. Called once,
    /// on the worker's own thread, when all workers have theirs.
    func begin(worker: Int)

    /// The most samples of this key that one evaluation takes; values under one count as one. Called with the
    /// scheduler's lock held: quick, and no call back.
    func maximumBatch(for key: BatchKey) -> Int

    /// What keys have in common that take about as long for the same cost: the network, say. Called with the scheduler's
    /// lock held: quick, and no call back.
    func kind(of key: BatchKey) -> Int

    /// Advances each sample by exactly one step. Blocks; called on a worker thread without any lock held.
    ///
    /// - Parameters:
    ///   - samples: one or more, all outlined with `key`, each at any step.
    ///   - worker: 0 ..< number of workers. No two calls under way share it, so scratch space for each worker needs
    ///     no lock.
    ///   - workspaceBytes: what the worker's scratch space may hold during this evaluation and keep after it.
    /// - Throws: whatever went wrong; every job with a sample in this batch fails with it, and no other.
    func advance(_ samples: [Sample], of key: BatchKey, worker: Int, workspaceBytes: Int) throws

    /// There has been no work for this worker for a while, or others need the memory: whatever is kept for its next
    /// evaluation, such as scratch memory, goes. Called on the worker's own thread, and not again before it has worked.
    func rest(worker: Int)
}

extension StepEvaluator {
    package func begin(worker: Int) {}

    package func kind(of key: BatchKey) -> Int { 0 }
}
