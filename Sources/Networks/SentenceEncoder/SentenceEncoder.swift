package import Checkpoints
package import Compute
import Layers

/// A small BERT that makes a vector of unit length of a sentence (README, "Encoder"): the mean over its tokens.
package struct SentenceEncoder: Sendable {
    package let configuration: SentenceEncoderConfiguration
    private let words: [Float]  // embeddings.word_embeddings
    private let places: [Float]  // embeddings.position_embeddings
    private let types: [Float]  // embeddings.token_type_embeddings
    private let norm: LayerNorm  // embeddings.LayerNorm
    private let layers: [SentenceLayer]  // encoder.layer.n

    static let epsilon: Float = 1e-12

    /// - Throws: `CheckpointError` that names every missing, surplus and mis-shaped tensor.
    package init(
        _ parameters: ParameterReader, configuration: SentenceEncoderConfiguration
    ) throws(CheckpointError) {
        self.configuration = configuration
        let width = configuration.width
        let embeddings = parameters.scope("embeddings")
        words = try embeddings.take("word_embeddings.weight", [configuration.vocabularySize, width])
        places = try embeddings.take("position_embeddings.weight", [configuration.positions, width])
        types = try embeddings.take("token_type_embeddings.weight", [configuration.tokenTypes, width])
        norm = try embeddings.layerNorm("LayerNorm", width: width, epsilon: Self.epsilon)
        layers = try (0..<configuration.layers).map { index throws(CheckpointError) in
            try SentenceLayer(
                parameters.scope("encoder").scope("layer").scope("\(index)"), configuration: configuration)
        }
        // Numbers of positions and the pooler, which sentences don't use.
        embeddings.ignore(prefix: "position_ids")
        parameters.ignore(prefix: "pooler.")
        try parameters.finish()
    }

    /// - Parameters:
    ///   - tokens: of one sentence, at least one, each below `vocabularySize`; those beyond `positions` are left out.
    ///   - observe: told the number of layers done and their result.
    /// - Returns: `width` numbers, of length one.
    package func callAsFunction(
        _ tokens: [Int], observe: ((_ layers: Int, _ result: Tensor) -> Void)? = nil, in workspace: Workspace
    ) -> [Float] {
        var state = norm(embeddings(of: tokens.prefix(configuration.positions), in: workspace), in: workspace)
        observe?(0, state)
        for (index, layer) in layers.enumerated() {
            state = layer(state, in: workspace)
            observe?(index + 1, state)
        }
        var mean = [Double](repeating: 0, count: state.channels)
        for token in 0..<state.pixels {
            for channel in mean.indices { mean[channel] += Double(state.base[token * state.channels + channel]) }
        }
        return mean.map { Float($0 / Double(state.pixels)) }.scaledToUnitLength
    }

    private func embeddings(of tokens: ArraySlice<Int>, in workspace: Workspace) -> Tensor {
        let width = configuration.width
        let result = workspace.tensor(batch: 1, width: tokens.count, channels: width)
        for (place, token) in tokens.enumerated() {
            precondition((0..<configuration.vocabularySize).contains(token))
            for channel in 0..<width {
                result.base[place * width + channel] =
                    words[token * width + channel] + types[channel] + places[place * width + channel]
            }
        }
        return result
    }
}

extension [Float] {
    /// Divided by its length, or by 1e-12 where that is less.
    var scaledToUnitLength: [Float] {
        let length = Swift.max(reduce(0) { $0 + Double($1) * Double($1) }.squareRoot(), 1e-12)
        return map { Float(Double($0) / length) }
    }
}

/// A block whose norms come last: a = norm(x + attention(x)), then norm(a + perceptron(a)).
private struct SentenceLayer: Sendable {
    private let projections: Linear  // attention.self.query, key, value
    private let attention: Attention
    private let leaveAttention: Linear  // attention.output.dense
    private let attentionNorm: LayerNorm  // attention.output.LayerNorm
    private let expand: Linear  // intermediate.dense
    private let contract: Linear  // output.dense
    private let norm: LayerNorm  // output.LayerNorm

    init(_ parameters: ParameterReader, configuration: SentenceEncoderConfiguration) throws(CheckpointError) {
        let (width, inner) = (configuration.width, configuration.innerWidth)
        let names = ["query", "key", "value"].map { "attention.self.\($0)" }
        let weights = try names.map { name throws(CheckpointError) in try parameters.take("\(name).weight", [width, width]) }
        let biases = try names.map { name throws(CheckpointError) in try parameters.take("\(name).bias", [width]) }
        projections = Linear(
            weight: Array(weights.joined()), bias: Array(biases.joined()), inputs: width, outputs: 3 * width)
        attention = Attention(heads: configuration.heads, headWidth: width / configuration.heads)
        leaveAttention = try parameters.linear("attention.output.dense", inputs: width, outputs: width)
        attentionNorm = try parameters.layerNorm(
            "attention.output.LayerNorm", width: width, epsilon: SentenceEncoder.epsilon)
        expand = try parameters.linear("intermediate.dense", inputs: width, outputs: inner)
        contract = try parameters.linear("output.dense", inputs: inner, outputs: width)
        norm = try parameters.layerNorm("output.LayerNorm", width: width, epsilon: SentenceEncoder.epsilon)
    }

    func callAsFunction(_ input: Tensor, in workspace: Workspace) -> Tensor {
        let attended = attention(projections(input, in: workspace), in: workspace)
        let state = attentionNorm(leaveAttention(attended, adding: input, in: workspace), in: workspace)
        let inner = expand(state, activation: .gelu, in: workspace)
        return norm(contract(inner, adding: state, in: workspace), in: workspace)
    }
}
