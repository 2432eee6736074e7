import Bundles
import Checkpoints
import Engine
import Settings

/// Where bundles are, by the settings.
enum BundlePlaces {
    /// The folder of fetched weights; nil where nothing says where the user's files are.
    static func weights(_ configuration: Configuration) throws(SystemFault) -> WeightsFolder? {
        guard let folder = WeightsFolder(setting: configuration.weights, environment: ProgramArguments.environment)
        else { return nil }
        let path = FilePath(escaped: folder.path)
        // One that isn't there, and has no name in text either, has no bundles.
        guard try FileStatus.following(path) != nil else { return WeightsFolder(path: path.text) }
        return WeightsFolder(path: try path.textualName())
    }

    /// The same, for who wants to change it.
    ///
    /// - Throws: `CommandFailure` where there is none.
    static func weightsToChange(_ configuration: Configuration) throws(CommandFailure) -> WeightsFolder {
        do {
            if let weights = try weights(configuration) { return weights }
        } catch {
            throw CommandFailure(.inputOutput, error.reason)
        }
        throw CommandFailure(.usage, "no folder of weights is known: give --weights FOLDER, or set RESTORED_WEIGHTS or HOME")
    }

    /// The folder that a bundle's name or path leads to.
    ///
    /// - Throws: `CommandFailure`: no input.
    static func folder(_ bundle: String, _ configuration: Configuration) throws(CommandFailure) -> FilePath {
        do {
            return FilePath(escaped: try WeightsFolder.resolve(bundle, in: try weights(configuration)))
        } catch {
            throw CommandFailure(error)
        }
    }

    /// What can be fetched, by the settings.
    static func catalogue(_ configuration: Configuration) throws -> Catalogue {
        guard !configuration.catalogue.isEmpty else { return try .builtIn() }
        let file = FilePath(escaped: configuration.catalogue)
        do {
            return try Catalogue(contentsOf: file.textualName())
        } catch let fault as SystemFault {
            throw CommandFailure(.noInput, "\(file): \(fault.reason)")
        }
    }

    /// How to fetch, by the settings and the environment.
    static func fetchOptions(_ configuration: Configuration) throws -> FetchOptions {
        var options = FetchOptions()
        options.network = try NetworkOptions(environment: ProgramArguments.environment)
        options.mirror = configuration.mirror.isEmpty ? nil : try WebAddress(configuration.mirror)
        return options
    }

    /// The fetch of a bundle, as `weights fetch NAME` does it.
    ///
    /// - Throws: `FetchError` for a name that the catalogue hasn't, `CommandFailure` where there is no place for it.
    static func fetch(_ name: String, _ configuration: Configuration) throws -> BundleFetch {
        BundleFetch(
            try catalogue(configuration).entry(name), into: try weightsToChange(configuration),
            options: try fetchOptions(configuration), preparation: preparation(configuration))
    }

    /// What makes bundles ready, with this machine's processors and memory.
    static func preparation(_ configuration: Configuration, checks: Bool = true) -> BundlePreparation {
        BundlePreparation(engine(configuration), checks: checks)
    }

    /// For one picture at a time.
    static func engine(_ configuration: Configuration) -> EngineConfiguration {
        let fitted = configuration.fitted(to: .current)
        var engine = EngineConfiguration()
        engine.threadsPerEvaluation = fitted.workers * fitted.threads
        engine.memoryBudget = fitted.memoryBudget
        engine.precision = Precision(rawValue: configuration.precision)
        return engine
    }
}
