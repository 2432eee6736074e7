import Bundles
import CLIP
import Checkpoints
import Compute

/// What tells a bundle's recipe what is wrong with a picture: its own DA-CLIP, or that of a bundle beside it, for networks that
/// come without one.
///
///     "daclip": {...}, "logit_scale": 100            its own
///     "classifier": {"bundle": "mini"}               of the folder mini beside this bundle's, with that one's labels
struct BundleClassifier: Sendable {
    let look: Look
    /// Nil without a text tower.
    let words: WordEncoder?
    let labels: [String]
    /// Length of the embeddings.
    let width: Int

    /// - Returns: nil where the bundle has none.
    static func read(_ bundle: Bundles.Bundle, engine: EngineConfiguration) throws -> BundleClassifier? {
        guard let section = try borrowed(in: bundle.configuration) else {
            return bundle.configuration.has("daclip") ? try BundleClassifier(bundle, engine: engine) : nil
        }
        return try BundleClassifier(bundle.neighbour(of: section), engine: engine)
    }

    /// What is known of it before it is loaded.
    struct Outline {
        let labels: [String]
        let takesOwnLabels: Bool
    }

    /// - Returns: nil where the bundle has none.
    static func outline(of bundle: BundleOutline) throws(BundleError) -> Outline? {
        guard let section = try borrowed(in: bundle.configuration) else {
            return bundle.configuration.has("daclip") ? try outline(ofOwner: bundle) : nil
        }
        return try outline(ofOwner: bundle.neighbour(of: section))
    }

    private static func outline(ofOwner bundle: BundleOutline) throws(BundleError) -> Outline {
        let encoder = try reading { () throws(ConfigurationError) in
            try DegradationAwareCLIPConfiguration(bundle.configuration.object("daclip"))
        }
        return Outline(labels: bundle.manifest.labels, takesOwnLabels: encoder.text != nil)
    }

    /// The object that names the bundle whose classifier is used; nil without one.
    private static func borrowed(in configuration: ConfigurationReader) throws(BundleError) -> ConfigurationReader? {
        guard configuration.has("classifier") else { return nil }
        guard !configuration.has("daclip") else {
            throw .malformed(configuration.fault("classifier", "expected either this or daclip, found both"))
        }
        return try reading { () throws(ConfigurationError) in try configuration.object("classifier") }
    }

    /// That of a diffusion; nil where it has none.
    init?(_ diffusion: DegradationAwareDiffusion) {
        guard let look = diffusion.look, let width = diffusion.embeddingWidth else { return nil }
        self.look = look
        self.width = width
        words = diffusion.words
        labels = diffusion.description.labels
    }

    /// - Throws: `BundleError` where tensors don't fit, `RestorationError` where labels have no features.
    private init(_ bundle: Bundles.Bundle, engine: EngineConfiguration) throws {
        labels = bundle.manifest.labels
        let (labels, section) = (labels, try bundle.section("daclip"))
        let configuration = try reading { () throws(ConfigurationError) in try DegradationAwareCLIPConfiguration(section) }
        let scale = try reading { () throws(ConfigurationError) in
            try bundle.configuration.number("logit_scale", above: 0, upTo: 10_000)
        }
        let encoder = try DegradationAwareNetworks.encoder(configuration, logitScale: scale, of: bundle)
        let labelEncoder = try DegradationAwareNetworks.labelEncoder(encoder.text, bundle)
        guard
            let features = encoder.storedLabelFeatures
                ?? labelEncoder?.features(of: labels, in: Workspace(threads: engine.threadsPerEvaluation))
        else { throw RestorationError.internalFault("the bundle has neither label features nor a text tower") }
        let look = Look(
            encoder, classifier: ZeroShotClassifier(labels: labels, features: features, logitScale: Float(scale)),
            maximumBatch: engine.maximumBatch, sharedBy: bundle.loop)
        self.look = look
        words = labelEncoder.map { WordEncoder($0, cost: look.labelCost, maximumBatch: engine.maximumBatch) }
        width = configuration.embeddingWidth
    }
}

/// Reads of a configuration, for which a fault is one of the bundle.
func reading<Value>(_ read: () throws(ConfigurationError) -> Value) throws(BundleError) -> Value {
    do {
        return try read()
    } catch {
        throw .malformed(error)
    }
}
