import Checkpoints
import Compute
import Layers

/// A pre-norm block of CLIP's transformers: `x += attn(ln_1 x)`, `x += c_proj(activation(c_fc(ln_2 x)))`.
struct TransformerBlock: Sendable {
    private let norm: LayerNorm  // ln_1
    private let projections: Linear  // attn.in_proj_weight, attn.in_proj_bias
    private let attention: Attention
    private let output: Linear  // attn.out_proj
    private let feedForward: FeedForward  // ln_2, mlp.c_fc, mlp.c_proj

    init(
        _ parameters: ParameterReader, width: Int, heads: Int, causal: Bool, activation: Activation,
        layout: TowerLayout = .original
    ) throws(CheckpointError) {
        norm = try parameters.layerNorm(layout.firstNorm, width: width)
        projections = try Self.projections(parameters, width: width, layout: layout)
        attention = Attention(heads: heads, headWidth: width / heads, causal: causal, precision: parameters.precision)
        output = try parameters.linear(layout.attentionOutput, inputs: width, outputs: width)
        feedForward = try FeedForward(
            norm: parameters.layerNorm(layout.secondNorm, width: width),
            expand: parameters.linear(layout.expand, inputs: width, outputs: 4 * width),
            contract: parameters.linear(layout.contract, inputs: 4 * width, outputs: width),
            middle: .activation(activation))
    }

    /// Queries, keys and values, in one matrix or three.
    private static func projections(
        _ parameters: ParameterReader, width: Int, layout: TowerLayout
    ) throws(CheckpointError) -> Linear {
        switch layout {
        case .original:
            return try Linear(
                weight: WeightMatrix([parameters.takeStored("attn.in_proj_weight", [3 * width, width])]),
                bias: parameters.take("attn.in_proj_bias", [3 * width]), inputs: width, outputs: 3 * width,
                precision: parameters.precision)
        case .huggingFace:
            let names = ["q_proj", "k_proj", "v_proj"].map { "self_attn.\($0)" }
            let biases = try names.map { name throws(CheckpointError) in try parameters.take("\(name).bias", [width]) }
            return try parameters.linear(names, inputs: width, outputs: width, bias: biases.flatMap(\.self))
        }
    }

    /// - Parameter visible: of each sequence, how many of its first tokens any may see; nil for all.
    func callAsFunction(_ tokens: Tensor, visible: [Int]? = nil, in workspace: Workspace) -> Tensor {
        let attended = attention(
            projections(tokens, norm: norm, in: workspace), visible: visible, in: workspace)
        return feedForward(output(attended, adding: tokens, in: workspace), in: workspace)
    }
}
