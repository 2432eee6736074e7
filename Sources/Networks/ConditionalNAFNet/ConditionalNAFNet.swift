package import Checkpoints
package import Compute
import Layers
package import NAFNet
import RestorationUNet

/// NAFNet steered by DA-CLIP: the degradation embedding modulates every block, the content embedding is attended to in the
/// lowest ones (README).
package struct ConditionalNAFNet: Sendable {
    package let configuration: ConditionalNAFNetConfiguration
    private let trunk: NAFTrunk<ConditionalBlock>
    private let prompt: DegradationPrompt?

    /// - Throws: `CheckpointError` that names every missing, surplus and mis-shaped tensor.
    package init(
        _ parameters: ParameterReader, configuration: ConditionalNAFNetConfiguration
    ) throws(CheckpointError) {
        self.configuration = configuration
        prompt = configuration.usesDegradation
            ? try DegradationPrompt(
                parameters.inFull, contextWidth: configuration.contextWidth, width: configuration.promptWidth) : nil
        trunk = try NAFTrunk(parameters, configuration: configuration.trunk) { reader, level throws(CheckpointError) in
            try ConditionalBlock(reader, level: level, configuration: configuration)
        }
        try parameters.finish()
    }

    /// One sample of a batch.
    package struct Sample: Sendable {
        /// Height x width x 3, interleaved, nominally 0...1.
        package var picture: [Float]
        /// As the encoder gives them, not normalised; `contextWidth` long where the network uses them.
        package var degradation: [Float]
        package var content: [Float]

        package init(picture: [Float], degradation: [Float], content: [Float]) {
            self.picture = picture
            self.degradation = degradation
            self.content = content
        }
    }

    /// Evaluates samples of one size together. What a sample gets never depends on the others.
    ///
    /// - Parameters:
    ///   - samples: at least one.
    ///   - means: of the blocks in the middle, as far as they have channel attention.
    /// - Returns: a picture a sample, laid out as those; nothing is clamped.
    package func callAsFunction(
        _ samples: [Sample], height: Int, width: Int, means: ChannelMeans? = nil,
        observe: ((_ stage: String, _ result: Tensor) -> Void)? = nil, in workspace: Workspace
    ) -> [[Float]] {
        func tokens(_ vectors: [[Float]]) -> Tensor {
            Tensor(
                vectors.flatMap(\.self), width: vectors.count, channels: configuration.contextWidth,
                pool: workspace.pool)
        }
        let steering = prompt.map { prompt in
            gated(prompt(tokens(samples.map(\.degradation)), observe: observe, in: workspace), in: workspace)
        }
        let content = configuration.usesContent ? tokens(samples.map(\.content)) : nil
        return trunk(
            samples.map(\.picture), height: height, width: width, steps: .init { block, state, context in
                block.apply(to: state, prompt: steering, content: content, context: context)
            }, means: means, observe: observe, in: workspace)
    }

    /// The first half of each token times the second.
    private func gated(_ tokens: Tensor, in workspace: Workspace) -> Tensor {
        let width = tokens.channels / 2
        let result = workspace.tensor(batch: 1, width: tokens.pixels, channels: width)
        workspace.kernels.pixels.pointee.multiply(
            tokens.base, tokens.base + width, tokens.channels, result.base, width, tokens.pixels, width)
        return result
    }
}
