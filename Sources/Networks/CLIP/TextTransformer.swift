import Checkpoints
package import Compute
import Layers

/// CLIP's text tower (README, "The text tower"): a causal transformer, pooled at the end token.
package struct TextTransformer: Sendable {
    package let configuration: DegradationAwareCLIPConfiguration.Text
    private let embeddings: StoredTensor  // token_embedding.weight
    private let positions: [Float]  // positional_embedding
    private let blocks: [TransformerBlock]  // transformer.resblocks
    private let norm: LayerNorm  // ln_final
    private let projection: Linear  // text_projection

    init(
        _ parameters: ParameterReader, configuration: DegradationAwareCLIPConfiguration.Text, activation: Activation,
        embeddingWidth: Int
    ) throws(CheckpointError) {
        self.configuration = configuration
        let width = configuration.width
        embeddings = try parameters.takeStored("token_embedding.weight", [configuration.vocabularySize, width])
        positions = try parameters.take("positional_embedding", [configuration.contextLength, width])
        blocks = try parameters.map(configuration.layers) { index throws(CheckpointError) in
            try TransformerBlock(
                parameters.scope("transformer").scope("resblocks").scope("\(index)"), width: width,
                heads: configuration.heads, causal: true, activation: activation)
        }
        norm = try parameters.layerNorm("ln_final", width: width)
        projection = try parameters.projection("text_projection", inputs: width, outputs: embeddingWidth)
    }

    /// Encodes token sequences of the context's length.
    ///
    /// - Parameter sequences: ids in `0..<vocabularySize`; the feature is read where the largest id stands first, which
    ///   is the end token.
    /// - Returns: one embedding a sequence, as tokens of one row, not normalised.
    package func callAsFunction(
        _ sequences: [[Int32]], observe: VisionTransformer.Observer? = nil, in workspace: Workspace
    ) -> Tensor {
        let width = configuration.width
        var tokens = workspace.tensor(batch: sequences.count, width: configuration.contextLength, channels: width)
        for (index, sequence) in sequences.enumerated() {
            precondition(sequence.count == configuration.contextLength)
            for (position, id) in sequence.enumerated() {
                let row = Int(id) * width
                let target = tokens.sample(index) + position * width
                embeddings.read(row..<row + width, into: target)
                for channel in 0..<width { target[channel] += positions[position * width + channel] }
            }
        }
        for (index, block) in blocks.enumerated() {
            tokens = block(tokens, in: workspace)
            observe?("resblock\(index)", tokens)
        }
        let normalised = norm(tokens, in: workspace)
        observe?("ln_final", normalised)
        let ends = workspace.tensor(batch: 1, width: sequences.count, channels: width)
        for (index, sequence) in sequences.enumerated() {
            let end = sequence.indices.max { sequence[$0] < sequence[$1] || (sequence[$0] == sequence[$1] && $0 > $1) }
            (ends.base + index * width).update(from: normalised.sample(index) + (end ?? 0) * width, count: width)
        }
        return projection(ends, in: workspace)
    }
}
