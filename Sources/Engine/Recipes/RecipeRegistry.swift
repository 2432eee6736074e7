package import Bundles
import Checkpoints

/// The kinds of bundles that can be served, each with what makes its recipe. A new kind is a line here.
package struct RecipeRegistry: Sendable {
    /// Builds the networks of a bundle and measures what they need.
    ///
    /// Throws `BundleError` where tensors don't fit.
    package typealias Maker = @Sendable (_ bundle: Bundles.Bundle, _ engine: EngineConfiguration) throws -> any Recipe

    private let makers: [String: Maker]

    package init(_ makers: [String: Maker]) { self.makers = makers }

    /// The kinds that the program knows.
    package static let standard: RecipeRegistry = {
        var makers: [String: Maker] = [
            DegradationAwareNetworks.kind: { try DegradationAwareDiffusion($0, engine: $1) }
        ]
        for kind in SinglePassKind.allCases { makers[kind.rawValue] = { try SinglePass(kind, $0, engine: $1) } }
        return RecipeRegistry(makers)
    }()

    /// - Throws: `BundleError.malformed` for a kind that is not known, and what building the networks throws.
    package func recipe(for bundle: Bundles.Bundle, engine: EngineConfiguration) throws -> any Recipe {
        guard let maker = makers[bundle.manifest.kind] else {
            let known = makers.keys.sorted().joined(separator: ", ")
            throw BundleError.malformed(bundle.configuration.fault(
                "kind", "expected one of \(known), found \(ConfigurationReader.shown(bundle.manifest.kind))"))
        }
        return try maker(bundle, engine)
    }
}
