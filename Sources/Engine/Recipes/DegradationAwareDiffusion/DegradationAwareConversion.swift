import Bundles
import CLIP
import Checkpoints
import Compute

extension DegradationAwareNetworks {
    /// The image encoder under its second name, which nothing reads.
    private static let alias = "visual."
    private static let features = "label_features"

    /// What a bundle of this kind loses and gains where its files are converted: DA-CLIP's image encoder stands in the
    /// published files under two names, and what the text tower makes of the labels is kept beside it.
    ///
    /// - Throws: where the text tower or its merges are unsound.
    static func changes(of bundle: Bundle, threads: Int) throws -> [String: BundleConversion.Change] {
        let section = try bundle.section("daclip")
        let (name, bytes) = try bundle.file(of: section)
        var change = BundleConversion.Change()
        change.leavesOut = { $0.hasPrefix(alias) }
        do {
            let encoder = try DegradationAwareCLIPConfiguration(section)
            if encoder.text != nil {
                let labels = bundle.manifest.labels
                let merges = try bundle.file(of: bundle.section("daclip", "merges")).bytes
                let text = try LabelEncoder(
                    merges: merges.withBytes(in: 0..<merges.count) { [UInt8]($0) },
                    of: ParameterReader(StateDict(bytes)), configuration: encoder)
                let rows = text?.features(of: labels, in: Workspace(threads: threads)) ?? []
                change.adds = [
                    features: StoredTensor(rows.flatMap(\.self), shape: [rows.count, encoder.embeddingWidth])
                ]
                change.metadata = [labelsKey: labelsText(labels)]
            }
        } catch let error as ConfigurationError {
            throw BundleError.malformed(error)
        } catch let error as CheckpointError {
            throw BundleError.checkpoint(file: name, error)
        } catch let error as TokenizerError {
            throw BundleError.merges(file: name, reason: error.description)
        }
        return [name: change]
    }
}
