import ArgumentParser
import Bundles
import Engine
import Images
import Scheduling
import Settings
import Threads

/// Which weights a command works with.
struct EngineOptions: ParsableArguments {
    @Option(help: "Weights: a folder, or the name of what was fetched; else RESTORED_BUNDLE, else Weights/mini.")
    var bundle: String?

    /// The settings of the environment, with what was given here, fitted to this machine.
    ///
    /// - Parameter threads: of an evaluation; nil for what the environment or the machine says.
    func configuration(threads: Int? = nil) throws -> Configuration {
        var configuration = try Self.environmentConfiguration()
        if let bundle { configuration.bundle = bundle }
        if let threads { configuration.threads = threads }
        return configuration.fitted(to: .current)
    }

    /// The settings of the environment.
    static func environmentConfiguration() throws -> Configuration {
        do {
            return try Configuration(arguments: [], environment: ProgramArguments.environment)
        } catch {
            throw ValidationError(error.description)
        }
    }

    /// Loads a bundle and makes the engine that works with it, away from Swift's own threads, which must not block.
    ///
    /// - Parameters:
    ///   - configuration: fitted to this machine.
    ///   - pictureMemory: where pictures are booked at their turn.
    ///   - onSlowEvaluation: told of evaluations that took far longer than others of their kind.
    ///   - onFewerThreads: told of a worker that got fewer threads than asked for.
    /// - Throws: `CommandFailure`.
    static func load(
        _ configuration: Configuration, pictureMemory: MemoryBudget, recipes: RecipeRegistry = .standard,
        onSlowEvaluation: (@Sendable (SlowEvaluation) -> Void)? = nil,
        onFewerThreads: (@Sendable (_ wanted: Int, _ got: Int) -> Void)? = nil
    ) async throws -> any RestorationEngine {
        var settings = EngineConfiguration()
        settings.workers = configuration.workers
        settings.threadsPerEvaluation = configuration.threads
        settings.memoryBudget = configuration.memoryBudget
        settings.pictureMemory = pictureMemory
        settings.queueLimit = configuration.queueLimit
        settings.onSlowEvaluation = onSlowEvaluation
        settings.onFewerThreads = onFewerThreads
        return try await WorkerThread.run(name: "load") { [settings] in
            let folder = try BundlePlaces.folder(configuration.bundle, configuration)
            do {
                return try RecipeEngine(
                    Bundles.Bundle.load(folder.textualName()), configuration: settings, recipes: recipes)
            } catch {
                let failure = CommandFailure(error)
                throw CommandFailure(failure.status, "the bundle at \(folder) can't be used: \(failure.message)")
            }
        }
    }
}

/// Decodes and encodes for the commands, on threads that may block.
enum PictureCoding {
    static func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await WorkerThread.run(name: "picture", work)
    }

    /// The picture in a file.
    static func picture(_ path: FilePath, limits: ImageLimits) async throws -> Picture {
        try await run { try ImageDecoder.decode(try InputFile.readPicture(path), limits: limits) }
    }
}
