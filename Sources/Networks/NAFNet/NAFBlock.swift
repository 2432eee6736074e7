package import Checkpoints
package import Compute
import Layers

/// The block of NAFNet (README, "Block"): products of activations, no activation function.
///
///     h = gate(conv2(conv1(norm1(x)))) * sca(mean of it over all pixels)
///     y = x + conv3(h) * beta
///     result = y + conv5(gate(conv4(norm2(y)))) * gamma
package struct NAFBlock: Sendable {
    package let channels: Int
    private let firstNorm: PixelNorm  // norm1
    private let mix: PointwiseDepthwise  // conv1, conv2
    private let attention: Linear?  // sca.1
    private let secondNorm: PixelNorm  // norm2
    private let update: PixelwiseUpdate  // conv3 with beta, conv4, conv5 with gamma

    /// Which norm a block has.
    package enum Norm: String, Sendable, CaseIterable {
        /// Gain and bias, `norm1.weight`, `norm1.bias`.
        case affine
        /// A gain only, `norm1.g`.
        case gain
    }

    /// - Parameter attention: whether the block scales its channels by their means; else its owner puts something else there.
    package init(
        _ parameters: ParameterReader, channels: Int, norm: Norm = .affine, attention hasAttention: Bool = true
    ) throws(CheckpointError) {
        self.channels = channels
        firstNorm = try Self.norm("norm1", norm, parameters, channels: channels)
        secondNorm = try Self.norm("norm2", norm, parameters, channels: channels)
        mix = try PointwiseDepthwise(
            pointwise: (
                parameters.take("conv1.weight", [2 * channels, channels, 1, 1]),
                parameters.take("conv1.bias", [2 * channels])
            ),
            depthwise: (
                parameters.take("conv2.weight", [2 * channels, 1, 3, 3]), parameters.take("conv2.bias", [2 * channels])
            ), inputs: channels, outputs: channels, gate: .product,
            precision: parameters.precision)
        attention = hasAttention
            ? try parameters.inFull.pointwise("sca.1", inputs: channels, outputs: channels, bias: true) : nil
        update = try PixelwiseUpdate(
            project: Self.scaled("conv3", by: "beta", parameters, channels: channels),
            expand: parameters.pointwise("conv4", inputs: channels, outputs: 2 * channels, bias: true),
            contract: Self.scaled("conv5", by: "gamma", parameters, channels: channels))
    }

    private static func norm(
        _ name: String, _ norm: Norm, _ parameters: ParameterReader, channels: Int
    ) throws(CheckpointError) -> PixelNorm {
        switch norm {
        case .affine:
            try PixelNorm(
                gain: parameters.take("\(name).weight", [channels]), bias: parameters.take("\(name).bias", [channels]),
                epsilon: 1e-6)
        case .gain: try PixelNorm(gain: parameters.take("\(name).g", [1, channels, 1, 1]), bias: nil, epsilon: 1e-5)
        }
    }

    /// A 1x1 convolution whose results are multiplied by learned numbers, which its weights take in.
    private static func scaled(
        _ name: String, by factors: String, _ parameters: ParameterReader, channels: Int
    ) throws(CheckpointError) -> Linear {
        var weight = try parameters.take("\(name).weight", [channels, channels, 1, 1])
        var bias = try parameters.take("\(name).bias", [channels])
        let factors = try parameters.take(factors, [1, channels, 1, 1])
        for row in 0..<channels {
            bias[row] *= factors[row]
            for column in 0..<channels { weight[row * channels + column] *= factors[row] }
        }
        return Linear(
            weight: weight, bias: bias, inputs: channels, outputs: channels, precision: parameters.precision)
    }

    /// What scales and shifts a block's norms, a row for each sample.
    package struct Modulation {
        package var firstShifts: [[Float]]
        package var firstScales: [[Float]]
        package var secondShifts: [[Float]]
        package var secondScales: [[Float]]

        package init(
            firstShifts: [[Float]], firstScales: [[Float]], secondShifts: [[Float]], secondScales: [[Float]]
        ) {
            self.firstShifts = firstShifts
            self.firstScales = firstScales
            self.secondShifts = secondShifts
            self.secondScales = secondScales
        }
    }

    /// Puts the result in the place of the input.
    ///
    /// - Parameters:
    ///   - state: the input.
    ///   - modulation: of the norms.
    ///   - addend: added to the result; nil for none.
    ///   - replacement: what stands in the place of channel attention, where the block has none.
    package func apply(
        to state: Tensor, modulation: Modulation? = nil, adding addend: Tensor? = nil, context: BlockContext,
        replacement: ((Tensor) -> Tensor)? = nil
    ) {
        let workspace = context.workspace
        let (norm, laterNorm) = norms(modulation)
        let (mixed, sums) = mix(state, norm: norm, summing: attention != nil, in: workspace)
        context.note("gate.0", mixed)
        var hidden = mixed
        var scales: [[Float]]?
        if let attention {
            let own = sums.map { sums in sums.map { Float($0 / Double(state.pixels)) } }
            let means = context.means?.exchange(own, ofBlock: context.index) ?? own
            let vectors = attention(
                Tensor(
                    means.flatMap(\.self), batch: state.batch, width: 1, channels: channels, pool: workspace.pool),
                in: workspace)
            context.note("sca", vectors)
            let values = vectors.values
            scales = (0..<state.batch).map { Array(values[$0 * channels..<($0 + 1) * channels]) }
        } else if let replacement {
            hidden = replacement(mixed)
        }
        update.apply(to: state, hidden: hidden, scales: scales, norm: laterNorm, adding: addend, in: workspace)
    }

    private func norms(_ modulation: Modulation?) -> (PixelNorm, PixelNorm) {
        guard let modulation else { return (firstNorm, secondNorm) }
        return (
            firstNorm.modulated(scales: modulation.firstScales, shifts: modulation.firstShifts),
            secondNorm.modulated(scales: modulation.secondScales, shifts: modulation.secondShifts)
        )
    }
}
