import Checkpoints
import Compute
import Layers

/// From a latent, behind its first 1x1 convolution, to a picture (README, "Decoder").
struct Decoder: Sendable {
    private let enter: Convolution  // conv_in
    private let middle: AutoencoderMiddle  // mid
    /// Numbered as the encoder's, run from the coarsest.
    private let levels: [Level]  // up
    private let norm: GroupNorm  // norm_out
    private let leave: Convolution  // conv_out

    private struct Level: Sendable {
        let blocks: [AutoencoderBlock]  // block
        let double: Convolution?  // upsample.conv
    }

    init(_ parameters: ParameterReader, configuration: AutoencoderConfiguration) throws(CheckpointError) {
        let deepest = configuration.deepestWidth
        enter = try parameters.convolution(
            "conv_in", inputs: configuration.innerChannels, outputs: deepest, kernel: 3, padding: 1, bias: true)
        middle = try AutoencoderMiddle(parameters.scope("mid"), width: deepest)
        levels = try parameters.map(configuration.depth) { level throws(CheckpointError) in
            let reader = parameters.scope("up").scope("\(level)")
            let width = configuration.width(ofLevel: level)
            let below = level == configuration.depth - 1 ? deepest : configuration.width(ofLevel: level + 1)
            return try Level(
                blocks: reader.map(configuration.blocks + 1) { index throws(CheckpointError) in
                    try AutoencoderBlock(
                        reader.scope("block").scope("\(index)"), inputs: index == 0 ? below : width, outputs: width)
                },
                double: level == 0 ? nil : reader.convolution(
                    "upsample.conv", inputs: width, outputs: width, kernel: 3, padding: 1, bias: true))
        }
        norm = try parameters.groupNorm(
            "norm_out", width: configuration.width(ofLevel: 0), epsilon: AutoencoderBlock.epsilon)
        leave = try parameters.convolution(
            "conv_out", inputs: configuration.width(ofLevel: 0), outputs: AutoencoderConfiguration.pictureChannels,
            kernel: 3, padding: 1, bias: true)
    }

    func callAsFunction(_ latent: Tensor, observe: Autoencoder.Observer?, in workspace: Workspace) -> Tensor {
        var state = enter([latent], in: workspace)
        observe?("decoder.conv_in", state)
        middle.apply(to: &state, name: "decoder", observe: observe, in: workspace)
        for (index, level) in levels.enumerated().reversed() {
            for block in level.blocks { block.apply(to: &state, in: workspace) }
            observe?("decoder.up.\(index)", state)
            guard let double = level.double else { continue }
            state = double([state], upsampled: true, in: workspace)
            observe?("decoder.up.\(index).upsample", state)
        }
        return leave(norm.activated([state], .silu, inPlace: true, in: workspace), in: workspace)
    }
}
