package import Checkpoints
package import Compute

/// The text side of zero-shot classification: a label's words as a feature that picture embeddings are compared with.
package struct LabelEncoder: Sendable {
    private let tokenizer: BytePairTokenizer
    private let tower: TextTransformer

    /// - Parameter merges: of the tower's vocabulary, as they are in their file.
    /// - Throws: where they are unsound, or too few.
    package init(merges: [UInt8], tower: TextTransformer) throws(TokenizerError) {
        tokenizer = try BytePairTokenizer(merges: merges, vocabularySize: tower.configuration.vocabularySize)
        self.tower = tower
    }

    /// The text side of a DA-CLIP's checkpoint alone; nil where it has none.
    ///
    /// - Throws: `CheckpointError` that names every missing and mis-shaped tensor of the text tower, or `TokenizerError`.
    package init?(
        merges: [UInt8], of checkpoint: ParameterReader, configuration: DegradationAwareCLIPConfiguration
    ) throws {
        guard let text = configuration.text else { return nil }
        let clip = checkpoint.scope("clip")
        clip.ignore(prefix: "visual.")
        clip.ignore(prefix: "logit_scale")
        let tower = try TextTransformer(
            clip, configuration: text, activation: configuration.activation, embeddingWidth: configuration.embeddingWidth)
        try clip.finish()
        try self.init(merges: merges, tower: tower)
    }

    /// The features of labels, each independent of the others; not normalised.
    package func features(of labels: [String], in workspace: Workspace) -> [[Float]] {
        guard !labels.isEmpty else { return [] }
        let length = tower.configuration.contextLength
        let features = tower(labels.map { tokenizer.tokens(for: $0, contextLength: length) }, in: workspace)
        return labels.indices.map { Array(features.values[$0 * features.channels..<($0 + 1) * features.channels]) }
    }
}
