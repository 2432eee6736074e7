package import Checkpoints
package import Compute

/// The sizes of a `PairedTowers`: keys as in Hugging Face's `config.json` of a CLIP. What is read has been checked: towers of
/// these sizes can be built.
package struct PairedTowersConfiguration: Sendable, Equatable {
    /// Length of the embeddings (`projection_dim`).
    package let embeddingWidth: Int
    package let activation: Activation
    package let vision: DegradationAwareCLIPConfiguration.Vision
    package let text: DegradationAwareCLIPConfiguration.Text

    private enum Name: String, CaseIterable {
        case quick_gelu, gelu
    }

    /// - Throws: the first value that can't be, with its place.
    package init(_ reader: ConfigurationReader) throws(ConfigurationError) {
        try self.init(reader, text: reader.object("text_config"), vision: reader.object("vision_config"))
    }

    /// - Parameters:
    ///   - reader: what both towers have in common.
    ///   - text: the text tower's own; likewise `vision`.
    package init(
        _ reader: ConfigurationReader, text: ConfigurationReader, vision: ConfigurationReader
    ) throws(ConfigurationError) {
        embeddingWidth = try reader.size("projection_dim", 1...8_192)
        activation = try reader.choice(Name.self, "hidden_act", default: .quick_gelu) == .gelu ? .gelu : .quickGELU
        // All of them have this one.
        _ = try reader.number("layer_norm_eps", above: 0.9e-5, upTo: 1.1e-5, default: 1e-5)
        let words = try Self.tower(text)
        self.text = .init(
            contextLength: try reader.size("context_length", 3...1_024, default: 77),
            vocabularySize: try reader.size(
                "vocab_size", BytePairTokenizer.supportedVocabularySizes,
                default: BytePairTokenizer.publishedVocabularySize),
            width: words.width, heads: words.heads, layers: words.layers)
        let pictures = try Self.tower(vision)
        let side = try vision.size("image_size", 1...1_024)
        let patch = try vision.size("patch_size", 1...1_024)
        guard side.isMultiple(of: patch) else {
            throw vision.fault("patch_size", "\(patch) doesn't divide the image size \(side)")
        }
        self.vision = .init(
            imageSize: side, layers: pictures.layers, width: pictures.width, patchSize: patch,
            headWidth: pictures.width / pictures.heads)
    }

    private static func tower(
        _ reader: ConfigurationReader
    ) throws(ConfigurationError) -> (width: Int, heads: Int, layers: Int) {
        let width = try reader.size("hidden_size", 1...8_192)
        let heads = try reader.size("num_attention_heads", 1...1_024)
        let layers = try reader.size("num_hidden_layers", 1...64)
        guard width.isMultiple(of: heads) else {
            throw reader.fault("num_attention_heads", "\(heads) don't divide the width \(width)")
        }
        _ = try reader.size("intermediate_size", 4 * width...4 * width, default: 4 * width)
        return (width, heads, layers)
    }
}
