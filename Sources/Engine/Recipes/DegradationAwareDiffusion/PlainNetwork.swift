package import Bundles
package import Checkpoints
package import RestorationUNet

/// What a bundle of the kind `ir-sde` holds: a restoration network without contexts, for what its labels say by hand, and
/// the diffusion that it steers (IR-SDE; Luo et al., ICML 2023).
package struct PlainNetwork: Sendable {
    package static let kind = "ir-sde"

    package let sections: DiffusionSections
    package let network: ConditionalUNet
    /// Of the network's large products.
    package let precision: Precision

    /// - Parameter choose: picks what the network's large products are computed with from what the card allows.
    /// - Throws: `BundleError` with the place in `bundle.json`, or every missing, surplus and mis-shaped tensor.
    package init(
        _ bundle: Bundle, choosing choose: (Set<Precision>) -> Precision = { _ in .fp32 }
    ) throws(BundleError) {
        sections = try Self.sections(bundle.configuration)
        precision = choose(sections.precisions)
        network = try DegradationAwareNetworks.network(sections.network, bundle, precision)
        try bundle.finish()
    }

    /// - Throws: the first value that can't be, with its place.
    static func sections(_ reader: ConfigurationReader) throws(BundleError) -> DiffusionSections {
        do throws(ConfigurationError) {
            let sections = try DiffusionSections(reader)
            guard sections.network.contextWidth == nil else {
                throw try reader.object("unet").fault(
                    "context_dim", "expected none: a bundle of the kind \(kind) has nothing that tells it a context")
            }
            return sections
        } catch {
            throw .malformed(error)
        }
    }
}
