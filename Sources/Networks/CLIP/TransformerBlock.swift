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
        _ parameters: ParameterReader, width: Int, heads: Int, causal: Bool, activation: Activation
    ) throws(CheckpointError) {
        norm = try parameters.layerNorm("ln_1", width: width)
        projections = try Linear(
            weight: WeightMatrix([parameters.takeStored("attn.in_proj_weight", [3 * width, width])]),
            bias: parameters.take("attn.in_proj_bias", [3 * width]), inputs: width, outputs: 3 * width,
            precision: parameters.precision)
        attention = Attention(heads: heads, headWidth: width / heads, causal: causal, precision: parameters.precision)
        output = try parameters.linear("attn.out_proj", inputs: width, outputs: width)
        feedForward = try FeedForward(
            norm: parameters.layerNorm("ln_2", width: width),
            expand: parameters.linear("mlp.c_fc", inputs: width, outputs: 4 * width),
            contract: parameters.linear("mlp.c_proj", inputs: 4 * width, outputs: width), middle: .activation(activation))
    }

    func callAsFunction(_ tokens: Tensor, in workspace: Workspace) -> Tensor {
        let attended = attention(projections(norm(tokens, in: workspace), in: workspace), in: workspace)
        return feedForward(output(attended, adding: tokens, in: workspace), in: workspace)
    }
}
