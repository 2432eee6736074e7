package import Checkpoints
package import Compute
package import NAFNet

/// InstructIR (Conde et al., ECCV 2024): NAFNet steered by an instruction in words (README).
package struct InstructIR: Sendable {
    package let configuration: InstructIRConfiguration
    private let trunk: NAFTrunk<NAFBlock>
    private let encoderConditions: [InstructionBlock]  // enc_cond.i
    private let decoderConditions: [InstructionBlock]  // dec_cond.j

    /// - Throws: `CheckpointError` that names every missing, surplus and mis-shaped tensor.
    package init(_ parameters: ParameterReader, configuration: InstructIRConfiguration) throws(CheckpointError) {
        self.configuration = configuration
        let sizes = configuration.trunk
        trunk = try NAFTrunk(parameters, configuration: sizes) { reader, level throws(CheckpointError) in
            try NAFBlock(reader, channels: sizes.width(ofLevel: level))
        }
        func condition(_ name: String, _ index: Int, level: Int) throws(CheckpointError) -> InstructionBlock {
            try InstructionBlock(
                parameters.scope(name).scope("\(index)"), channels: sizes.width(ofLevel: level),
                instructionWidth: configuration.instructionWidth)
        }
        encoderConditions = try (0..<sizes.depth).map { level throws(CheckpointError) in
            try condition("enc_cond", level, level: level)
        }
        decoderConditions = try (0..<sizes.depth).map { index throws(CheckpointError) in
            try condition("dec_cond", index, level: sizes.depth - 1 - index)
        }
        try parameters.finish()
    }

    /// One sample of a batch.
    package struct Sample: Sendable {
        /// Height x width x 3, interleaved, nominally 0...1.
        package var picture: [Float]
        /// `instructionWidth` long.
        package var instruction: [Float]

        package init(picture: [Float], instruction: [Float]) {
            self.picture = picture
            self.instruction = instruction
        }
    }

    /// Evaluates samples of one size together. What a sample gets never depends on the others.
    ///
    /// - Parameters:
    ///   - samples: at least one.
    ///   - means: of the blocks in the middle.
    /// - Returns: a picture a sample, laid out as those; nothing is clamped.
    package func callAsFunction(
        _ samples: [Sample], height: Int, width: Int, means: ChannelMeans? = nil,
        observe: ((_ stage: String, _ result: Tensor) -> Void)? = nil, in workspace: Workspace
    ) -> [[Float]] {
        let instructions = Tensor(
            samples.flatMap(\.instruction), width: samples.count, channels: configuration.instructionWidth,
            pool: workspace.pool)
        func close(_ condition: InstructionBlock, _ name: String, _ state: Tensor) -> Tensor {
            let note = observe.map { observe in { (part: String, result: Tensor) in observe("\(name).\(part)", result) } }
            let result = condition(
                state, instructions: instructions, context: BlockContext(workspace: workspace, observe: note))
            observe?(name, result)
            return result
        }
        return trunk(
            samples.map(\.picture), height: height, width: width,
            steps: .init(
                apply: { block, state, context in block.apply(to: state, context: context) },
                close: { level, state in
                    switch level {
                    case .encoder(let index): close(encoderConditions[index], "enc_cond.\(index)", state)
                    case .decoder(let index): close(decoderConditions[index], "dec_cond.\(index)", state)
                    case .middle: state
                    }
                }), means: means, observe: observe, in: workspace)
    }
}
