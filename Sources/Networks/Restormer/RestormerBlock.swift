package import Checkpoints
package import Compute
import Layers

/// x += attention(norm1 x), then x += perceptron(norm2 x) (README, "Block").
package struct RestormerBlock: Sendable {
    private let attentionNorm: PixelNorm  // norm1.body
    private let attention: TransposedAttention  // attn
    private let perceptronNorm: PixelNorm  // norm2.body
    private let expand: PointwiseDepthwise  // ffn.project_in, ffn.dwconv
    private let contract: Linear  // ffn.project_out
    private let channels: Int

    /// - Parameters:
    ///   - channels: a multiple of `heads`.
    ///   - configuration: of the network, for what all its blocks have in common.
    package init(
        _ parameters: ParameterReader, channels: Int, heads: Int, configuration: RestormerConfiguration
    ) throws(CheckpointError) {
        self.channels = channels
        let (norm, hasBias) = (configuration.norm, configuration.hasBias)
        let hidden = Int(Double(channels) * configuration.expansion)
        func bias(_ name: String, _ count: Int) throws(CheckpointError) -> [Float]? {
            hasBias ? try parameters.take("\(name).bias", [count]) : nil
        }
        func pixelNorm(_ name: String) throws(CheckpointError) -> PixelNorm {
            try PixelNorm(
                gain: parameters.take("\(name).body.weight", [channels]),
                bias: norm == .withBias ? parameters.take("\(name).body.bias", [channels]) : nil, epsilon: 1e-5,
                keepsMean: norm == .biasFree)
        }
        func mixing(_ name: String, _ depthwise: String, _ outputs: Int, gate: PointwiseDepthwise.Gate)
            throws(CheckpointError) -> PointwiseDepthwise {
            let between = outputs * (gate == .none ? 1 : 2)
            return try PointwiseDepthwise(
                pointwise: (parameters.take("\(name).weight", [between, channels, 1, 1]), bias(name, between)),
                depthwise: (parameters.take("\(depthwise).weight", [between, 1, 3, 3]), bias(depthwise, between)),
                inputs: channels, outputs: outputs, gate: gate, precision: parameters.precision)
        }
        attentionNorm = try pixelNorm("norm1")
        perceptronNorm = try pixelNorm("norm2")
        attention = try TransposedAttention(
            projections: mixing("attn.qkv", "attn.qkv_dwconv", 3 * channels, gate: .none),
            temperature: parameters.take("attn.temperature", [heads, 1, 1]),
            output: parameters.take("attn.project_out.weight", [channels, channels, 1, 1]),
            outputBias: bias("attn.project_out", channels),
            precision: parameters.precision)
        expand = try mixing("ffn.project_in", "ffn.dwconv", hidden, gate: .gelu)
        contract = try parameters.pointwise("ffn.project_out", inputs: hidden, outputs: channels, bias: hasBias)
    }

    /// Puts the result in the place of the input.
    ///
    /// - Parameter observe: told each part's name and result.
    package func apply(
        to state: Tensor, observe: ((_ part: String, _ result: Tensor) -> Void)? = nil, in workspace: Workspace
    ) {
        if let observe { self.observe(state, observe, in: workspace) }
        attention.add(of: state, norm: attentionNorm, to: state, in: workspace)
        if let observe { observePerceptron(state, observe, in: workspace) }
        contract.add(expand(state, norm: perceptronNorm, in: workspace).result, to: state, in: workspace)
    }

    private func observe(_ state: Tensor, _ observe: @escaping (String, Tensor) -> Void, in workspace: Workspace) {
        observe("norm1", attentionNorm(state, in: workspace))
        let alone = zeros(like: state, in: workspace)
        attention.add(
            of: state, norm: attentionNorm, to: alone, observe: { observe("attn.qkv_dwconv", $0) }, in: workspace)
        observe("attn", alone)
    }

    private func observePerceptron(_ state: Tensor, _ observe: (String, Tensor) -> Void, in workspace: Workspace) {
        observe("norm2", perceptronNorm(state, in: workspace))
        let alone = zeros(like: state, in: workspace)
        contract.add(expand(state, norm: perceptronNorm, in: workspace).result, to: alone, in: workspace)
        observe("ffn", alone)
    }

    private func zeros(like state: Tensor, in workspace: Workspace) -> Tensor {
        let result = workspace.tensor(
            batch: state.batch, height: state.height, width: state.width, channels: channels)
        result.base.update(repeating: 0, count: result.count)
        return result
    }
}
