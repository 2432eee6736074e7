package import Checkpoints
package import Compute
import Layers

/// The trunk that NAFNet, ConditionalNAFNet and InstructIR share (NAFNet's README, "From end to end"): levels of blocks around
/// halvings and doublings, with skips that are added. What a block is, and what follows a level, is the network's own.
package struct NAFTrunk<Block: Sendable>: Sendable {
    package let configuration: NAFNetConfiguration
    private let enter: Convolution  // intro
    private let encoders: [[Block]]  // encoders.i.n
    private let downs: [Convolution]  // downs.i
    private let middle: [Block]  // middle_blks.n
    private let ups: [DoublingProjection]  // ups.j.0
    private let decoders: [[Block]]  // decoders.j.n
    private let leave: Convolution  // ending

    /// Where a block stands.
    package enum Level: Sendable, Equatable {
        /// Counted going down.
        case encoder(Int)
        case middle
        /// Counted going up.
        case decoder(Int)
    }

    /// - Parameter block: makes a block of a level, which is counted going down, the middle being the depth.
    package init(
        _ parameters: ParameterReader, configuration: NAFNetConfiguration,
        block: (_ parameters: ParameterReader, _ level: Int) throws(CheckpointError) -> Block
    ) throws(CheckpointError) {
        self.configuration = configuration
        let (width, depth) = (configuration.width, configuration.depth)
        let channels = NAFNetConfiguration.pictureChannels
        let inputs = configuration.inputChannels
        func blocks(_ name: String, _ count: Int, level: Int) throws(CheckpointError) -> [Block] {
            let reader = name.split(separator: ".").reduce(parameters) { $0.scope(String($1)) }
            return try (0..<count).map { index throws(CheckpointError) in try block(reader.scope("\(index)"), level) }
        }
        // What stands next to a picture is never rounded.
        enter = try parameters.inFull.convolution(
            "intro", inputs: inputs, outputs: width, kernel: 3, padding: 1, bias: true)
        leave = try parameters.inFull.convolution(
            "ending", inputs: width, outputs: channels, kernel: 3, padding: 1, bias: true)
        encoders = try (0..<depth).map { level throws(CheckpointError) in
            try blocks("encoders.\(level)", configuration.encoderBlocks[level], level: level)
        }
        downs = try (0..<depth).map { level throws(CheckpointError) in
            try parameters.convolution(
                "downs.\(level)", inputs: width << level, outputs: width << (level + 1), kernel: 2, stride: 2, padding: 0,
                bias: true)
        }
        middle = try blocks("middle_blks", configuration.middleBlocks, level: depth)
        ups = try (0..<depth).map { index throws(CheckpointError) in
            let inputs = width << (depth - index)
            return DoublingProjection(
                weight: try parameters.take("ups.\(index).0.weight", [2 * inputs, inputs, 1, 1]), inputs: inputs,
                outputs: inputs / 2, precision: parameters.precision)
        }
        decoders = try (0..<depth).map { index throws(CheckpointError) in
            try blocks("decoders.\(index)", configuration.decoderBlocks[index], level: depth - 1 - index)
        }
    }

    /// Told each stage's name and result as it is computed, for comparison with recorded numbers.
    package typealias Observer = (_ stage: String, _ result: Tensor) -> Void

    /// What the network does with its blocks.
    package struct Steps {
        /// Puts a block's result in the place of its input.
        package var apply: (_ block: Block, _ state: Tensor, _ context: BlockContext) -> Void
        /// What a level's blocks are given in the place of what came to it, on the way down and in the middle: a tensor of the
        /// same shape.
        package var open: (_ level: Level, _ state: Tensor) -> Tensor
        /// What follows a level's blocks, but for the middle: a tensor of the same shape.
        package var close: (_ level: Level, _ state: Tensor) -> Tensor

        package init(
            apply: @escaping (_ block: Block, _ state: Tensor, _ context: BlockContext) -> Void,
            open: @escaping (_ level: Level, _ state: Tensor) -> Tensor = { $1 },
            close: @escaping (_ level: Level, _ state: Tensor) -> Tensor = { $1 }
        ) {
            self.apply = apply
            self.open = open
            self.close = close
        }
    }

    /// Evaluates pictures of one size together. What a picture gets never depends on the others.
    ///
    /// - Parameters:
    ///   - pictures: height x width x input channels, interleaved, nominally 0...1.
    ///   - alignment: that both sides are padded to multiples of; nil for the configuration's.
    ///   - means: sees the means of the channels in each block of the middle, and answers with those to be used.
    /// - Returns: a picture each, laid out the same; nothing is clamped.
    package func callAsFunction(
        _ pictures: [[Float]], height: Int, width: Int, alignment: Int? = nil, steps: Steps, means: ChannelMeans? = nil,
        observe: Observer? = nil, in workspace: Workspace
    ) -> [[Float]] {
        let input = PicturePadding.padded(
            pictures, height: height, width: width, channels: configuration.inputChannels,
            alignment: alignment ?? configuration.alignment, margin: .zeros, in: workspace)
        var state = enter([input], in: workspace)
        observe?("intro", state)
        func run(_ blocks: [Block], _ name: String, _ means: ChannelMeans? = nil) {
            for (index, block) in blocks.enumerated() {
                let note = observe.map { observe in { (part: String, result: Tensor) in observe("\(name).\(index).\(part)", result) } }
                steps.apply(block, state, BlockContext(workspace: workspace, observe: note, means: means, index: index))
            }
        }
        var skips: [Tensor] = []
        for level in 0..<configuration.depth {
            state = steps.open(.encoder(level), state)
            run(encoders[level], "encoders.\(level)")
            observe?("encoders.\(level)", state)
            state = steps.close(.encoder(level), state)
            skips.append(state)
            state = downs[level]([state], in: workspace)
            observe?("downs.\(level)", state)
        }
        state = steps.open(.middle, state)
        run(middle, "middle", means)
        observe?("middle", state)
        for index in 0..<configuration.depth {
            observe?("ups.\(index)", ups[index](state, addingTo: nil, in: workspace))
            state = ups[index](state, addingTo: skips.removeLast(), in: workspace)
            run(decoders[index], "decoders.\(index)")
            observe?("decoders.\(index)", state)
            state = steps.close(.decoder(index), state)
        }
        if let observe { observe("ending", leave([state], in: workspace)) }
        let corrected = corrected(input, in: workspace)
        let result = leave([state], epilogue: .init(residual: corrected), into: corrected, in: workspace)
        return PicturePadding.cropped(result, height: height, width: width)
    }
    /// The picture that the network's answer is added to: the last one of the input.
    private func corrected(_ input: Tensor, in workspace: Workspace) -> Tensor {
        let channels = NAFNetConfiguration.pictureChannels
        guard input.channels > channels else { return input }
        let result = workspace.tensor(
            batch: input.batch, height: input.height, width: input.width, channels: channels)
        let offset = input.channels - channels
        for pixel in 0..<input.batch * input.pixels {
            (result.base + pixel * channels).update(from: input.base + pixel * input.channels + offset, count: channels)
        }
        return result
    }
}
