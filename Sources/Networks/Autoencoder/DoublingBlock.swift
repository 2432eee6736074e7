import Checkpoints
import Compute
import Layers

/// What makes a map twice as large each way, and the block behind it, where that has fewer channels: `upsample.conv` of one level and
/// `block.0` of the next finer one (README, "Decoder").
///
/// The doubled map would be the largest of all. It never is there as a whole: it is made in parts of its channels, and each part adds
/// to the shortcut and to the block's first convolution before the next one is made.
struct DoublingBlock: Sendable {
    private let parts: [Part]
    private let leaveNorm: GroupNorm  // norm2
    private let leave: Convolution  // conv2

    private struct Part: Sendable {
        let double: Convolution  // upsample.conv, of some outputs
        let norm: GroupNorm  // norm1, of some groups
        let enter: Convolution  // conv1, of some inputs
        let shortcut: Convolution  // nin_shortcut, of some inputs
    }

    /// As wide as what comes out, so that a part is a map like the others.
    private static func partCount(inputs: Int, outputs: Int) -> Int { inputs / outputs }

    static func takes(inputs: Int, outputs: Int) -> Bool {
        inputs > outputs && inputs % outputs == 0
            && AutoencoderConfiguration.groups % partCount(inputs: inputs, outputs: outputs) == 0
    }

    /// - Parameters:
    ///   - upper: of the coarser level, with `inputs` channels.
    ///   - block: of the first block of the finer one, with `outputs`.
    init(
        upper: ParameterReader, block: ParameterReader, inputs: Int, outputs: Int
    ) throws(CheckpointError) {
        let count = Self.partCount(inputs: inputs, outputs: outputs)
        let double = try upper.convolution(
            "upsample.conv", inputs: inputs, outputs: inputs, inPartsOfOutputs: count, kernel: 3, padding: 1)
        let norms = try block.groupNorm("norm1", width: inputs, epsilon: AutoencoderBlock.epsilon).parts(count)
        let enter = try block.convolution(
            "conv1", inputs: inputs, inPartsOfInputs: count, outputs: outputs, kernel: 3, padding: 1)
        let shortcut = try block.convolution(
            "nin_shortcut", inputs: inputs, inPartsOfInputs: count, outputs: outputs, kernel: 1, padding: 0)
        parts = (0..<count).map { index in
            Part(double: double[index], norm: norms[index], enter: enter[index], shortcut: shortcut[index])
        }
        leaveNorm = try block.groupNorm("norm2", width: outputs, epsilon: AutoencoderBlock.epsilon)
        leave = try block.convolution("conv2", inputs: outputs, outputs: outputs, kernel: 3, padding: 1, bias: true)
    }

    /// Replaces the state by one of twice its height and width.
    ///
    /// - Parameter observe: is told the doubled map, which is made once more for it.
    func apply(to state: inout Tensor, observe: ((Tensor) -> Void)?, in workspace: Workspace) {
        observe?(joined(parts.map { $0.double([state], upsampled: true, in: workspace) }, in: workspace))
        var sums: (residual: Tensor, hidden: Tensor)?
        for part in parts {
            let doubled = part.double([state], upsampled: true, in: workspace)
            let residual = part.shortcut(
                [doubled], epilogue: .init(residual: sums?.residual), into: sums?.residual, in: workspace)
            let activated = part.norm.activated([doubled], .silu, inPlace: true, in: workspace)
            let hidden = part.enter(activated, epilogue: .init(residual: sums?.hidden), into: sums?.hidden, in: workspace)
            sums = (residual, hidden)
        }
        guard let (residual, hidden) = sums else { return }
        let activated = leaveNorm.activated([hidden], .silu, inPlace: true, in: workspace)
        // Not into the shortcut: what comes out takes the place of a part, which lies lower, so that the next level begins there.
        state = leave(activated, epilogue: .init(residual: residual), in: workspace)
    }
}
