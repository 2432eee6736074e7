import Bundles
import Checkpoints
import Compute
import GuidedRestoration

/// The networks that restore with the help of a reference, by the names that the official option files have for them (`type`).
enum GuidedNetworkKind: String, Sendable, CaseIterable {
    case nafnet = "NAFNetRefFusion"
    case restormer = "RestormerRefFusion"
    case promptIR = "PromptIRRefFusion"

    /// The section of `bundle.json`, as in those files.
    static let section = "network_g"
}

extension Bundles.Bundle {
    /// The network of a bundle's section `network_g`.
    ///
    /// - Parameter choose: picks what its large products are computed with from what the card allows.
    /// - Throws: `BundleError` with the place in `bundle.json`, or every missing, surplus and mis-shaped tensor.
    func guidedNetwork(
        choosing choose: (Set<Precision>) -> Precision
    ) throws -> (network: any GuidedNetwork, precision: Precision) {
        let section = try section(GuidedNetworkKind.section)
        let kind = try reading { () throws(ConfigurationError) in try section.choice(GuidedNetworkKind.self, "type") }
        let precision = choose(try reading { () throws(ConfigurationError) in try section.precisions() })
        return (try guidedNetwork(kind, from: section, precision), precision)
    }

    private func guidedNetwork(
        _ kind: GuidedNetworkKind, from section: ConfigurationReader, _ precision: Precision
    ) throws -> any GuidedNetwork {
        switch kind {
        case .nafnet:
            let sizes = try reading { () throws(ConfigurationError) in try GuidedNAFNetConfiguration(section) }
            return try network(from: section, precision: precision) { parameters throws(CheckpointError) in
                try GuidedNAFNet(parameters, configuration: sizes)
            }
        case .restormer:
            let sizes = try reading { () throws(ConfigurationError) in try GuidedRestormerConfiguration(section) }
            return try network(from: section, precision: precision) { parameters throws(CheckpointError) in
                try GuidedRestormer(parameters, configuration: sizes)
            }
        case .promptIR:
            let sizes = try reading { () throws(ConfigurationError) in try GuidedPromptIRConfiguration(section) }
            return try network(from: section, precision: precision) { parameters throws(CheckpointError) in
                try GuidedPromptIR(parameters, configuration: sizes)
            }
        }
    }
}

extension NetworkEvaluation {
    /// Of a guided network, without the features of its reference.
    static func guided(
        of bundle: Bundles.Bundle, choosing choose: (Set<Precision>) -> Precision
    ) throws -> NetworkEvaluation {
        let (network, precision) = try bundle.guidedNetwork(choosing: choose)
        let features = ReferenceFeatures(blank: network.guidance.configuration, height: 512, width: 512)
        return NetworkEvaluation(precision: precision) { size, batch, workspace in
            let sample = GuidedSample(picture: numbers(size * size * 3), reference: features)
            _ = network(Array(repeating: sample, count: batch), height: size, width: size, observe: nil, in: workspace)
        }
    }
}
