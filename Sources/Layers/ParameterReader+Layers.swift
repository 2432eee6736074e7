package import Checkpoints
package import Compute

/// Layers of the networks, made of parameters as PyTorch names them and orders their numbers, and packed for the reader's
/// precision.
extension ParameterReader {
    /// `NAME.weight` and, where asked for, `NAME.bias`.
    package func linear(_ name: String, inputs: Int, outputs: Int, bias: Bool = true) throws(CheckpointError) -> Linear {
        try linear([name], inputs: inputs, outputs: outputs, bias: bias ? take("\(name).bias", [outputs]) : nil)
    }

    /// Linear layers of the same inputs as one, whose outputs stand side by side: the `weight` of each.
    package func linear(
        _ names: [String], inputs: Int, outputs: Int, bias: [Float]? = nil
    ) throws(CheckpointError) -> Linear {
        let weights = try names.map { name throws(CheckpointError) in
            try takeStored("\(name).weight", [outputs, inputs])
        }
        return Linear(
            weight: WeightMatrix(weights), bias: bias, inputs: inputs, outputs: names.count * outputs, precision: precision)
    }

    /// A 1x1 convolution, which is a linear layer with two more dimensions in its file.
    package func pointwise(_ name: String, inputs: Int, outputs: Int, bias: Bool) throws(CheckpointError) -> Linear {
        try Linear(
            weight: WeightMatrix([takeStored("\(name).weight", [outputs, inputs, 1, 1])]),
            bias: bias ? take("\(name).bias", [outputs]) : nil, inputs: inputs, outputs: outputs, precision: precision)
    }

    /// 1x1 convolutions of the same inputs as one, whose outputs stand side by side: `weight` and `bias` of each.
    package func pointwise(_ names: [String], inputs: Int, outputs: Int) throws(CheckpointError) -> Linear {
        let weights = try names.map { name throws(CheckpointError) in
            try takeStored("\(name).weight", [outputs, inputs, 1, 1])
        }
        let biases = try names.map { name throws(CheckpointError) in try take("\(name).bias", [outputs]) }
        return Linear(
            weight: WeightMatrix(weights), bias: biases.flatMap(\.self), inputs: inputs, outputs: names.count * outputs,
            precision: precision)
    }

    /// `NAME.weight`, (outputs, inputs, kernel, kernel), and, where asked for, `NAME.bias`.
    package func convolution(
        _ name: String, inputs: Int, outputs: Int, kernel: Int, stride: Int = 1, padding: Int, bias: Bool,
        ways: Set<ConvolutionWay> = Set(ConvolutionWay.allCases), filtersPairs: Bool = false,
        usualExtent: Int = Convolution.usualExtent
    ) throws(CheckpointError) -> Convolution {
        try Convolution(
            weight: WeightMatrix([takeStored("\(name).weight", [outputs, inputs, kernel, kernel])]),
            bias: bias ? take("\(name).bias", [outputs]) : nil, inputChannels: inputs, outputChannels: outputs,
            kernel: kernel, stride: stride, padding: padding, precision: precision, ways: ways, storesHalves: storesHalves,
            filtersPairs: filtersPairs, usualExtent: usualExtent)
    }

    /// A convolution in `count` parts of its outputs, each of its own.
    ///
    /// - Precondition: the outputs divide into as many.
    package func convolution(
        _ name: String, inputs: Int, outputs: Int, inPartsOfOutputs count: Int, kernel: Int, padding: Int
    ) throws(CheckpointError) -> [Convolution] {
        let weight = try WeightMatrix([takeStored("\(name).weight", [outputs, inputs, kernel, kernel])])
        let bias = try take("\(name).bias", [outputs])
        return parts(count, of: outputs).map { part in
            Convolution(
                weight: weight.part(outputs: part), bias: Array(bias[part]), inputChannels: inputs,
                outputChannels: part.count, kernel: kernel, padding: padding, precision: precision, storesHalves: storesHalves)
        }
    }

    /// A convolution in `count` parts of its inputs, whose results add up to its own. The first has the bias.
    ///
    /// - Precondition: the inputs divide into as many.
    package func convolution(
        _ name: String, inputs: Int, inPartsOfInputs count: Int, outputs: Int, kernel: Int, padding: Int
    ) throws(CheckpointError) -> [Convolution] {
        let weight = try WeightMatrix([takeStored("\(name).weight", [outputs, inputs, kernel, kernel])])
        let bias = try take("\(name).bias", [outputs])
        let taps = kernel * kernel
        return parts(count, of: inputs).map { part in
            Convolution(
                weight: weight.part(columns: part.lowerBound * taps..<part.upperBound * taps),
                bias: part.lowerBound == 0 ? bias : nil, inputChannels: part.count, outputChannels: outputs, kernel: kernel,
                padding: padding, precision: precision, storesHalves: storesHalves)
        }
    }

    private func parts(_ count: Int, of channels: Int) -> [Range<Int>] {
        precondition(count > 0 && channels % count == 0)
        let width = channels / count
        return (0..<count).map { $0 * width..<($0 + 1) * width }
    }

    /// LayerNorm over the last dimension: `NAME.weight` and `NAME.bias`.
    package func layerNorm(
        _ name: String, width: Int, epsilon: Float = 1e-5
    ) throws(CheckpointError) -> LayerNorm {
        try LayerNorm(gain: take("\(name).weight", [width]), bias: take("\(name).bias", [width]), epsilon: epsilon)
    }

    /// GroupNorm of 32 groups: `NAME.weight` and `NAME.bias`.
    ///
    /// - Precondition: 32 divides the width.
    package func groupNorm(_ name: String, width: Int, epsilon: Float) throws(CheckpointError) -> GroupNorm {
        try GroupNorm(
            groups: 32, gain: take("\(name).weight", [width]), bias: take("\(name).bias", [width]), epsilon: epsilon)
    }

    /// LayerNorm over channels with a gain only, `NAME.g`.
    package func channelNorm(_ name: String, width: Int) throws(CheckpointError) -> LayerNorm {
        try LayerNorm(gain: take("\(name).g", [1, width, 1, 1]), bias: nil)
    }

    /// A map stored the other way round, as CLIP's `proj` and `text_projection` are: y = x M.
    package func projection(_ name: String, inputs: Int, outputs: Int) throws(CheckpointError) -> Linear {
        let matrix = try take(name, [inputs, outputs])
        var weight = [Float](repeating: 0, count: matrix.count)
        for row in 0..<inputs {
            for column in 0..<outputs { weight[column * inputs + row] = matrix[row * outputs + column] }
        }
        return Linear(weight: weight, bias: nil, inputs: inputs, outputs: outputs, precision: precision)
    }
}
