package import Checkpoints
package import Compute
package import Layers

/// How their 3x3 convolutions are computed: the norms divide by a pixel's variance and amplify Winograd's rounding beyond what
/// parity allows, and nearly all the work is in 1x1 ones.
let exactWays: Set<ConvolutionWay> = [.direct]

/// What a network around this one changes of an evaluation.
package struct RestormerSurroundings {
    /// Sides are padded to multiples of this.
    package var alignment: Int
    package var margin: PicturePadding.Margin
    /// What a level's blocks are given, on the way down, in the place of what came to it: a tensor of the same shape. Levels count
    /// from 0; the last one is the latent's.
    package var open: (_ level: Int, _ state: Tensor) -> Tensor

    package init(
        alignment: Int = RestormerConfiguration.alignment, margin: PicturePadding.Margin = .mirrored,
        open: @escaping (_ level: Int, _ state: Tensor) -> Tensor = { $1 }
    ) {
        self.alignment = alignment
        self.margin = margin
        self.open = open
    }
}

/// What Restormer and PromptIR put between their blocks. No convolution has a bias.
package struct HalvingConvolution: Sendable {
    private let convolve: Convolution  // body.0

    /// 3x3 to half the channels, then squares of two by two pixels become channels: twice the channels at half the size.
    package init(_ parameters: ParameterReader, _ name: String, channels: Int) throws(CheckpointError) {
        convolve = try parameters.convolution(
            "\(name).body.0", inputs: channels, outputs: channels / 2, kernel: 3, padding: 1, bias: false,
            ways: exactWays)
    }

    package func callAsFunction(_ input: Tensor, in workspace: Workspace) -> Tensor {
        PixelShuffle.pixelsToChannels(convolve([input], in: workspace), in: workspace)
    }
}

/// 3x3 to twice the channels, then channels become squares of two by two pixels: half the channels at twice the size.
package struct DoublingConvolution: Sendable {
    private let convolve: Convolution  // body.0

    package init(_ parameters: ParameterReader, _ name: String, channels: Int) throws(CheckpointError) {
        convolve = try parameters.convolution(
            "\(name).body.0", inputs: channels, outputs: 2 * channels, kernel: 3, padding: 1, bias: false,
            ways: exactWays)
    }

    package func callAsFunction(_ input: Tensor, in workspace: Workspace) -> Tensor {
        PixelShuffle.channelsToPixels(convolve([input], in: workspace), in: workspace)
    }
}

/// A row of blocks of one size, `NAME.0`, `NAME.1`, ...
package struct BlockRow: Sendable {
    private let name: String
    private let blocks: [RestormerBlock]

    package init(
        _ parameters: ParameterReader, _ name: String, count: Int, channels: Int, heads: Int,
        configuration: RestormerConfiguration
    ) throws(CheckpointError) {
        self.name = name
        blocks = try (0..<count).map { index throws(CheckpointError) in
            try RestormerBlock(
                parameters.scope(name).scope("\(index)"), channels: channels, heads: heads,
                configuration: configuration)
        }
    }

    /// Puts the result in the place of the input.
    package func apply(
        to state: Tensor, observe: ((_ stage: String, _ result: Tensor) -> Void)?, in workspace: Workspace
    ) {
        for (index, block) in blocks.enumerated() {
            let note = observe.map { observe in { (part: String, result: Tensor) in observe("\(name).\(index).\(part)", result) } }
            block.apply(to: state, observe: note, in: workspace)
            observe?("\(name).\(index)", state)
        }
        observe?(name, state)
    }
}

/// What leads down to the lowest level: the same in both networks.
package struct RestormerEncoder: Sendable {
    private let enter: Convolution  // patch_embed.proj
    private let levels: [BlockRow]  // encoder_level1, encoder_level2, encoder_level3
    private let halvings: [HalvingConvolution]  // down1_2, down2_3, down3_4
    private let latent: BlockRow  // latent

    package init(
        _ parameters: ParameterReader, configuration: RestormerConfiguration
    ) throws(CheckpointError) {
        enter = try parameters.inFull.convolution(
            "patch_embed.proj", inputs: configuration.inputChannels, outputs: configuration.width, kernel: 3, padding: 1,
            bias: false, ways: exactWays)
        func row(_ name: String, level: Int) throws(CheckpointError) -> BlockRow {
            try BlockRow(
                parameters, name, count: configuration.blocks[level], channels: configuration.width(ofLevel: level),
                heads: configuration.heads[level], configuration: configuration)
        }
        levels = try (0..<3).map { level throws(CheckpointError) in try row("encoder_level\(level + 1)", level: level) }
        latent = try row("latent", level: 3)
        halvings = try (0..<3).map { level throws(CheckpointError) in
            try HalvingConvolution(
                parameters, "down\(level + 1)_\(level + 2)", channels: configuration.width(ofLevel: level))
        }
    }

    package struct Result {
        /// What `patch_embed` gave, where it is asked for.
        package let entered: Tensor?
        /// Of the three levels, going down.
        package let skips: [Tensor]
        package let latent: Tensor
    }

    /// - Parameters:
    ///   - keepsEntered: whether what `patch_embed` gives is wanted as well.
    ///   - surroundings: what a network around this one changes.
    package func callAsFunction(
        _ input: Tensor, keepsEntered: Bool = false, around surroundings: RestormerSurroundings,
        observe: ((_ stage: String, _ result: Tensor) -> Void)?, in workspace: Workspace
    ) -> Result {
        var state = enter([input], in: workspace)
        observe?("patch_embed", state)
        // Blocks put their results in the place of their input.
        let entered = keepsEntered ? joined([state], in: workspace) : nil
        var skips: [Tensor] = []
        for (index, level) in levels.enumerated() {
            state = surroundings.open(index, state)
            level.apply(to: state, observe: observe, in: workspace)
            skips.append(state)
            state = halvings[index](state, in: workspace)
            observe?("down\(index + 1)_\(index + 2)", state)
        }
        state = surroundings.open(levels.count, state)
        latent.apply(to: state, observe: observe, in: workspace)
        return Result(entered: entered, skips: skips, latent: state)
    }
}
