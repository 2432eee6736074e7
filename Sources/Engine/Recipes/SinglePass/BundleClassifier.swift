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
        guard bundle.configuration.has("classifier") else {
            return bundle.configuration.has("daclip") ? try BundleClassifier(bundle, engine: engine) : nil
        }
        guard !bundle.configuration.has("daclip") else {
            throw BundleError.malformed(bundle.configuration.fault("classifier", "expected either this or daclip, found both"))
        }
        let section = try bundle.section("classifier")
        let name = try reading { () throws(ConfigurationError) in try section.text("bundle", upTo: 64) }
        // A plain name leads to a folder beside this one, and nowhere else.
        guard BundleManifest.isPlain(name) else {
            throw BundleError.malformed(section.fault("bundle", "expected the name of a folder beside this one"))
        }
        return try BundleClassifier(Bundles.Bundle.load(bundle.directory + "/../" + name), engine: engine)
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
