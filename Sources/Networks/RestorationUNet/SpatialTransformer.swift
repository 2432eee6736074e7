package import Checkpoints
package import Compute
import Layers

/// Attention of every position to every other and to the content embedding (README, "Attention").
///
/// GroupNorm, 1x1 in; then on tokens self-attention, cross-attention with the single content token and a GEGLU
/// perceptron, each pre-normed with a residual; 1x1 out, plus the input.
package struct SpatialTransformer: Sendable {
    package static let headWidth = 32

    private let norm: GroupNorm  // norm
    private let enter: Linear  // proj_in
    private let selfNorm: LayerNorm  // transformer_blocks.0.norm1
    private let selfProjections: Linear  // attn1.to_q, to_k, to_v
    private let attention: Attention
    private let selfOutput: Linear  // attn1.to_out.0
    private let contextValue: Linear  // attn2.to_v
    private let contextOutput: Linear  // attn2.to_out.0
    private let feedForward: FeedForward  // norm3, ff.net.0.proj, ff.net.2
    private let leave: Linear  // proj_out

    /// - Parameters:
    ///   - width: channels, a multiple of `headWidth`.
    ///   - contextWidth: length of the content embedding.
    package init(_ parameters: ParameterReader, width: Int, contextWidth: Int) throws(CheckpointError) {
        norm = try parameters.groupNorm("norm", width: width, epsilon: 1e-6)
        enter = try parameters.pointwise("proj_in", inputs: width, outputs: width, bias: true)
        leave = try parameters.pointwise("proj_out", inputs: width, outputs: width, bias: true)
        let block = parameters.scope("transformer_blocks").scope("0")
        selfNorm = try block.layerNorm("norm1", width: width)
        selfProjections = try block.linear(["attn1.to_q", "attn1.to_k", "attn1.to_v"], inputs: width, outputs: width)
        attention = Attention(
            heads: width / Self.headWidth, headWidth: Self.headWidth, precision: parameters.precision)
        selfOutput = try block.linear("attn1.to_out.0", inputs: width, outputs: width)
        contextValue = try block.inFull.linear("attn2.to_v", inputs: contextWidth, outputs: width, bias: false)
        contextOutput = try block.inFull.linear("attn2.to_out.0", inputs: width, outputs: width)
        try Self.readUnused(block, width: width, contextWidth: contextWidth)
        feedForward = try FeedForward(
            norm: block.layerNorm("norm3", width: width),
            expand: block.linear("ff.net.0.proj", inputs: width, outputs: 8 * width),
            contract: block.linear("ff.net.2", inputs: 4 * width, outputs: width), middle: .gatedGELU)
    }

    /// With one context token the softmax over it is 1 whatever the query: these can't influence anything, but a
    /// checkpoint without them is not this network's.
    private static func readUnused(
        _ block: ParameterReader, width: Int, contextWidth: Int
    ) throws(CheckpointError) {
        _ = try block.takeStored("attn2.to_q.weight", [width, width])
        _ = try block.takeStored("attn2.to_k.weight", [width, contextWidth])
        _ = try block.take("norm2.weight", [width])
        _ = try block.take("norm2.bias", [width])
    }

    /// - Parameter content: one token a sample.
    package func callAsFunction(_ input: Tensor, content: Tensor, in workspace: Workspace) -> Tensor {
        var tokens = enter(norm(input, in: workspace), in: workspace)
        let attended = attention(selfProjections(selfNorm(tokens, in: workspace), in: workspace), in: workspace)
        tokens = selfOutput(attended, adding: tokens, in: workspace)
        workspace.add(vectors: contextOutput(contextValue(content, in: workspace), in: workspace), to: tokens)
        tokens = feedForward(tokens, in: workspace)
        return leave(tokens, adding: input, in: workspace)
    }
}
