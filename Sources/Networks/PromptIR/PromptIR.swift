package import Checkpoints
package import Compute
import Layers
package import Restormer

/// PromptIR (Potlapalli et al., NeurIPS 2023): Restormer's blocks with a prompt before each level on the way up (README).
package struct PromptIR: Sendable {
    package let configuration: PromptIRConfiguration
    private let encoder: RestormerEncoder
    private let prompts: [PromptedReduction]  // of the levels 3, 2, 1
    private let doublings: [DoublingConvolution]  // up4_3, up3_2, up2_1
    private let reductions: [Convolution]  // reduce_chan_level3, reduce_chan_level2
    private let decoder: [BlockRow]  // decoder_level3, decoder_level2, decoder_level1
    private let refinement: BlockRow  // refinement
    private let leave: Convolution  // output

    /// Lightning saves a network as a part of what it trains.
    private static let wrapper = "net"

    /// A network around this one has taken its own tensors before.
    ///
    /// - Parameter needsIdle: whether the weights must be there that the published network has and doesn't use.
    /// - Throws: `CheckpointError` that names every missing, surplus and mis-shaped tensor.
    package init(
        _ whole: ParameterReader, configuration: PromptIRConfiguration, needsIdle: Bool = true
    ) throws(CheckpointError) {
        self.configuration = configuration
        let parameters = whole.contains("\(Self.wrapper).patch_embed.proj.weight") ? whole.scope(Self.wrapper) : whole
        let (body, width) = (configuration.body, configuration.body.width)
        encoder = try RestormerEncoder(parameters, configuration: body)
        // After its prompt each level goes on with these channels, which the doubling halves.
        let reduced = [4 * width, 4 * width, 2 * width]
        prompts = try [2, 1, 0].enumerated().map { index, level throws(CheckpointError) in
            try PromptedReduction(parameters, level: level, outputs: reduced[index], configuration: configuration)
        }
        doublings = try [3, 2, 1].enumerated().map { index, level throws(CheckpointError) in
            try DoublingConvolution(parameters, "up\(level + 1)_\(level)", channels: reduced[index])
        }
        reductions = try [2, 1].enumerated().map { index, level throws(CheckpointError) in
            try parameters.convolution(
                "reduce_chan_level\(level + 1)", inputs: reduced[index] / 2 + (width << level), outputs: width << level,
                kernel: 1, padding: 0, bias: body.hasBias)
        }
        func row(_ name: String, _ count: Int, channels: Int, level: Int) throws(CheckpointError) -> BlockRow {
            try BlockRow(
                parameters, name, count: count, channels: channels, heads: body.heads[level], configuration: body)
        }
        decoder = try [2, 1, 0].map { level throws(CheckpointError) in
            try row("decoder_level\(level + 1)", body.blocks[level], channels: width << max(level, 1), level: level)
        }
        refinement = try row("refinement", body.refinementBlocks, channels: 2 * width, level: 0)
        leave = try parameters.inFull.convolution(
            "output", inputs: 2 * width, outputs: body.outputChannels, kernel: 3, padding: 1,
            bias: body.hasBias)
        Self.takeIdle(parameters, needed: needsIdle)
        try parameters.finish()
    }

    /// Weights that the published network has and doesn't use: a checkpoint without them is not this network's.
    private static func takeIdle(_ parameters: ParameterReader, needed: Bool) {
        for number in 1...3 {
            for name in ["chnl_reduce\(number)", "reduce_noise_channel_\(number)"] {
                if needed { parameters.acknowledge("\(name).weight") } else { parameters.ignore(prefix: "\(name).") }
            }
        }
    }

    /// Evaluates pictures of one size together. What a picture gets never depends on the others.
    ///
    /// - Parameters:
    ///   - pictures: at least one; height x width x 3, interleaved, nominally 0...1.
    ///   - surroundings: what a network around this one changes.
    /// - Returns: a picture each, laid out the same; nothing is clamped.
    package func callAsFunction(
        _ pictures: [[Float]], height: Int, width: Int, around surroundings: RestormerSurroundings = .init(),
        observe: ((_ stage: String, _ result: Tensor) -> Void)? = nil, in workspace: Workspace
    ) -> [[Float]] {
        let input = PicturePadding.padded(
            pictures, height: height, width: width, channels: configuration.body.inputChannels,
            alignment: surroundings.alignment, margin: surroundings.margin, in: workspace)
        let encoded = encoder(input, around: surroundings, observe: observe, in: workspace)
        var state = encoded.latent
        for (index, row) in decoder.enumerated() {
            let level = decoder.count - 1 - index
            state = prompts[index](state, observe: observe, in: workspace)
            state = doublings[index](state, in: workspace)
            observe?("up\(level + 2)_\(level + 1)", state)
            let sources = [state, encoded.skips[level]]
            state = index < reductions.count ? reductions[index](sources, in: workspace) : joined(sources, in: workspace)
            if index < reductions.count { observe?("reduce_chan_level\(level + 1)", state) }
            row.apply(to: state, observe: observe, in: workspace)
        }
        refinement.apply(to: state, observe: observe, in: workspace)
        let result = leave([state], epilogue: .init(residual: input), into: input, in: workspace)
        return PicturePadding.cropped(result, height: height, width: width)
    }
}
