package import Checkpoints
package import Compute
import Layers

/// The restoration network: predicts the noise, or the clean picture, from a diffusion state and the degraded picture
/// (README, "From end to end"; DA-CLIP section 4, IR-SDE appendix).
package struct ConditionalUNet: Sendable {
    package let configuration: ConditionalUNetConfiguration
    private let enter: Convolution  // init_conv
    private let halve: Convolution?  // downsample, at scale 0.5
    private let embedding: TimeEmbedding  // time_mlp, text_mlp, prompt, prompt_mlp
    private let downs: [DownLevel]  // downs
    private let middle: MiddleLevel  // mid_block1, mid_attn, mid_block2
    private let ups: [UpLevel]  // ups, the lowest level first
    private let double: Convolution?  // upsample.1, at scale 0.5
    private let leaveBlock: ResidualBlock  // final_res_block
    private let leave: Convolution  // final_conv

    /// - Throws: `CheckpointError` that names every missing, surplus and mis-shaped tensor.
    package init(_ parameters: ParameterReader, configuration: ConditionalUNetConfiguration) throws(CheckpointError) {
        self.configuration = configuration
        let width = configuration.baseWidth
        let depth = configuration.depth
        enter = try parameters.convolution(
            "init_conv", inputs: 2 * ConditionalUNetConfiguration.pictureChannels, outputs: width, kernel: 7, padding: 3, bias: false)
        halve = !configuration.halvesFirst ? nil : try parameters.convolution(
            "downsample", inputs: width, outputs: width, kernel: 4, stride: 2, padding: 1, bias: true)
        embedding = try TimeEmbedding(parameters, configuration: configuration)
        downs = try parameters.map(depth) { level throws(CheckpointError) in
            try DownLevel(parameters.scope("downs").scope("\(level)"), level: level, configuration: configuration)
        }
        middle = try MiddleLevel(parameters, configuration: configuration)
        ups = try parameters.map(depth) { position throws(CheckpointError) in
            try UpLevel(
                parameters.scope("ups").scope("\(position)"), level: depth - 1 - position, configuration: configuration)
        }
        double = !configuration.halvesFirst ? nil : try parameters.convolution(
            "upsample.1", inputs: width, outputs: width, kernel: 3, padding: 1, bias: true)
        leaveBlock = try ResidualBlock(
            parameters.scope("final_res_block"), inputs: 2 * width, outputs: width, timeWidth: configuration.timeWidth)
        leave = try parameters.convolution(
            "final_conv", inputs: width, outputs: ConditionalUNetConfiguration.pictureChannels, kernel: 3, padding: 1, bias: true)
        try parameters.finish()
    }

    /// One sample of a batch.
    package struct Sample: Sendable {
        /// x_t and mu: height x width x 3, interleaved, in [0, 1] but for the noise.
        package var state: [Float]
        package var condition: [Float]
        /// On the scale of the training steps, 0...T.
        package var time: Float
        /// As the encoder gives them, not normalised; nil leaves the prompt out.
        package var degradation: [Float]?
        package var content: [Float]?

        package init(
            state: [Float], condition: [Float], time: Float, degradation: [Float]? = nil, content: [Float]? = nil
        ) {
            self.state = state
            self.condition = condition
            self.time = time
            self.degradation = degradation
            self.content = content
        }
    }

    /// Told each stage's name and result as it is computed, for comparison with recorded numbers.
    package typealias Observer = (_ stage: String, _ result: Tensor) -> Void

    /// Evaluates samples of one size together. What a sample gets never depends on the others.
    ///
    /// - Parameters:
    ///   - samples: at least one; either all have a degradation embedding or none, and all have a content embedding
    ///     where the network uses it.
    ///   - height: of each picture, at least 1.
    /// - Returns: a prediction a sample: height x width x 3, interleaved.
    package func callAsFunction(
        _ samples: [Sample], height: Int, width: Int, observe: Observer? = nil, in workspace: Workspace
    ) -> [[Float]] {
        var predictions: [[Float]] = []
        evaluate(samples, height: height, width: width, observe: observe, in: workspace) { _, prediction in
            predictions.append(Array(prediction))
        }
        return predictions
    }

    /// The same, where the caller takes the predictions from the workspace's memory.
    ///
    /// - Parameter receive: told each sample's prediction, in their order, once nothing holds the samples any more: states may
    ///   be changed in place.
    package func evaluate(
        _ samples: consuming [Sample], height: Int, width: Int, observe: Observer? = nil, in workspace: Workspace,
        receive: (_ index: Int, _ prediction: UnsafeBufferPointer<Float>) -> Void
    ) {
        let time = embedding(
            times: samples.map(\.time), degradations: tokens(samples.map(\.degradation), in: workspace),
            observe: observe, in: workspace)
        activate(time, .silu, in: workspace)
        let content = configuration.usesContent ? tokens(samples.map(\.content), in: workspace) : nil
        precondition(content != nil || !configuration.usesContent, "this network needs a content embedding a sample")
        let stages = Stages(time: time, content: content, observe: observe, workspace: workspace)

        let input = padded(samples, height: height, width: width, in: workspace)
        samples = []
        observe?("padded_input", input)
        let entered = enter([input], in: workspace)
        observe?("init_conv", entered)
        var state = entered
        if let halve {
            state = halve([entered], in: workspace)
            observe?("outer_downsample", state)
        }
        var skips: [Tensor] = []
        descend(&state, skips: &skips, stages)
        cross(&state, stages)
        ascend(&state, skips: &skips, stages)
        if let double {
            state = double([state], upsampled: true, in: workspace)
            observe?("outer_upsample", state)
        }
        state = leaveBlock([state, entered], time: time, in: workspace)
        observe?("final_res_block", state)
        let prediction = cropped(leave([state], in: workspace), height: height, width: width, in: workspace)
        withExtendedLifetime(prediction) {
            for index in 0..<prediction.batch {
                receive(index, UnsafeBufferPointer(start: prediction.sample(index), count: prediction.sampleCount))
            }
        }
    }

    private struct Stages {
        let time: Tensor
        let content: Tensor?
        let observe: Observer?
        let workspace: Workspace

        func note(_ stage: String) -> ((Tensor) -> Void)? {
            observe.map { observe in { observe(stage, $0) } }
        }
    }

    private func descend(_ state: inout Tensor, skips: inout [Tensor], _ stages: Stages) {
        for (index, level) in downs.enumerated() {
            state = level.first([state], time: stages.time, in: stages.workspace)
            stages.observe?("downs\(index).block1", state)
            skips.append(state)
            state = level.second([state], time: stages.time, in: stages.workspace)
            state = level.attention(
                state, content: stages.content, observe: stages.note("downs\(index).attention"), in: stages.workspace)
            skips.append(state)
            state = level.close([state], in: stages.workspace)
            stages.observe?("downs\(index).output", state)
        }
    }

    private func cross(_ state: inout Tensor, _ stages: Stages) {
        state = middle.first([state], time: stages.time, in: stages.workspace)
        stages.observe?("mid.block1", state)
        state = middle.attention(state, content: stages.content, in: stages.workspace)
        stages.observe?("mid.attn", state)
        state = middle.second([state], time: stages.time, in: stages.workspace)
        stages.observe?("mid.output", state)
    }

    private func ascend(_ state: inout Tensor, skips: inout [Tensor], _ stages: Stages) {
        for (index, level) in ups.enumerated() {
            state = level.first([state, skips.removeLast()], time: stages.time, in: stages.workspace)
            state = level.second([state, skips.removeLast()], time: stages.time, in: stages.workspace)
            state = level.attention(state, content: stages.content, in: stages.workspace)
            state = level.close([state], upsampled: level.doubles, in: stages.workspace)
            stages.observe?("ups\(index).output", state)
        }
    }
}
