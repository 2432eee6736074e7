import Checkpoints
import Compute
import Layers

/// `x + attention(norm(x))`, the attention being linear in the pixels or a spatial transformer.
enum AttentionBlock: Sendable {
    case linear(LinearAttention)
    case transformer(norm: LayerNorm, SpatialTransformer)

    private static let linearHeads = 4

    /// - Parameter contextWidth: the content embedding's length for a transformer, nil for linear attention.
    init(_ parameters: ParameterReader, width: Int, contextWidth: Int?) throws(CheckpointError) {
        let norm = try parameters.channelNorm("fn.norm", width: width)
        let inner = parameters.scope("fn").scope("fn")
        if let contextWidth {
            self = .transformer(
                norm: norm, try SpatialTransformer(inner, width: width, contextWidth: contextWidth))
        } else {
            let heads = Self.linearHeads * LinearAttention.headWidth
            self = try .linear(LinearAttention(
                heads: Self.linearHeads, norm: norm,
                projections: inner.pointwise("to_qkv", inputs: width, outputs: 3 * heads, bias: false),
                output: inner.inFull.pointwise("to_out.0", inputs: heads, outputs: width, bias: true),
                outputNorm: inner.channelNorm("to_out.1", width: width)))
        }
    }

    /// - Parameters:
    ///   - content: one token a sample; needed by transformers only.
    ///   - observe: told the attention's result before `x` is added.
    func callAsFunction(
        _ input: Tensor, content: Tensor?, observe: ((Tensor) -> Void)? = nil, in workspace: Workspace
    ) -> Tensor {
        switch self {
        case .linear(let attention):
            observe.map { $0(attention(input, residual: false, in: workspace)) }
            return attention(input, residual: true, in: workspace)
        case .transformer(let norm, let transformer):
            // The network checks its samples' content embeddings before the first layer.
            guard let content else { preconditionFailure("a spatial transformer needs the content embedding") }
            let result = transformer(norm(input, in: workspace), content: content, in: workspace)
            observe?(result)
            workspace.add(input, to: result)
            return result
        }
    }
}
