package import Bundles
import Checkpoints

/// The kinds of bundles that can be served, each with what makes its recipe. A new kind is a line here.
package struct RecipeRegistry: Sendable {
    /// Builds the networks of a bundle and measures what they need.
    ///
    /// Throws `BundleError` where tensors don't fit.
    package typealias Maker = @Sendable (_ bundle: Bundles.Bundle, _ engine: EngineConfiguration) throws -> any Recipe

    /// What a bundle offers, told from its `bundle.json` alone.
    ///
    /// Throws `BundleError` where that is wrong.
    package typealias Describer = @Sendable (_ outline: BundleOutline) throws -> RecipeDescription

    private let makers: [String: Maker]
    private let describers: [String: Describer]
    private let evaluations: [String: NetworkEvaluation.Reader]

    /// - Parameters:
    ///   - describers: of those kinds that can be told from `bundle.json`; what others offer is known once they are loaded.
    ///   - evaluations: of those kinds that have one network that restores.
    package init(
        _ makers: [String: Maker], describing describers: [String: Describer] = [:],
        measuring evaluations: [String: NetworkEvaluation.Reader] = [:]
    ) {
        self.makers = makers
        self.describers = describers
        self.evaluations = evaluations
    }

    /// The kinds that the program knows.
    package static let standard: RecipeRegistry = {
        var makers: [String: Maker] = [
            DegradationAwareNetworks.kind: { try DegradationAwareDiffusion($0, engine: $1) },
            PlainNetwork.kind: { try DegradationAwareDiffusion(plain: $0, engine: $1) },
            RestorersBundle.kind: { try Restorers($0, engine: $1) },
            AutoDIRConfiguration.kind: { try AutoDIR($0, engine: $1) },
            Guided.kind: { try Guided($0, engine: $1) },
        ]
        for kind in SinglePassKind.allCases { makers[kind.rawValue] = { try SinglePass(kind, $0, engine: $1) } }
        var describers: [String: Describer] = [
            DegradationAwareNetworks.kind: { try DegradationAwareDiffusion.description(of: $0) },
            PlainNetwork.kind: { try DegradationAwareDiffusion.description(ofPlain: $0) },
            RestorersBundle.kind: { try Restorers.description(of: $0) },
            AutoDIRConfiguration.kind: { try AutoDIR.description(of: $0) },
            Guided.kind: { try Guided.description(of: $0) },
        ]
        for kind in SinglePassKind.allCases { describers[kind.rawValue] = { try SinglePass.description(of: $0) } }
        var evaluations: [String: NetworkEvaluation.Reader] = [
            DegradationAwareNetworks.kind: { try .restoration(of: $0, engine: $1) },
            PlainNetwork.kind: { try .restoration(of: $0, engine: $1) },
            AutoDIRConfiguration.kind: { try .diffusion(of: $0, engine: $1) },
            Guided.kind: { try .guided(of: $0, choosing: $1.precision(among:)) },
        ]
        for kind in SinglePassKind.allCases {
            evaluations[kind.rawValue] = { try .singlePass(kind, of: $0, choosing: $1.precision(among:)) }
        }
        return RecipeRegistry(makers, describing: describers, measuring: evaluations)
    }()

    /// The kinds that it knows.
    package var kinds: Set<String> { Set(makers.keys) }

    /// - Throws: `BundleError.malformed` for a kind that is not known, and what building the networks throws.
    package func recipe(for bundle: Bundles.Bundle, engine: EngineConfiguration) throws -> any Recipe {
        guard let maker = makers[bundle.manifest.kind] else { throw unknownKind(bundle.manifest, bundle.configuration) }
        return try maker(bundle, engine)
    }

    /// What a bundle offers, as far as that is known before it is loaded.
    ///
    /// - Throws: `BundleError.malformed` for a kind that is not known, and what reading its configuration throws.
    package func description(of outline: BundleOutline) throws -> RecipeDescription? {
        guard makers[outline.manifest.kind] != nil else { throw unknownKind(outline.manifest, outline.configuration) }
        return try describers[outline.manifest.kind]?(outline)
    }

    /// An evaluation of the network that restores.
    ///
    /// - Throws: `BundleError.malformed` for a kind that has no such network or several, and what reading it throws.
    package func evaluation(of bundle: Bundles.Bundle, engine: EngineConfiguration) throws -> NetworkEvaluation {
        guard let reader = evaluations[bundle.manifest.kind] else {
            let known = evaluations.keys.sorted().joined(separator: ", ")
            let found = ConfigurationReader.shown(bundle.manifest.kind)
            throw BundleError.malformed(bundle.configuration.fault(
                "kind", "expected one of those with one network to measure, \(known), found \(found)"))
        }
        return try reader(bundle, engine)
    }

    private func unknownKind(_ manifest: BundleManifest, _ reader: ConfigurationReader) -> BundleError {
        let known = makers.keys.sorted().joined(separator: ", ")
        return .malformed(reader.fault(
            "kind", "expected one of \(known), found \(ConfigurationReader.shown(manifest.kind))"))
    }
}
