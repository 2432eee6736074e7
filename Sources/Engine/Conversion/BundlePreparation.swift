package import Bundles
import Threads

/// Makes of bundles as they are published those that are served, and sees whether they work.
package struct BundlePreparation: BundlePreparing {
    /// What a kind changes in its files.
    ///
    /// Throws `BundleError` where they are unsound.
    package typealias Converter =
        @Sendable (_ bundle: Bundles.Bundle, _ threads: Int) throws -> [String: BundleConversion.Change]

    private let recipes: RecipeRegistry
    private let converters: [String: Converter]
    private let configuration: EngineConfiguration
    private let checks: Bool

    /// The kinds whose files change by more than their form.
    package static let standardConverters: [String: Converter] = {
        let kinds = [DegradationAwareNetworks.kind] + SinglePassKind.allCases.map(\.rawValue)
        let converter: Converter = { bundle, threads in
            guard bundle.configuration.has("daclip") else { return [:] }
            return try DegradationAwareNetworks.changes(of: bundle, threads: threads)
        }
        var converters = Dictionary(uniqueKeysWithValues: kinds.map { ($0, converter) })
        converters[Guided.kind] = { bundle, threads in
            try converter(bundle, threads).merging(DrawnGuidanceFiles.changes(of: bundle)) { $1 }
        }
        converters[AutoDIRConfiguration.kind] = { bundle, _ in try AutoDIRNetworks.changes(of: bundle) }
        return converters
    }()

    /// - Parameters:
    ///   - configuration: what of the machine the work may take.
    ///   - checks: whether a picture is restored with each bundle, and what came is kept beside it.
    package init(
        _ configuration: EngineConfiguration, checks: Bool = true, recipes: RecipeRegistry = .standard,
        converters: [String: Converter] = Self.standardConverters
    ) {
        self.configuration = configuration
        self.checks = checks
        self.recipes = recipes
        self.converters = converters
    }

    package var kinds: Set<String> { recipes.kinds }

    /// Blocks the calling thread, which must be one that may.
    package func prepare(_ original: String, into folder: String) throws {
        do {
            let bundle = try Bundles.Bundle.load(original)
            let changes = try converters[bundle.manifest.kind]?(bundle, configuration.threadsPerEvaluation) ?? [:]
            try BundleConversion(bundle, changes: changes).write(to: folder)
        }
        guard checks, !BundleCheck.isThere(in: folder) else { return }
        try WorkerThread.wait { [configuration, recipes] in
            let engine = try RecipeEngine(
                Bundles.Bundle.load(folder), configuration: configuration, recipes: recipes)
            do {
                try await BundleCheck.write(to: folder, by: engine)
            } catch {
                await engine.stop()
                throw error
            }
            await engine.stop()
        }
    }
}
