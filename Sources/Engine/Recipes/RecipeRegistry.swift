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

    /// - Parameter describers: of those kinds that can be told from `bundle.json`; what others offer is known once they
    ///   are loaded.
    package init(_ makers: [String: Maker], describing describers: [String: Describer] = [:]) {
        self.makers = makers
        self.describers = describers
    }

    /// The kinds that the program knows.
    package static let standard: RecipeRegistry = {
        var makers: [String: Maker] = [
            DegradationAwareNetworks.kind: { try DegradationAwareDiffusion($0, engine: $1) },
            PlainNetwork.kind: { try DegradationAwareDiffusion(plain: $0, engine: $1) },
            AutoDIRConfiguration.kind: { try AutoDIR($0, engine: $1) },
        ]
        for kind in SinglePassKind.allCases { makers[kind.rawValue] = { try SinglePass(kind, $0, engine: $1) } }
        return RecipeRegistry(
            makers,
            describing: [
                DegradationAwareNetworks.kind: { try DegradationAwareDiffusion.description(of: $0) },
                PlainNetwork.kind: { try DegradationAwareDiffusion.description(ofPlain: $0) },
                AutoDIRConfiguration.kind: { try AutoDIR.description(of: $0) },
            ])
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

    private func unknownKind(_ manifest: BundleManifest, _ reader: ConfigurationReader) -> BundleError {
        let known = makers.keys.sorted().joined(separator: ", ")
        return .malformed(reader.fault(
            "kind", "expected one of \(known), found \(ConfigurationReader.shown(manifest.kind))"))
    }
}
