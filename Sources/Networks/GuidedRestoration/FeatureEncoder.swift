import Checkpoints
import Compute
import Layers

/// Features of a picture at several sizes, the same for what is restored and for its reference (README, "Features"): what
/// matches are found by, and what is borrowed. Never of products in bfloat16, for the best match may be so by little.
struct FeatureEncoder: Sendable {
    private let levels: [Level]  // masa_enc

    private struct Level: Sendable {
        let enter: Convolution  // conv_L1, conv_L2, ...
        let blocks: [Block]  // blk_L1.0, ...
    }

    /// x + conv2(relu(conv1(x)))
    private struct Block: Sendable {
        let first: Convolution  // conv1
        let second: Convolution  // conv2
    }

    init(_ parameters: ParameterReader, configuration: GuidanceConfiguration) throws(CheckpointError) {
        let parameters = parameters.scope("masa_enc").inFull
        levels = try parameters.map(configuration.levels) { level throws(CheckpointError) in
            let channels = configuration.width(ofLevel: level)
            func convolution(
                _ reader: ParameterReader, _ name: String, inputs: Int? = nil, stride: Int = 1
            ) throws(CheckpointError) -> Convolution {
                try reader.convolution(
                    name, inputs: inputs ?? channels, outputs: channels, kernel: 3, stride: stride, padding: 1, bias: true,
                    ways: [.direct, .winograd2])
            }
            let blocks = parameters.scope("blk_L\(level + 1)")
            return Level(
                enter: try convolution(
                    parameters, "conv_L\(level + 1)", inputs: level == 0 ? 3 : channels / 2, stride: level == 0 ? 1 : 2),
                blocks: try (0..<configuration.featureBlocks[level]).map { index throws(CheckpointError) in
                    let reader = blocks.scope("\(index)")
                    return Block(first: try convolution(reader, "conv1"), second: try convolution(reader, "conv2"))
                })
        }
    }

    /// - Parameters:
    ///   - input: pictures, padded.
    ///   - take: told each level's features, the finest first, as they are computed.
    /// - Returns: those of the last level.
    func callAsFunction(
        _ input: Tensor, take: (_ level: Int, _ features: Tensor) -> Void = { _, _ in }, in workspace: Workspace
    ) -> Tensor {
        var state = input
        for (number, level) in levels.enumerated() {
            state = level.enter([state], epilogue: .init(activation: .relu), in: workspace)
            for block in level.blocks {
                let hidden = block.first([state], epilogue: .init(activation: .relu), in: workspace)
                state = block.second([hidden], epilogue: .init(residual: state), into: state, in: workspace)
            }
            take(number, state)
        }
        return state
    }
}
