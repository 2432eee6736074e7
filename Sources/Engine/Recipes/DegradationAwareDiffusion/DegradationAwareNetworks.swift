package import Bundles
package import CLIP
package import Checkpoints
package import Diffusion
package import RestorationUNet

/// What a bundle of the kind `daclip-ir-sde` holds: DA-CLIP, the restoration network that it conditions, and the
/// diffusion that the network steers.
package struct DegradationAwareNetworks: Sendable {
    package static let kind = "daclip-ir-sde"
    /// What a checkpoint's logit scale may differ from that of `bundle.json`, as a share.
    private static let logitScaleTolerance = 0.004

    package let configuration: Configuration
    package let encoder: DegradationAwareCLIP
    /// Nil without a text tower.
    package let labelEncoder: LabelEncoder?
    package let network: ConditionalUNet
    /// Of the encoder's large products, and of the restoration network's.
    package let precisions: (encoder: Precision, network: Precision)

    /// Everything that such a `bundle.json` says beyond what all bundles do.
    package struct Configuration: Sendable, Equatable {
        package let sections: DiffusionSections
        /// What cosines are multiplied by before the softmax.
        package let logitScale: Double
        package let encoder: DegradationAwareCLIPConfiguration
        /// What the card allows the encoder.
        package let encoderPrecisions: Set<Precision>

        package var prediction: DiffusionConfiguration.Prediction { sections.prediction }
        package var network: ConditionalUNetConfiguration { sections.network }
        package var networkPrecisions: Set<Precision> { sections.precisions }
        package var diffusion: DiffusionConfiguration { sections.diffusion }
        package var defaults: SamplerDefaults { sections.defaults }

        /// - Throws: the first value that can't be, with its place.
        package init(_ reader: ConfigurationReader) throws(ConfigurationError) {
            sections = try DiffusionSections(reader)
            logitScale = try reader.number("logit_scale", above: 0, upTo: 10_000)
            encoder = try DegradationAwareCLIPConfiguration(reader.object("daclip"))
            encoderPrecisions = try reader.object("daclip").precisions()
            if let width = network.contextWidth, width != encoder.embeddingWidth {
                throw try reader.object("unet").fault(
                    "context_dim", "expected the embeddings' \(encoder.embeddingWidth), found \(width)")
            }
        }
    }

    /// Builds the networks.
    ///
    /// - Parameter choose: picks what a network's large products are computed with from what the card allows.
    /// - Throws: `BundleError` with the place in `bundle.json`, or every missing, surplus and mis-shaped tensor of a file.
    package init(
        _ bundle: Bundle, choosing choose: (Set<Precision>) -> Precision = { _ in .fp32 }
    ) throws(BundleError) {
        let configuration = try Self.configuration(of: bundle)
        precisions = (choose(configuration.encoderPrecisions), choose(configuration.networkPrecisions))
        encoder = try Self.encoder(
            configuration.encoder, logitScale: configuration.logitScale, of: bundle, precision: precisions.encoder)
        labelEncoder = try Self.labelEncoder(encoder.text, bundle)
        network = try Self.network(configuration.network, bundle, precisions.network)
        self.configuration = configuration
        try bundle.finish()
    }

    /// Which labels a converted file's `label_features` are of, in its header: a list in JSON.
    static let labelsKey = "labels"
    static func labelsText(_ labels: [String]) -> String { JSON.line(labels) }

    /// The restoration network alone, also of a bundle without DA-CLIP.
    package static func network(
        of bundle: Bundle, choosing choose: (Set<Precision>) -> Precision = { _ in .fp32 }
    ) throws(BundleError) -> (network: ConditionalUNet, precision: Precision) {
        if bundle.manifest.kind == PlainNetwork.kind {
            let plain = try PlainNetwork(bundle, choosing: choose)
            return (plain.network, plain.precision)
        }
        let configuration = try configuration(of: bundle)
        let precision = choose(configuration.networkPrecisions)
        return (try network(configuration.network, bundle, precision), precision)
    }

    /// What a bundle's card says.
    package static func configuration(of bundle: Bundle) throws(BundleError) -> Configuration {
        guard bundle.manifest.kind == kind else {
            throw .malformed(bundle.configuration.fault(
                "kind", "expected \(kind), found \(ConfigurationReader.shown(bundle.manifest.kind))"))
        }
        do {
            return try Configuration(bundle.configuration)
        } catch {
            throw .malformed(error)
        }
    }

    /// DA-CLIP of a bundle of any kind that has one.
    static func encoder(
        _ configuration: DegradationAwareCLIPConfiguration, logitScale: Double, of bundle: Bundle,
        precision: Precision = .fp32
    ) throws(BundleError) -> DegradationAwareCLIP {
        let labels = bundle.manifest.labels
        guard !labels.isEmpty else { throw .malformed(bundle.configuration.fault("labels", "is needed (a list of texts)")) }
        let encoder = try bundle.network(
            from: bundle.section("daclip"), precision: precision
        ) { parameters throws(CheckpointError) in
            try DegradationAwareCLIP(
                parameters, configuration: configuration, labelCount: labels.count,
                hasLabelFeatures: parameters.metadata[labelsKey] == labelsText(labels))
        }
        // Half-precision checkpoints round the logarithm.
        if let stored = encoder.logitScale.map(Double.init),
            !(abs(stored / logitScale - 1) < logitScaleTolerance) {
            throw .malformed(bundle.configuration.fault(
                "logit_scale", "expected the checkpoint's \(stored), found \(logitScale)"))
        }
        return encoder
    }

    static func network(
        _ configuration: ConditionalUNetConfiguration, _ bundle: Bundle, _ precision: Precision
    ) throws(BundleError) -> ConditionalUNet {
        try bundle.network(
            from: bundle.section("unet"), precision: precision
        ) { parameters throws(CheckpointError) in
            try ConditionalUNet(parameters, configuration: configuration)
        }
    }

    /// `merges` is needed with a text tower, and only with one: left over, it is a key that nobody asked for.
    static func labelEncoder(
        _ tower: TextTransformer?, _ bundle: Bundle
    ) throws(BundleError) -> LabelEncoder? {
        guard let tower else { return nil }
        let (name, bytes) = try bundle.file(of: bundle.section("daclip", "merges"))
        do {
            return try LabelEncoder(merges: bytes.withBytes(in: 0..<bytes.count) { [UInt8]($0) }, tower: tower)
        } catch {
            throw .merges(file: name, reason: error.description)
        }
    }
}
