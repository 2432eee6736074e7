package import Checkpoints
package import Compute
package import NAFNet

/// The sizes of a `GuidedNAFNet`: NAFNet's, and those of what guides it.
package struct GuidedNAFNetConfiguration: Sendable, Equatable {
    package let backbone: NAFNetConfiguration
    package let guidance: GuidanceConfiguration

    /// - Throws: the first value that can't be, with its place.
    package init(_ reader: ConfigurationReader) throws(ConfigurationError) {
        let channels = NAFNetConfiguration.pictureChannels
        _ = try reader.size("img_channel", channels...channels, default: channels)
        backbone = try NAFNetConfiguration(reader)
        guidance = try GuidanceConfiguration(
            reader, backboneWidth: backbone.width, levels: backbone.depth + 1, hasMiddle: true)
    }
}

/// NAFNet with a reference (`NAFNetRefFusion`; README, "Backbones").
package struct GuidedNAFNet: GuidedNetwork {
    package let configuration: GuidedNAFNetConfiguration
    package let guidance: Guidance
    private let trunk: NAFTrunk<NAFBlock>
    private let fusions: [[NAFBlock]]  // masa_blk_enc.0, masa_blk_enc.1, ..., masa_blk_middle.0

    /// - Throws: `CheckpointError` that names every missing, surplus and mis-shaped tensor.
    package init(_ parameters: ParameterReader, configuration: GuidedNAFNetConfiguration) throws(CheckpointError) {
        self.configuration = configuration
        let sizes = configuration.guidance
        guidance = try Guidance(parameters, configuration: sizes)
        fusions = try (0..<sizes.levels).map { level throws(CheckpointError) in
            let reader = level < sizes.levels - 1
                ? parameters.scope("masa_blk_enc").scope("\(level)") : parameters.scope("masa_blk_middle").scope("0")
            return try (0..<sizes.fusionBlocks[level]).map { index throws(CheckpointError) in
                try NAFBlock(reader.scope("\(index)"), channels: 2 * sizes.width(ofLevel: level))
            }
        }
        trunk = try NAFTrunk(parameters, configuration: configuration.backbone) { reader, level throws(CheckpointError) in
            try NAFBlock(reader, channels: configuration.backbone.width(ofLevel: level))
        }
        try parameters.finish()
    }

    package func callAsFunction(
        _ samples: [GuidedSample], height: Int, width: Int, observe: GuidanceObserver? = nil, in workspace: Workspace
    ) -> [[Float]] {
        let borrowing = guidance.borrowing(samples, height: height, width: width, observe: observe, in: workspace)
        let steps = NAFTrunk<NAFBlock>.Steps(
            apply: { block, state, context in block.apply(to: state, context: context) },
            open: { level, state in
                let number: Int
                switch level {
                case .encoder(let level): number = level
                case .middle: number = configuration.backbone.depth
                case .decoder: return state
                }
                return borrowing.fused(state, level: number) { both in
                    for block in fusions[number] { block.apply(to: both, context: BlockContext(workspace: workspace)) }
                }
            })
        return trunk(
            samples.map(\.picture), height: height, width: width, alignment: configuration.guidance.alignment, steps: steps,
            observe: observe, in: workspace)
    }
}
