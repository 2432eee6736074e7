import ArgumentParser
import Bundles
import Checkpoints
import Engine
import Images
import Scheduling
import Settings
import Threads

/// The setting `precision` as an option of commands.
enum PrecisionChoice: String, ExpressibleByArgument, CaseIterable {
    case auto, fp32, bf16
}

/// Which weights a command works with, and how.
struct EngineOptions: ParsableArguments {
    @Option(help: "Weights: a folder or a name; else the first of RESTORED_BUNDLE, else Weights/mini.")
    var bundle: String?

    @Option(help: "Of the large products; else RESTORED_PRECISION, else auto: the fastest that the bundle's card allows.")
    var precision: PrecisionChoice?

    /// The settings of the environment, with what was given here, fitted to this machine.
    ///
    /// - Parameter threads: of an evaluation; nil for what the environment or the machine says.
    func configuration(threads: Int? = nil) throws -> Configuration {
        var configuration = try Self.environmentConfiguration()
        if let bundle { configuration.bundles = [Self.place(of: bundle, configuration)] }
        if let precision { configuration.precision = precision.rawValue }
        if let threads { configuration.threads = threads }
        return configuration.fitted(to: .current)
    }

    /// A folder, or a name of what was fetched, as it is; else the folder of that one of the environment's bundles whose name
    /// it is.
    private static func place(of bundle: String, _ configuration: Configuration) -> String {
        guard (try? BundlePlaces.folder(bundle, configuration)) == nil else { return bundle }
        let folder = (try? ServedBundles.folders(configuration))?.first { folder in
            (try? Bundles.Bundle.manifest(in: folder.textualName()))?.name == bundle
        }
        return folder.map { EscapedBytes.text($0.bytes) } ?? bundle
    }

    /// The settings of the environment.
    static func environmentConfiguration() throws -> Configuration {
        do {
            return try Configuration(arguments: [], environment: ProgramArguments.environment)
        } catch {
            throw ValidationError(error.description)
        }
    }

    /// Loads the first bundle and makes the engine that works with it, away from Swift's own threads, which must not block.
    ///
    /// - Parameters:
    ///   - configuration: fitted to this machine.
    ///   - pictureMemory: where pictures are booked at their turn.
    /// - Throws: `CommandFailure`.
    static func load(
        _ configuration: Configuration, pictureMemory: MemoryBudget, recipes: RecipeRegistry = .standard
    ) async throws -> any RestorationEngine {
        let settings = configuration.engine(pictureMemory: pictureMemory)
        return try await WorkerThread.run(name: "load") { [settings] in
            let folder = try ServedBundles.folders(configuration)[0]
            do {
                let pool = JobPool(size: settings.workers * settings.threadsPerEvaluation)
                let bundle = try Bundles.Bundle.load(folder.textualName()) { pool.run($0, $1) }
                return try RecipeEngine(bundle, configuration: settings, recipes: recipes)
            } catch {
                throw ServedBundles.failure(error, folder: folder)
            }
        }
    }
}

extension Configuration {
    /// What of this concerns engines.
    func engine(pictureMemory: MemoryBudget) -> EngineConfiguration {
        var engine = EngineConfiguration()
        engine.workers = workers
        engine.threadsPerEvaluation = threads
        engine.memoryBudget = memoryBudget
        engine.pictureMemory = pictureMemory
        engine.queueLimit = queueLimit
        engine.precision = Precision(rawValue: precision)
        return engine
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
