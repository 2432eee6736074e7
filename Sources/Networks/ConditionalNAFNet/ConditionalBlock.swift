import Checkpoints
import Compute
import Layers
import NAFNet
import RestorationUNet

/// A NAFNet block whose norms the degradation shifts and scales; where it knows the content, a spatial transformer stands in the
/// place of channel attention (README, "Block").
struct ConditionalBlock: Sendable {
    private let block: NAFBlock
    private let modulation: Linear?  // mlp.1
    private let content: ContentAttention?  // att

    init(
        _ parameters: ParameterReader, level: Int, configuration: ConditionalNAFNetConfiguration
    ) throws(CheckpointError) {
        let channels = configuration.trunk.width(ofLevel: level)
        let hasContent = configuration.hasContent(atLevel: level)
        block = try NAFBlock(parameters, channels: channels, norm: configuration.norm, attention: !hasContent)
        modulation = configuration.usesDegradation
            ? try parameters.inFull.linear("mlp.1", inputs: configuration.promptWidth / 2, outputs: 4 * channels) : nil
        content = hasContent
            ? try ContentAttention(
                parameters.scope("att").scope("fn"), width: channels, contextWidth: configuration.contextWidth) : nil
    }

    /// Puts the result in the place of the input.
    ///
    /// - Parameters:
    ///   - prompt: halves of the prompt's embedding multiplied, a token a sample; nil without a degradation.
    ///   - embedding: of the content, a token a sample.
    func apply(to state: Tensor, prompt: Tensor?, content embedding: Tensor?, context: BlockContext) {
        var replacement: ((Tensor) -> Tensor)?
        if let content, let embedding { replacement = { content($0, embedding: embedding, context: context) } }
        block.apply(
            to: state, modulation: parts(prompt, context: context), context: context, replacement: replacement)
    }

    /// Shift, scale, shift, scale: of the first norm, then of the second.
    private func parts(_ prompt: Tensor?, context: BlockContext) -> NAFBlock.Modulation? {
        guard let modulation, let prompt else { return nil }
        let vectors = modulation(prompt, in: context.workspace)
        context.note("modulation", vectors)
        let (values, width) = (vectors.values, block.channels)
        func rows(_ part: Int) -> [[Float]] {
            (0..<prompt.pixels).map { Array(values[($0 * 4 + part) * width..<($0 * 4 + part + 1) * width]) }
        }
        return .init(firstShifts: rows(0), firstScales: rows(1), secondShifts: rows(2), secondScales: rows(3))
    }
}

/// h + transformer(norm(h))
private struct ContentAttention: Sendable {
    private let norm: LayerNorm  // fn.norm
    private let transformer: SpatialTransformer  // fn.fn

    init(_ parameters: ParameterReader, width: Int, contextWidth: Int) throws(CheckpointError) {
        norm = try parameters.channelNorm("norm", width: width)
        transformer = try SpatialTransformer(parameters.scope("fn"), width: width, contextWidth: contextWidth)
    }

    func callAsFunction(_ input: Tensor, embedding: Tensor, context: BlockContext) -> Tensor {
        let workspace = context.workspace
        let normed = norm(input, in: workspace)
        context.note("att.norm", normed)
        let result = transformer(normed, content: embedding, in: workspace)
        context.note("att.transformer", result)
        workspace.kernels.pixels.pointee.accumulate(input.base, result.base, result.count)
        context.note("att", result)
        return result
    }
}
