import Checkpoints
import Compute
import Layers
import NAFNet

/// What follows the blocks of a level: channels are scaled, shifted and weighed by what the instruction says, go through one
/// more block, and are added to what came (README, "Instruction block").
struct InstructionBlock: Sendable {
    private let channels: Int
    private let weigh: Linear  // fc
    private let scale: [Float]  // gamma
    private let shift: [Float]  // beta
    private let block: NAFBlock  // block

    init(_ parameters: ParameterReader, channels: Int, instructionWidth: Int) throws(CheckpointError) {
        self.channels = channels
        weigh = try parameters.inFull.linear("fc", inputs: instructionWidth, outputs: channels)
        scale = try parameters.take("gamma", [1, channels, 1, 1])
        shift = try parameters.take("beta", [1, channels, 1, 1])
        block = try NAFBlock(parameters.scope("block"), channels: channels)
    }

    /// - Parameter instructions: a token a sample.
    func callAsFunction(_ input: Tensor, instructions: Tensor, context: BlockContext) -> Tensor {
        let workspace = context.workspace
        let logits = weigh(instructions, in: workspace)
        context.note("fc", logits)
        let result = workspace.tensor(
            batch: input.batch, height: input.height, width: input.width, channels: channels)
        for sample in 0..<input.batch {
            let weights = (0..<channels).map { 1 / (1 + Float.exponential(-logits.base[sample * channels + $0])) }
            let (scales, shifts) = (zip(scale, weights).map(*), zip(shift, weights).map(*))
            workspace.team.run(input.height) { row, _ in
                let offset = row * input.width * channels
                workspace.kernels.pixels.pointee.scale(
                    input.sample(sample) + offset, channels, result.sample(sample) + offset, channels, input.width,
                    channels, scales, shifts)
            }
        }
        if let observe = context.observe {
            let alone = workspace.tensor(
                batch: input.batch, height: input.height, width: input.width, channels: channels)
            alone.base.update(from: result.base, count: result.count)
            block.apply(to: alone, context: BlockContext(workspace: workspace))
            observe("block", alone)
        }
        block.apply(to: result, adding: input, context: BlockContext(workspace: workspace))
        return result
    }
}
