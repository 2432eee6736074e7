package import Checkpoints
package import Compute
import Layers

/// Restormer (Zamir et al., CVPR 2022): attention across channels on four levels (README).
package struct Restormer: Sendable {
    package let configuration: RestormerConfiguration
    private let encoder: RestormerEncoder
    private let doublings: [DoublingConvolution]  // up4_3, up3_2, up2_1
    private let reductions: [Convolution]  // reduce_chan_level3, reduce_chan_level2
    private let decoder: [BlockRow]  // decoder_level3, decoder_level2, decoder_level1
    private let refinement: BlockRow  // refinement
    private let skip: Convolution?  // skip_conv, with dual pixels
    private let leave: Convolution  // output

    /// A network around this one has taken its own tensors before.
    ///
    /// - Throws: `CheckpointError` that names every missing, surplus and mis-shaped tensor.
    package init(_ parameters: ParameterReader, configuration: RestormerConfiguration) throws(CheckpointError) {
        self.configuration = configuration
        let width = configuration.width
        encoder = try RestormerEncoder(parameters, configuration: configuration)
        doublings = try [3, 2, 1].map { level throws(CheckpointError) in
            try DoublingConvolution(parameters, "up\(level + 1)_\(level)", channels: width << level)
        }
        reductions = try [2, 1].map { level throws(CheckpointError) in
            try parameters.convolution(
                "reduce_chan_level\(level + 1)", inputs: 2 * (width << level), outputs: width << level, kernel: 1,
                padding: 0, bias: configuration.hasBias)
        }
        func row(_ name: String, _ count: Int, channels: Int, level: Int) throws(CheckpointError) -> BlockRow {
            try BlockRow(
                parameters, name, count: count, channels: channels, heads: configuration.heads[level],
                configuration: configuration)
        }
        // The finest level is not reduced: it goes on with twice its channels.
        decoder = try [2, 1, 0].map { level throws(CheckpointError) in
            try row(
                "decoder_level\(level + 1)", configuration.blocks[level], channels: width << max(level, 1), level: level)
        }
        refinement = try row("refinement", configuration.refinementBlocks, channels: 2 * width, level: 0)
        skip = !configuration.isDualPixel ? nil : try parameters.convolution(
            "skip_conv", inputs: width, outputs: 2 * width, kernel: 1, padding: 0, bias: false)
        leave = try parameters.inFull.convolution(
            "output", inputs: 2 * width, outputs: configuration.outputChannels, kernel: 3, padding: 1,
            bias: configuration.hasBias, ways: exactWays)
        try parameters.finish()
    }

    /// Evaluates pictures of one size together. What a picture gets never depends on the others.
    ///
    /// - Parameters:
    ///   - pictures: at least one; height x width x `inputChannels`, interleaved, nominally 0...1.
    ///   - surroundings: what a network around this one changes.
    /// - Returns: height x width x `outputChannels` each; nothing is clamped.
    package func callAsFunction(
        _ pictures: [[Float]], height: Int, width: Int, around surroundings: RestormerSurroundings = .init(),
        observe: ((_ stage: String, _ result: Tensor) -> Void)? = nil, in workspace: Workspace
    ) -> [[Float]] {
        let input = PicturePadding.padded(
            pictures, height: height, width: width, channels: configuration.inputChannels,
            alignment: surroundings.alignment, margin: surroundings.margin, in: workspace)
        let encoded = encoder(input, keepsEntered: skip != nil, around: surroundings, observe: observe, in: workspace)
        var state = encoded.latent
        for (index, row) in decoder.enumerated() {
            let level = decoder.count - 1 - index
            state = doublings[index](state, in: workspace)
            observe?("up\(level + 2)_\(level + 1)", state)
            let sources = [state, encoded.skips[level]]
            state = index < reductions.count ? reductions[index](sources, in: workspace) : joined(sources, in: workspace)
            if index < reductions.count { observe?("reduce_chan_level\(level + 1)", state) }
            row.apply(to: state, observe: observe, in: workspace)
        }
        refinement.apply(to: state, observe: observe, in: workspace)
        guard let skip, let entered = encoded.entered else {
            let result = leave([state], epilogue: .init(residual: input), into: input, in: workspace)
            return PicturePadding.cropped(result, height: height, width: width)
        }
        if let observe { observe("skip_conv", skip([entered], in: workspace)) }
        state = skip([entered], epilogue: .init(residual: state), into: state, in: workspace)
        return PicturePadding.cropped(leave([state], in: workspace), height: height, width: width)
    }
}
