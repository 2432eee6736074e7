package import Checkpoints
package import Compute
import Layers

/// NAFNet (Chen et al., ECCV 2022): one degradation, one evaluation, no condition (README).
package struct NAFNet: Sendable {
    private let trunk: NAFTrunk<NAFBlock>

    package var configuration: NAFNetConfiguration { trunk.configuration }

    /// - Throws: `CheckpointError` that names every missing, surplus and mis-shaped tensor.
    package init(_ parameters: ParameterReader, configuration: NAFNetConfiguration) throws(CheckpointError) {
        trunk = try NAFTrunk(parameters, configuration: configuration) { reader, level throws(CheckpointError) in
            try NAFBlock(reader, channels: configuration.width(ofLevel: level))
        }
        try parameters.finish()
    }

    /// Evaluates pictures of one size together. What a picture gets never depends on the others.
    ///
    /// - Parameters:
    ///   - pictures: at least one; height x width x 3, interleaved, nominally 0...1.
    ///   - means: of the blocks in the middle.
    /// - Returns: a picture each, laid out the same; nothing is clamped.
    package func callAsFunction(
        _ pictures: [[Float]], height: Int, width: Int, means: ChannelMeans? = nil,
        observe: NAFTrunk<NAFBlock>.Observer? = nil, in workspace: Workspace
    ) -> [[Float]] {
        trunk(
            pictures, height: height, width: width, steps: .init { block, state, context in
                block.apply(to: state, context: context)
            }, means: means, observe: observe, in: workspace)
    }
}
