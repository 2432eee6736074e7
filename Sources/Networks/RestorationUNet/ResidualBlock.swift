import Checkpoints
import Compute
import Layers

/// Two 3x3 convolutions around a shortcut; the time embedding scales and shifts between them (README,
/// "Residual block").
///
///     h = silu(block1(x) * (scale + 1) + shift),  (scale, shift) = mlp(silu(time))
///     y = silu(block2(h)) + shortcut(x)
struct ResidualBlock: Sendable {
    private let modulation: Linear  // mlp.1
    private let first: Convolution  // block1.proj
    private let second: Convolution  // block2.proj
    private let shortcut: Convolution?  // res_conv, where channels change
    private let outputs: Int

    init(_ parameters: ParameterReader, inputs: Int, outputs: Int, timeWidth: Int) throws(CheckpointError) {
        self.outputs = outputs
        modulation = try parameters.inFull.linear("mlp.1", inputs: timeWidth, outputs: 2 * outputs)
        (first, second) = try parameters.both(
            { () throws(CheckpointError) in
                try parameters.convolution(
                    "block1.proj", inputs: inputs, outputs: outputs, kernel: 3, padding: 1, bias: false)
            },
            { () throws(CheckpointError) in
                try parameters.convolution(
                    "block2.proj", inputs: outputs, outputs: outputs, kernel: 3, padding: 1, bias: false)
            })
        shortcut = inputs == outputs ? nil : try parameters.convolution(
            "res_conv", inputs: inputs, outputs: outputs, kernel: 1, padding: 0, bias: false)
    }

    /// - Parameters:
    ///   - sources: one tensor, or two that are joined along their channels.
    ///   - time: silu of the time embedding, one token a sample.
    func callAsFunction(_ sources: [Tensor], time: Tensor, in workspace: Workspace) -> Tensor {
        let (scale, shift) = modulations(time, in: workspace)
        let hidden = first(
            sources, epilogue: .init(scale: scale, shift: shift, activation: .silu), in: workspace)
        let residual = shortcut.map { $0(sources, in: workspace) }
        return second(
            [hidden], epilogue: .init(activation: .silu, residual: residual ?? sources[0]), into: residual,
            in: workspace)
    }

    private func modulations(_ time: Tensor, in workspace: Workspace) -> (scale: [Float], shift: [Float]) {
        let values = modulation(time, in: workspace)
        var scale: [Float] = []
        var shift: [Float] = []
        for sample in 0..<time.pixels {
            let row = values.base + sample * 2 * outputs
            for channel in 0..<outputs { scale.append(row[channel] + 1) }
            for channel in outputs..<2 * outputs { shift.append(row[channel]) }
        }
        return (scale, shift)
    }
}
