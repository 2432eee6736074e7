package import Checkpoints

/// The sizes of a `SentenceEncoder`: keys as in the `config.json` that comes with a BERT. What is read has been checked: an
/// encoder of these sizes can be built.
package struct SentenceEncoderConfiguration: Sendable, Equatable {
    /// Pieces that the tokenizer knows (`vocab_size`).
    package let vocabularySize: Int
    /// Channels of a token (`hidden_size`).
    package let width: Int
    /// Blocks (`num_hidden_layers`).
    package let layers: Int
    /// `num_attention_heads`
    package let heads: Int
    /// Channels inside a perceptron (`intermediate_size`).
    package let innerWidth: Int
    /// The most tokens of a sentence (`max_position_embeddings`).
    package let positions: Int
    /// Rows of the token types' table, of which the first is used (`type_vocab_size`).
    package let tokenTypes: Int

    /// - Throws: the first value that can't be, with its place.
    package init(_ reader: ConfigurationReader) throws(ConfigurationError) {
        vocabularySize = try reader.size("vocab_size", 4...1_000_000)
        width = try reader.size("hidden_size", 1...4_096)
        layers = try reader.size("num_hidden_layers", 1...48)
        heads = try reader.size("num_attention_heads", 1...64)
        innerWidth = try reader.size("intermediate_size", 1...16_384)
        positions = try reader.size("max_position_embeddings", 2...8_192)
        tokenTypes = try reader.size("type_vocab_size", 1...16, default: 2)
        let epsilon = try reader.number("layer_norm_eps", above: 0, upTo: 1, default: 1e-12)
        guard epsilon == 1e-12 else { throw reader.fault("layer_norm_eps", "expected 1e-12, found \(epsilon)") }
        let activation = try reader.text("hidden_act", upTo: 64, default: "gelu")
        guard activation == "gelu" else {
            throw reader.fault("hidden_act", "expected gelu, found \(ConfigurationReader.shown(activation))")
        }
        guard width.isMultiple(of: heads) else {
            throw reader.fault("hidden_size", "expected a multiple of num_attention_heads, \(heads), found \(width)")
        }
    }
}
