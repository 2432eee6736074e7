package import Checkpoints
package import Compute
package import PromptIR
package import Restormer

/// The sizes of a `GuidedRestormer`: Restormer's, and those of what guides it.
package struct GuidedRestormerConfiguration: Sendable, Equatable {
    package let backbone: RestormerConfiguration
    package let guidance: GuidanceConfiguration

    /// - Throws: the first value that can't be, with its place.
    package init(_ reader: ConfigurationReader) throws(ConfigurationError) {
        backbone = try RestormerConfiguration(reader, mayHaveBias: true)
        guard backbone.inputChannels == 3, backbone.outputChannels == 3, !backbone.isDualPixel else {
            throw reader.fault("inp_channels", "expected pictures of three channels, in and out")
        }
        guidance = try GuidanceConfiguration(restormer: backbone, reader)
    }
}

/// Restormer with a reference (`RestormerRefFusion`; README, "Backbones").
package struct GuidedRestormer: GuidedNetwork {
    package let configuration: GuidedRestormerConfiguration
    package let guidance: Guidance
    private let fusions: [[TransformerFusion]]  // masa_blk_enc_level1, ...
    private let backbone: Restormer

    /// - Throws: `CheckpointError` that names every missing, surplus and mis-shaped tensor.
    package init(_ parameters: ParameterReader, configuration: GuidedRestormerConfiguration) throws(CheckpointError) {
        self.configuration = configuration
        guidance = try Guidance(parameters, configuration: configuration.guidance)
        fusions = try TransformerFusion.levels(parameters, configuration.guidance, backbone: configuration.backbone)
        // The last to take tensors, for it sees that none is left.
        backbone = try Restormer(parameters, configuration: configuration.backbone)
    }

    package func callAsFunction(
        _ samples: [GuidedSample], height: Int, width: Int, observe: GuidanceObserver? = nil, in workspace: Workspace
    ) -> [[Float]] {
        let borrowing = guidance.borrowing(samples, height: height, width: width, observe: observe, in: workspace)
        return backbone(
            samples.map(\.picture), height: height, width: width,
            around: borrowing.surroundings(fusions, configuration.guidance, in: workspace), observe: observe, in: workspace)
    }
}

/// The sizes of a `GuidedPromptIR`: PromptIR's, and those of what guides it.
package struct GuidedPromptIRConfiguration: Sendable, Equatable {
    package let backbone: PromptIRConfiguration
    package let guidance: GuidanceConfiguration

    /// - Throws: the first value that can't be, with its place.
    package init(_ reader: ConfigurationReader) throws(ConfigurationError) {
        backbone = try PromptIRConfiguration(reader, mayHaveBias: true)
        // As the option files have it the network can't be built: without prompts its channels don't fit.
        _ = try reader.flag("decoder", default: true)
        guidance = try GuidanceConfiguration(restormer: backbone.body, reader)
    }
}

/// PromptIR with a reference (`PromptIRRefFusion`; README, "Backbones").
package struct GuidedPromptIR: GuidedNetwork {
    package let configuration: GuidedPromptIRConfiguration
    package let guidance: Guidance
    private let fusions: [[TransformerFusion]]  // masa_blk_enc_level1, ...
    private let backbone: PromptIR

    /// - Throws: `CheckpointError` that names every missing, surplus and mis-shaped tensor.
    package init(_ parameters: ParameterReader, configuration: GuidedPromptIRConfiguration) throws(CheckpointError) {
        self.configuration = configuration
        guidance = try Guidance(parameters, configuration: configuration.guidance)
        fusions = try TransformerFusion.levels(parameters, configuration.guidance, backbone: configuration.backbone.body)
        // The last to take tensors, for it sees that none is left.
        backbone = try PromptIR(parameters, configuration: configuration.backbone, needsIdle: false)
    }

    package func callAsFunction(
        _ samples: [GuidedSample], height: Int, width: Int, observe: GuidanceObserver? = nil, in workspace: Workspace
    ) -> [[Float]] {
        let borrowing = guidance.borrowing(samples, height: height, width: width, observe: observe, in: workspace)
        return backbone(
            samples.map(\.picture), height: height, width: width,
            around: borrowing.surroundings(fusions, configuration.guidance, in: workspace), observe: observe, in: workspace)
    }
}

extension GuidanceConfiguration {
    /// Around a Restormer, or a network of its blocks.
    fileprivate init(restormer: RestormerConfiguration, _ reader: ConfigurationReader) throws(ConfigurationError) {
        try self.init(
            reader, backboneWidth: restormer.width, levels: RestormerConfiguration.levels, hasMiddle: false)
    }
}
