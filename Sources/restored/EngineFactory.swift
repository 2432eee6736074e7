import Bundles
import Engine
import Service
import Settings

/// An engine, and what may be asked of it.
struct LoadedEngine: Sendable {
    let engine: any RestorationEngine
    let choices: RestorationChoices
}

/// Loads a bundle and makes the engine that works with it. Takes seconds and blocks its thread.
///
/// - Parameters:
///   - configuration: fitted to this machine.
///   - onSlowEvaluation: told of evaluations that took far longer than others of their kind.
/// - Throws: `CommandFailure`.
func makeEngine(
    bundlePath: String, configuration: Settings.Configuration,
    onSlowEvaluation: (@Sendable (SlowEvaluation) -> Void)? = nil
) throws -> LoadedEngine {
    var settings = RestorerConfiguration()
    settings.workers = configuration.workers
    settings.threadsPerEvaluation = configuration.threads
    settings.memoryBudget = configuration.memoryBudget
    settings.queueLimit = configuration.queueLimit
    settings.onSlowEvaluation = onSlowEvaluation
    do {
        let bundle = try Bundles.Bundle.load(bundlePath)
        return LoadedEngine(
            engine: try Restorer(bundle, configuration: settings), choices: RestorationChoices(bundle))
    } catch {
        let failure = CommandFailure(error)
        throw CommandFailure(failure.status, "the bundle at \(bundlePath) can't be used: \(failure.message)")
    }
}
