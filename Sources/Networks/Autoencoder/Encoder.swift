import Checkpoints
import Compute
import Layers

/// From a picture to the moments of its latent, before the last 1x1 convolution (README, "Encoder").
struct Encoder: Sendable {
    private let enter: Convolution  // conv_in
    private let levels: [Level]  // down
    private let middle: AutoencoderMiddle  // mid
    private let norm: GroupNorm  // norm_out
    private let leave: Convolution  // conv_out

    private struct Level: Sendable {
        let blocks: [AutoencoderBlock]  // block
        let halve: Convolution?  // downsample.conv
    }

    init(_ parameters: ParameterReader, configuration: AutoencoderConfiguration) throws(CheckpointError) {
        enter = try parameters.convolution(
            "conv_in", inputs: AutoencoderConfiguration.pictureChannels, outputs: configuration.baseWidth, kernel: 3,
            padding: 1, bias: true)
        levels = try parameters.map(configuration.depth) { level throws(CheckpointError) in
            let reader = parameters.scope("down").scope("\(level)")
            let width = configuration.width(ofLevel: level)
            let above = level == 0 ? configuration.baseWidth : configuration.width(ofLevel: level - 1)
            return try Level(
                blocks: reader.map(configuration.blocks) { index throws(CheckpointError) in
                    try AutoencoderBlock(
                        reader.scope("block").scope("\(index)"), inputs: index == 0 ? above : width, outputs: width)
                },
                halve: level == configuration.depth - 1 ? nil : reader.convolution(
                    "downsample.conv", inputs: width, outputs: width, kernel: 3, stride: 2, padding: 0, bias: true))
        }
        let width = configuration.deepestWidth
        middle = try AutoencoderMiddle(parameters.scope("mid"), width: width)
        norm = try parameters.groupNorm("norm_out", width: width, epsilon: AutoencoderBlock.epsilon)
        leave = try parameters.convolution(
            "conv_out", inputs: width, outputs: 2 * configuration.innerChannels, kernel: 3, padding: 1, bias: true)
    }

    func callAsFunction(_ picture: Tensor, observe: Autoencoder.Observer?, in workspace: Workspace) -> Tensor {
        var state = enter([picture], in: workspace)
        observe?("encoder.conv_in", state)
        for (index, level) in levels.enumerated() {
            for block in level.blocks { block.apply(to: &state, in: workspace) }
            observe?("encoder.down.\(index)", state)
            guard let halve = level.halve else { continue }
            state = halve([Self.extended(state, in: workspace)], in: workspace)
            observe?("encoder.down.\(index).downsample", state)
        }
        middle.apply(to: &state, name: "encoder", observe: observe, in: workspace)
        let result = leave(norm.activated([state], .silu, inPlace: true, in: workspace), in: workspace)
        observe?("encoder.output", result)
        return result
    }

    /// A column of zeros at the right and a row below, and none at the other sides.
    private static func extended(_ input: Tensor, in workspace: Workspace) -> Tensor {
        let result = workspace.tensor(
            batch: input.batch, height: input.height + 1, width: input.width + 1, channels: input.channels)
        let row = input.width * input.channels
        workspace.team.run(input.batch * result.height) { item, _ in
            let (sample, line) = item.quotientAndRemainder(dividingBy: result.height)
            let target = result.sample(sample) + line * (row + input.channels)
            guard line < input.height else { return target.update(repeating: 0, count: row + input.channels) }
            target.update(from: input.sample(sample) + line * row, count: row)
            (target + row).update(repeating: 0, count: input.channels)
        }
        return result
    }
}
