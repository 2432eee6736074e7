package import Checkpoints
package import Compute
import Layers

/// CLIP's text tower (README, "The text tower"): a causal transformer, pooled at the end token.
package struct TextTransformer: Sendable {
    package let configuration: DegradationAwareCLIPConfiguration.Text
    private let embeddings: StoredTensor  // token_embedding.weight
    private let positions: [Float]  // positional_embedding
    private let blocks: [TransformerBlock]  // transformer.resblocks
    private let norm: LayerNorm  // ln_final
    private let projection: Linear?  // text_projection

    init(
        _ parameters: ParameterReader, configuration: DegradationAwareCLIPConfiguration.Text, activation: Activation,
        embeddingWidth: Int
    ) throws(CheckpointError) {
        try self.init(
            parameters, layout: .original, configuration: configuration, activation: activation,
            embeddingWidth: embeddingWidth)
    }

    /// - Parameters:
    ///   - parameters: those of the tower, below which `text_model` stands in Hugging Face's layout.
    ///   - embeddingWidth: nil for a tower without a projection, which has token states and no embedding.
    package init(
        _ parameters: ParameterReader, layout: TowerLayout, configuration: DegradationAwareCLIPConfiguration.Text,
        activation: Activation, embeddingWidth: Int?
    ) throws(CheckpointError) {
        self.configuration = configuration
        let width = configuration.width
        let tower = layout == .original ? parameters : parameters.scope("text_model")
        tower.ignore(prefix: layout == .original ? "attn_mask" : "embeddings.position_ids")
        embeddings = try tower.takeStored(layout.tokens, [configuration.vocabularySize, width])
        positions = try tower.take(layout.positions, [configuration.contextLength, width])
        let row = layout.blocks.reduce(tower) { $0.scope($1) }
        blocks = try row.map(configuration.layers) { index throws(CheckpointError) in
            try TransformerBlock(
                row.scope("\(index)"), width: width, heads: configuration.heads, causal: true, activation: activation,
                layout: layout)
        }
        norm = try tower.layerNorm(layout.textNorm, width: width)
        projection = try embeddingWidth.map { outputs throws(CheckpointError) in
            try layout == .original
                ? tower.projection("text_projection", inputs: width, outputs: outputs)
                : parameters.linear("text_projection", inputs: width, outputs: outputs, bias: false)
        }
    }

    /// Encodes token sequences of the context's length.
    ///
    /// - Parameter sequences: ids in `0..<vocabularySize`; the feature is read where the largest id stands first, which
    ///   is the end token.
    /// - Returns: one embedding a sequence, as tokens of one row, not normalised. The end token's states where there is no
    ///   projection.
    package func callAsFunction(
        _ sequences: [[Int32]], observe: VisionTransformer.Observer? = nil, in workspace: Workspace
    ) -> Tensor {
        embeddings(of: states(sequences, observe: observe, in: workspace), sequences, in: workspace)
    }

    /// The states of all tokens behind the last norm: what steers latent diffusion.
    ///
    /// - Parameters:
    ///   - sequences: as above.
    ///   - visible: of each sequence, how many of its first tokens any token may see: those before the padding. Nil where
    ///     padding is seen as well.
    ///   - layers: how many blocks are run; nil for all.
    /// - Returns: batch x 1 x context length x width.
    package func states(
        _ sequences: [[Int32]], visible: [Int]? = nil, layers: Int? = nil, observe: VisionTransformer.Observer? = nil,
        in workspace: Workspace
    ) -> Tensor {
        let embedded = sequences.map { embeddings(of: $0) }
        return states(embedded: embedded, visible: visible, layers: layers, observe: observe, in: workspace)
    }

    /// What stands for each token of a sequence before its place is told: ids.count x width.
    package func embeddings(of sequence: [Int32]) -> [Float] {
        let width = configuration.width
        return [Float](unsafeUninitializedCapacity: sequence.count * width) { buffer, count in
            if let start = buffer.baseAddress {
                for (position, id) in sequence.enumerated() {
                    embeddings.read(Int(id) * width..<(Int(id) + 1) * width, into: start + position * width)
                }
            }
            count = sequence.count * width
        }
    }

    /// The same as `states` of what stands for tokens, some of which may be no words of the vocabulary.
    ///
    /// - Parameter embedded: of each sequence context length x width numbers.
    package func states(
        embedded: [[Float]], visible: [Int]? = nil, layers: Int? = nil, observe: VisionTransformer.Observer? = nil,
        in workspace: Workspace
    ) -> Tensor {
        let (length, width) = (configuration.contextLength, configuration.width)
        var tokens = workspace.tensor(batch: embedded.count, width: length, channels: width)
        for (index, values) in embedded.enumerated() {
            precondition(values.count == length * width)
            let target = tokens.sample(index)
            for element in 0..<length * width { target[element] = values[element] + positions[element] }
        }
        observe?("embeddings", tokens)
        for (index, block) in blocks.prefix(layers ?? blocks.count).enumerated() {
            tokens = block(tokens, visible: visible, in: workspace)
            observe?("resblock\(index)", tokens)
        }
        let normalised = norm(tokens, in: workspace)
        observe?("ln_final", normalised)
        return normalised
    }

    /// One embedding a sequence of the states of its tokens.
    package func embeddings(of states: Tensor, _ sequences: [[Int32]], in workspace: Workspace) -> Tensor {
        let width = configuration.width
        let ends = workspace.tensor(batch: 1, width: sequences.count, channels: width)
        for (index, sequence) in sequences.enumerated() {
            let end = sequence.indices.max { sequence[$0] < sequence[$1] || (sequence[$0] == sequence[$1] && $0 > $1) }
            (ends.base + index * width).update(from: states.sample(index) + (end ?? 0) * width, count: width)
        }
        return projection.map { $0(ends, in: workspace) } ?? ends
    }
}
