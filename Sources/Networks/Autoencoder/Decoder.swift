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
        let begin: Beginning
        let blocks: [AutoencoderBlock]  // block, without the first
    }

    /// How a level comes to its size and width: by `upsample.conv` of the coarser one, where there is one, and `block.0`.
    private enum Beginning: Sendable {
        case block(AutoencoderBlock)
        case doubled(Convolution, AutoencoderBlock)
        case narrowed(DoublingBlock)
    }

    init(_ parameters: ParameterReader, configuration: AutoencoderConfiguration) throws(CheckpointError) {
        let deepest = configuration.deepestWidth
        enter = try parameters.convolution(
            "conv_in", inputs: configuration.innerChannels, outputs: deepest, kernel: 3, padding: 1, bias: true)
        middle = try AutoencoderMiddle(parameters.scope("mid"), width: deepest)
        levels = try parameters.map(configuration.depth) { level throws(CheckpointError) in
            let reader = parameters.scope("up").scope("\(level)").scope("block")
            let width = configuration.width(ofLevel: level)
            return try Level(
                begin: Self.beginning(parameters.scope("up"), level: level, configuration: configuration),
                blocks: reader.map(configuration.blocks) { index throws(CheckpointError) in
                    try AutoencoderBlock(reader.scope("\(index + 1)"), inputs: width, outputs: width)
                })
        }
        norm = try parameters.groupNorm(
            "norm_out", width: configuration.width(ofLevel: 0), epsilon: AutoencoderBlock.epsilon)
        leave = try parameters.convolution(
            "conv_out", inputs: configuration.width(ofLevel: 0), outputs: AutoencoderConfiguration.pictureChannels,
            kernel: 3, padding: 1, bias: true)
    }

    private static func beginning(
        _ levels: ParameterReader, level: Int, configuration: AutoencoderConfiguration
    ) throws(CheckpointError) -> Beginning {
        let block = levels.scope("\(level)").scope("block").scope("0")
        let width = configuration.width(ofLevel: level)
        guard level < configuration.depth - 1 else {
            return .block(try AutoencoderBlock(block, inputs: configuration.deepestWidth, outputs: width))
        }
        let upper = levels.scope("\(level + 1)")
        let upperWidth = configuration.width(ofLevel: level + 1)
        if DoublingBlock.takes(inputs: upperWidth, outputs: width) {
            return .narrowed(try DoublingBlock(upper: upper, block: block, inputs: upperWidth, outputs: width))
        }
        return .doubled(
            try upper.convolution(
                "upsample.conv", inputs: upperWidth, outputs: upperWidth, kernel: 3, padding: 1, bias: true),
            try AutoencoderBlock(block, inputs: upperWidth, outputs: width))
    }

    func callAsFunction(_ latent: Tensor, observe: Autoencoder.Observer?, in workspace: Workspace) -> Tensor {
        var state = enter([latent], in: workspace)
        observe?("decoder.conv_in", state)
        middle.apply(to: &state, name: "decoder", observe: observe, in: workspace)
        for (index, level) in levels.enumerated().reversed() {
            let doubled = observe.map { observe in
                { (map: Tensor) in observe("decoder.up.\(index + 1).upsample", map) }
            }
            switch level.begin {
            case .block(let block): block.apply(to: &state, in: workspace)
            case .doubled(let double, let block):
                state = double([state], upsampled: true, in: workspace)
                doubled?(state)
                block.apply(to: &state, in: workspace)
            case .narrowed(let block): block.apply(to: &state, observe: doubled, in: workspace)
            }
            for block in level.blocks { block.apply(to: &state, in: workspace) }
            observe?("decoder.up.\(index)", state)
        }
        return leave(norm.activated([state], .silu, inPlace: true, in: workspace), in: workspace)
    }
}
