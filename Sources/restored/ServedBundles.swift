import Bundles
import Engine
import Scheduling
import Service
import Settings
import Threads

/// The bundles that a service offers, by its settings.
enum ServedBundles {
    /// The folders of all bundles, the default one first. Blocks.
    ///
    /// - Parameter former: those that there were before.
    /// - Throws: `CommandFailure`; also where a folder had bundles and has none.
    static func folders(_ configuration: Configuration, after former: [String] = []) throws -> [FilePath] {
        try configuration.bundles.flatMap { bundle in
            let path = try BundlePlaces.folder(bundle, configuration)
            do {
                return try BundleFolders.bundles(in: folder(path, after: former), after: former).map { FilePath($0) }
            } catch {
                throw failure(error, folder: path)
            }
        }
    }

    /// A folder's name in text. One that was there a moment ago still has it.
    private static func folder(_ path: FilePath, after former: [String]) throws -> String {
        let wasThere = former.contains { $0.hasPrefix(path.text) }
        guard wasThere, (try? path.textualName()) == nil else { return try path.textualName() }
        return path.text
    }

    /// A library of the bundles; none is loaded yet. Blocks.
    ///
    /// - Parameters:
    ///   - configuration: fitted to this machine.
    ///   - engine: how much of the machine all of them together may take.
    /// - Throws: `CommandFailure`.
    static func library(
        _ configuration: Configuration, engine: EngineConfiguration, log: ServiceLog
    ) throws -> BundleLibrary {
        let listings = try listings(configuration)
        // A broken one has no name but that of its folder, which is another's where that one says so.
        let names = listings.filter(\.isSound).map(\.name)
        if let twice = names.first(where: { name in names.count { $0 == name } > 1 }) {
            let folders = listings.filter { $0.isSound && $0.name == twice }.map(\.folder).joined(separator: " and ")
            throw CommandFailure(.usage, "two bundles are called \(twice): \(folders)")
        }
        let workers = try RecipeWorkers(engine)
        return BundleLibrary(
            listings, limit: configuration.weightsLimit, waitingLimit: configuration.queueLimit,
            load: { workers.load }, onEvent: { log.note($0) }, loader: RecipeEngine.loader(on: workers))
    }

    /// - Parameter former: the folders of the bundles that there were before.
    static func listings(_ configuration: Configuration, after former: [String] = []) throws -> [BundleListing] {
        try folders(configuration, after: former).map { BundleListing(folder: try $0.textualName()) }
    }

    /// Loads the default bundle. Where that can't be used and there are others, the first of them that can is enough for a
    /// start: requests that name no bundle are then refused.
    ///
    /// - Throws: `CommandFailure` where no bundle can be used.
    static func loadFirst(of library: BundleLibrary) async throws {
        for status in library.statuses {
            do {
                _ = try await library.engine(named: status.name)
                return
            } catch .brokenBundle {
                continue
            } catch {
                throw CommandFailure(error)
            }
        }
        guard let broken = library.statuses.first, let fault = broken.fault else {
            throw CommandFailure(.noInput, "there is no bundle")
        }
        throw failure(fault.cause ?? RestorationError.brokenBundle(broken.name, reason: fault.description), folder: FilePath(broken.folder))
    }

    static func failure(_ error: any Error, folder: FilePath) -> CommandFailure {
        let failure = CommandFailure(error)
        return CommandFailure(failure.status, "the bundle at \(folder) can't be used: \(failure.message)")
    }
}
