import Bundles
import Engine
import Scheduling
import Settings

/// Loads a bundle and makes the engine that works with it. Takes seconds and blocks its thread.
///
/// - Parameters:
///   - configuration: fitted to this machine.
///   - pictureMemory: where pictures are booked at their turn.
///   - onSlowEvaluation: told of evaluations that took far longer than others of their kind.
///   - onFewerThreads: told of a worker that got fewer threads than asked for.
/// - Throws: `CommandFailure`.
func makeEngine(
    bundlePath: String, configuration: Settings.Configuration, pictureMemory: MemoryBudget,
    recipes: RecipeRegistry = .standard,
    onSlowEvaluation: (@Sendable (SlowEvaluation) -> Void)? = nil,
    onFewerThreads: (@Sendable (_ wanted: Int, _ got: Int) -> Void)? = nil
) throws -> any RestorationEngine {
    var settings = EngineConfiguration()
    settings.workers = configuration.workers
    settings.threadsPerEvaluation = configuration.threads
    settings.memoryBudget = configuration.memoryBudget
    settings.pictureMemory = pictureMemory
    settings.queueLimit = configuration.queueLimit
    settings.onSlowEvaluation = onSlowEvaluation
    settings.onFewerThreads = onFewerThreads
    do {
        return try RecipeEngine(Bundles.Bundle.load(bundlePath), configuration: settings, recipes: recipes)
    } catch {
        let failure = CommandFailure(error)
        throw CommandFailure(failure.status, "the bundle at \(bundlePath) can't be used: \(failure.message)")
    }
}
