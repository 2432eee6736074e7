import Checkpoints
import Compute
import Layers

/// Attention of every position to every other and to the context (README, "Spatial transformer").
struct LatentTransformer: Sendable {
    /// Among the network's transformers, in the order of their use.
    let index: Int
    let width: Int
    private let norm: GroupNorm  // norm
    private let enter: Linear  // proj_in
    private let leave: Linear  // proj_out
    private let selfNorm: LayerNorm  // transformer_blocks.0.norm1
    private let selfProjections: Linear  // attn1.to_q, to_k, to_v
    private let selfOutput: Linear  // attn1.to_out.0
    private let contextNorm: LayerNorm  // norm2
    private let contextQuery: Linear  // attn2.to_q
    private let contextProjections: Linear  // attn2.to_k, to_v
    private let attention: BlockedAttention
    private let contextOutput: Linear  // attn2.to_out.0
    private let feedForward: FeedForward  // norm3, ff.net.0.proj, ff.net.2

    init(
        _ parameters: ParameterReader, index: Int, width: Int, configuration: LatentUNetConfiguration
    ) throws(CheckpointError) {
        self.index = index
        self.width = width
        let heads = configuration.headCount(width)
        let headWidth = width / heads
        norm = try parameters.groupNorm("norm", width: width, epsilon: 1e-6)
        if configuration.usesLinearProjections {
            enter = try parameters.linear("proj_in", inputs: width, outputs: width)
            leave = try parameters.linear("proj_out", inputs: width, outputs: width)
        } else {
            enter = try parameters.pointwise("proj_in", inputs: width, outputs: width, bias: true)
            leave = try parameters.pointwise("proj_out", inputs: width, outputs: width, bias: true)
        }
        let block = parameters.scope("transformer_blocks").scope("0")
        selfNorm = try block.layerNorm("norm1", width: width)
        selfProjections = try block.linear(["attn1.to_q", "attn1.to_k", "attn1.to_v"], inputs: width, outputs: width)
        selfOutput = try block.linear("attn1.to_out.0", inputs: width, outputs: width)
        contextNorm = try block.layerNorm("norm2", width: width)
        contextQuery = try block.linear("attn2.to_q", inputs: width, outputs: width, bias: false)
        // The context is projected once a round: it keeps fp32.
        contextProjections = try block.inFull.linear(
            ["attn2.to_k", "attn2.to_v"], inputs: configuration.contextWidth, outputs: width)
        contextOutput = try block.linear("attn2.to_out.0", inputs: width, outputs: width)
        feedForward = try FeedForward(
            norm: block.layerNorm("norm3", width: width),
            expand: block.linear("ff.net.0.proj", inputs: width, outputs: 8 * width),
            contract: block.linear("ff.net.2", inputs: 4 * width, outputs: width), middle: .gatedGELU)
        attention = BlockedAttention(heads: heads, headWidth: headWidth, precision: parameters.precision)
    }

    /// Keys and values of a context, side by side.
    func project(_ context: Tensor, in workspace: Workspace) -> Tensor { contextProjections(context, in: workspace) }

    /// - Parameter contexts: one a sample.
    func callAsFunction(
        _ input: Tensor, contexts: [TextContext], observe: LatentUNet.Observer? = nil, in workspace: Workspace
    ) -> Tensor {
        let normalised = norm.activated([input], in: workspace)[0]
        observe?("st.norm", normalised)
        var tokens = enter(normalised, in: workspace)
        observe?("st.proj_in", tokens)
        let first = selfNorm(tokens, in: workspace)
        observe?("st.norm1", first)
        let seen = attention(selfProjections(first, in: workspace), in: workspace)
        if let observe { observe("st.attn1", selfOutput(seen, in: workspace)) }
        tokens = selfOutput(seen, adding: tokens, in: workspace)
        let memories = contexts.map { context in
            let keys = context.keys(ofTransformer: index)
            return BlockedAttention.Memory(keys: keys, values: keys + width, stride: 2 * width, count: context.tokens)
        }
        let read = attention(
            contextQuery(contextNorm(tokens, in: workspace), in: workspace), memories, in: workspace)
        if let observe { observe("st.attn2", contextOutput(read, in: workspace)) }
        tokens = contextOutput(read, adding: tokens, in: workspace)
        tokens = feedForward(tokens, in: workspace)
        if let observe { observe("st.proj_out", leave(tokens, in: workspace)) }
        let result = leave(tokens, adding: input, in: workspace)
        observe?("st.output", result)
        return result
    }
}
