import Checkpoints
import Compute
import Layers

/// One resolution on the way down: two residual blocks, each leaving a skip, attention before the second one is left.
struct DownLevel: Sendable {
    let first: ResidualBlock  // 0
    let second: ResidualBlock  // 1
    let attention: AttentionBlock  // 2
    let close: Convolution  // 3: halves the picture, at the last level keeps it

    init(
        _ parameters: ParameterReader, level: Int, configuration: ConditionalUNetConfiguration
    ) throws(CheckpointError) {
        let width = configuration.width(ofLevel: level)
        let below = configuration.width(below: level)
        let blocks = try parameters.map(2) { block throws(CheckpointError) in
            try ResidualBlock(
                parameters.scope("\(block)"), inputs: width, outputs: width, timeWidth: configuration.timeWidth)
        }
        (first, second) = (blocks[0], blocks[1])
        attention = try AttentionBlock(
            parameters.scope("2"), width: width,
            contextWidth: configuration.hasTransformer(atLevel: level) ? configuration.contextWidth : nil)
        close = level == configuration.depth - 1
            ? try parameters.convolution("3", inputs: width, outputs: below, kernel: 3, padding: 1, bias: false)
            : try parameters.convolution("3", inputs: width, outputs: below, kernel: 4, stride: 2, padding: 1, bias: true)
    }
}

/// The lowest resolution: attention between two residual blocks.
struct MiddleLevel: Sendable {
    let first: ResidualBlock  // mid_block1
    let attention: AttentionBlock  // mid_attn
    let second: ResidualBlock  // mid_block2

    init(_ parameters: ParameterReader, configuration: ConditionalUNetConfiguration) throws(CheckpointError) {
        let width = configuration.width(below: configuration.depth - 1)
        first = try ResidualBlock(
            parameters.scope("mid_block1"), inputs: width, outputs: width, timeWidth: configuration.timeWidth)
        (attention, second) = try parameters.both(
            { () throws(CheckpointError) in
                try AttentionBlock(
                    parameters.scope("mid_attn"), width: width,
                    contextWidth: configuration.usesContent ? configuration.contextWidth : nil)
            },
            { () throws(CheckpointError) in
                try ResidualBlock(
                    parameters.scope("mid_block2"), inputs: width, outputs: width, timeWidth: configuration.timeWidth)
            })
    }
}

/// One resolution on the way up: two residual blocks that take the skips back, attention, then doubling.
struct UpLevel: Sendable {
    let first: ResidualBlock  // 0
    let second: ResidualBlock  // 1
    let attention: AttentionBlock  // 2
    let close: Convolution  // 3.1 after doubling, at the last level 3
    let doubles: Bool

    /// - Parameter level: counted as going down.
    init(
        _ parameters: ParameterReader, level: Int, configuration: ConditionalUNetConfiguration
    ) throws(CheckpointError) {
        let above = configuration.width(ofLevel: level)
        let width = configuration.width(below: level)
        let blocks = try parameters.map(2) { block throws(CheckpointError) in
            try ResidualBlock(
                parameters.scope("\(block)"), inputs: width + above, outputs: width, timeWidth: configuration.timeWidth)
        }
        (first, second) = (blocks[0], blocks[1])
        attention = try AttentionBlock(
            parameters.scope("2"), width: width,
            contextWidth: configuration.hasTransformer(atLevel: level) ? configuration.contextWidth : nil)
        doubles = level != 0
        close = doubles
            ? try parameters.convolution("3.1", inputs: width, outputs: above, kernel: 3, padding: 1, bias: true)
            : try parameters.convolution("3", inputs: width, outputs: above, kernel: 3, padding: 1, bias: false)
    }
}
