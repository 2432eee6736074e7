package import Checkpoints
package import Compute
import Layers

/// The network of latent diffusion (Rombach et al., CVPR 2022): predicts the noise in a latent, or its velocity, steered by a
/// context of tokens (README).
package struct LatentUNet: Sendable {
    package let configuration: LatentUNetConfiguration
    private let embedding: LatentTimeEmbedding  // time_embed
    private let enter: Convolution  // input_blocks.0.0
    private let downs: [Down]  // input_blocks.i
    private let middle: Middle  // middle_block
    private let ups: [Up]  // output_blocks.j
    private let leaveNorm: GroupNorm  // out.0
    private let leave: Convolution  // out.2
    private let transformers: [LatentTransformer]

    private enum Down: Sendable {
        case block(LatentResidualBlock, LatentTransformer?)
        case halve(Convolution)
    }

    private struct Middle: Sendable {
        let first: LatentResidualBlock  // 0
        let transformer: LatentTransformer  // 1
        let second: LatentResidualBlock  // 2
    }

    private struct Up: Sendable {
        let block: LatentResidualBlock  // 0
        let transformer: LatentTransformer?  // 1
        let double: Convolution?  // m.conv
    }

    /// - Throws: `CheckpointError` that names every missing, surplus and mis-shaped tensor.
    package init(_ parameters: ParameterReader, configuration: LatentUNetConfiguration) throws(CheckpointError) {
        let parameters = parameters.inHalves
        self.configuration = configuration
        let plan = LatentUNetPlan(configuration)
        let (width, time) = (configuration.modelChannels, configuration.timeWidth)
        embedding = try LatentTimeEmbedding(parameters, configuration: configuration)
        enter = try parameters.convolution(
            "input_blocks.0.0", inputs: configuration.inputChannels, outputs: width, kernel: 3, padding: 1, bias: true)
        let planned = (plan.downs, plan.ups)
        downs = try parameters.map(planned.0.count) { index throws(CheckpointError) in
            let reader = parameters.scope("input_blocks").scope("\(index + 1)")
            switch planned.0[index] {
            case .halve(let width):
                return .halve(try reader.convolution(
                    "0.op", inputs: width, outputs: width, kernel: 3, stride: 2, padding: 1, bias: true))
            case .block(let block):
                return .block(
                    try LatentResidualBlock(
                        reader.scope("0"), inputs: block.inputs, outputs: block.outputs, timeWidth: time,
                        extent: Self.extent(ofLevel: block.level)),
                    try Self.transformer(reader, block.transformer, block.outputs, configuration))
            }
        }
        let bottom = configuration.width(ofLevel: configuration.depth - 1)
        let reader = parameters.scope("middle_block")
        let deepest = Self.extent(ofLevel: configuration.depth - 1)
        middle = try Middle(
            first: LatentResidualBlock(
                reader.scope("0"), inputs: bottom, outputs: bottom, timeWidth: time, extent: deepest),
            transformer: LatentTransformer(
                reader.scope("1"), index: plan.middleTransformer, width: bottom, configuration: configuration),
            second: LatentResidualBlock(
                reader.scope("2"), inputs: bottom, outputs: bottom, timeWidth: time, extent: deepest))
        ups = try parameters.map(planned.1.count) { index throws(CheckpointError) in
            let reader = parameters.scope("output_blocks").scope("\(index)")
            let block = planned.1[index]
            return try Up(
                block: LatentResidualBlock(
                    reader.scope("0"), inputs: block.inputs, outputs: block.outputs, timeWidth: time,
                    extent: Self.extent(ofLevel: block.level)),
                transformer: Self.transformer(reader, block.transformer, block.outputs, configuration),
                double: !block.doubles ? nil : reader.convolution(
                    "\(block.transformer == nil ? 1 : 2).conv", inputs: block.outputs, outputs: block.outputs, kernel: 3,
                    padding: 1, bias: true, filtersPairs: true, usualExtent: Self.extent(ofLevel: block.level - 1)))
        }
        leaveNorm = try parameters.groupNorm("out.0", width: width, epsilon: 1e-5)
        leave = try parameters.convolution(
            "out.2", inputs: width, outputs: configuration.outputChannels, kernel: 3, padding: 1, bias: true)
        let used: [LatentTransformer?] = downs.map { if case .block(_, let transformer) = $0 { transformer } else { nil } }
            + [middle.transformer] + ups.map(\.transformer)
        transformers = used.compactMap(\.self)
        try parameters.finish()
    }

    /// Rows and columns that a level usually has: those of latents of 64x64, which the networks are trained on.
    private static func extent(ofLevel level: Int) -> Int { max(1, 64 >> level) }

    private static func transformer(
        _ reader: ParameterReader, _ index: Int?, _ width: Int, _ configuration: LatentUNetConfiguration
    ) throws(CheckpointError) -> LatentTransformer? {
        guard let index else { return nil }
        return try LatentTransformer(reader.scope("1"), index: index, width: width, configuration: configuration)
    }

    /// One sample of a batch.
    package struct Sample: Sendable {
        /// height x width x input channels, interleaved.
        package var latent: [Float]
        /// On the scale of the training steps, 0...1000; may be between two.
        package var time: Float
        package var context: TextContext

        package init(latent: [Float], time: Float, context: TextContext) {
            self.latent = latent
            self.time = time
            self.context = context
        }
    }

    /// Told each stage's name and result as it is computed, for comparison with recorded numbers.
    package typealias Observer = (_ stage: String, _ result: Tensor) -> Void

    /// What its transformers see of a context, for as many evaluations as have it.
    ///
    /// - Parameter states: rows of the context's width, at least one.
    package func context(_ states: [Float], in workspace: Workspace) -> TextContext {
        let tokens = states.count / configuration.contextWidth
        let input = Tensor(states, width: tokens, channels: configuration.contextWidth, pool: workspace.pool)
        let projections = transformers.map { $0.project(input, in: workspace) }
        let context = TextContext(
            tokens: tokens,
            projections: zip(projections, transformers).map { (UnsafePointer($0.base), $1.width) })
        return withExtendedLifetime(projections) { context }
    }

    /// Evaluates samples of one size together. What a sample gets never depends on the others.
    ///
    /// - Parameters:
    ///   - samples: at least one.
    ///   - height: of each latent, a multiple of the alignment; likewise `width`.
    /// - Returns: a prediction a sample: height x width x output channels, interleaved.
    package func callAsFunction(
        _ samples: [Sample], height: Int, width: Int, observe: Observer? = nil, in workspace: Workspace
    ) -> [[Float]] {
        precondition(height.isMultiple(of: configuration.alignment) && width.isMultiple(of: configuration.alignment))
        let time = embedding(samples.map(\.time), observe: observe, in: workspace)
        activate(time, .silu, in: workspace)
        let contexts = samples.map(\.context)
        let input = Tensor(
            samples.flatMap(\.latent), batch: samples.count, height: height, width: width,
            channels: configuration.inputChannels, pool: workspace.pool)
        var state = enter([input], in: workspace)
        observe?("input_blocks.0", state)
        var skips = [state]
        for (index, down) in downs.enumerated() {
            switch down {
            case .halve(let convolution): state = convolution([state], in: workspace)
            case .block(let block, let transformer):
                let inner = index == 0 ? observe : nil
                state = block([state], time: time, observe: inner, in: workspace)
                if let transformer { state = transformer(state, contexts: contexts, observe: inner, in: workspace) }
            }
            observe?("input_blocks.\(index + 1)", state)
            skips.append(state)
        }
        state = middle.first([state], time: time, in: workspace)
        state = middle.transformer(state, contexts: contexts, in: workspace)
        state = middle.second([state], time: time, in: workspace)
        observe?("middle_block", state)
        for (index, up) in ups.enumerated() {
            state = up.block([state, skips.removeLast()], time: time, in: workspace)
            if let transformer = up.transformer { state = transformer(state, contexts: contexts, in: workspace) }
            if let double = up.double { state = double([state], upsampled: true, in: workspace) }
            observe?("output_blocks.\(index)", state)
        }
        let result = leave(leaveNorm.activated([state], .silu, inPlace: true, in: workspace), in: workspace)
        observe?("output", result)
        let values = result.values
        return samples.indices.map { Array(values[$0 * result.sampleCount..<($0 + 1) * result.sampleCount]) }
    }
}
