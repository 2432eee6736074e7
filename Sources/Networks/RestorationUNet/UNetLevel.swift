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
        first = try ResidualBlock(
            parameters.scope("0"), inputs: width, outputs: width, timeWidth: configuration.timeWidth)
        second = try ResidualBlock(
            parameters.scope("1"), inputs: width, outputs: width, timeWidth: configuration.timeWidth)
        attention = try AttentionBlock(
            parameters.scope("2"), width: width,
            contextWidth: configuration.hasTransformer(atLevel: level) ? configuration.contextWidth : nil)
        close = level == configuration.depth - 1
            ? try parameters.convolution("3", inputs: width, outputs: below, kernel: 3, padding: 1, bias: false)
            : try parameters.convolution("3", inputs: width, outputs: below, kernel: 4, stride: 2, padding: 1, bias: true)
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
        first = try ResidualBlock(
            parameters.scope("0"), inputs: width + above, outputs: width, timeWidth: configuration.timeWidth)
        second = try ResidualBlock(
            parameters.scope("1"), inputs: width + above, outputs: width, timeWidth: configuration.timeWidth)
        attention = try AttentionBlock(
            parameters.scope("2"), width: width,
            contextWidth: configuration.hasTransformer(atLevel: level) ? configuration.contextWidth : nil)
        doubles = level != 0
        close = doubles
            ? try parameters.convolution("3.1", inputs: width, outputs: above, kernel: 3, padding: 1, bias: true)
            : try parameters.convolution("3", inputs: width, outputs: above, kernel: 3, padding: 1, bias: false)
    }
}
