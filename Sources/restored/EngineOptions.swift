import ArgumentParser
import Engine
import FoundationEssentials
import Images
import Scheduling
import Settings
import Threads

/// Which weights a command works with.
struct EngineOptions: ParsableArguments {
    @Option(help: "Folder of the weights; else RESTORED_BUNDLE, else Weights/mini.")
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
            return try Configuration(arguments: [], environment: ProcessInfo.processInfo.environment)
        } catch {
            throw ValidationError(error.description)
        }
    }

    /// - Parameter pictureMemory: where pictures are booked at their turn.
    func engine(
        _ configuration: Configuration, pictureMemory: MemoryBudget, recipes: RecipeRegistry = .standard
    ) async throws -> any RestorationEngine {
        try await Self.load(configuration, pictureMemory: pictureMemory, recipes: recipes)
    }

    /// Loads away from Swift's own threads, which must not block.
    static func load(
        _ configuration: Configuration, pictureMemory: MemoryBudget, recipes: RecipeRegistry = .standard,
        onSlowEvaluation: (@Sendable (SlowEvaluation) -> Void)? = nil,
        onFewerThreads: (@Sendable (_ wanted: Int, _ got: Int) -> Void)? = nil
    ) async throws -> any RestorationEngine {
        try await WorkerThread.run(name: "load") {
            try makeEngine(
                bundlePath: configuration.bundle, configuration: configuration, pictureMemory: pictureMemory,
                recipes: recipes, onSlowEvaluation: onSlowEvaluation, onFewerThreads: onFewerThreads)
        }
    }
}

/// Decodes and encodes for the commands, on threads that may block.
enum PictureCoding {
    static func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await WorkerThread.run(name: "picture", work)
    }

    /// The picture in a file.
    static func picture(_ path: String, limits: ImageLimits) async throws -> Picture {
        try await run { try ImageDecoder.decode(try PictureFile.read(path), limits: limits) }
    }
}
