import Checkpoints
import Tensors

/// Layers as PyTorch names their parameters.
extension ParameterReader {
    /// `NAME.weight` and, where asked for, `NAME.bias`.
    func linear(_ name: String, inputs: Int, outputs: Int, bias: Bool = true) -> Linear {
        Linear(
            weight: take("\(name).weight", [outputs, inputs]), bias: bias ? take("\(name).bias", [outputs]) : nil,
            inputs: inputs, outputs: outputs)
    }

    /// A 1x1 convolution, which is a linear layer with two more dimensions in its file.
    func pointwise(_ name: String, inputs: Int, outputs: Int, bias: Bool) -> Linear {
        Linear(
            weight: take("\(name).weight", [outputs, inputs, 1, 1]), bias: bias ? take("\(name).bias", [outputs]) : nil,
            inputs: inputs, outputs: outputs)
    }

    func convolution(
        _ name: String, inputs: Int, outputs: Int, kernel: Int, stride: Int = 1, padding: Int, bias: Bool
    ) -> Convolution {
        Convolution(
            weight: take("\(name).weight", [outputs, inputs, kernel, kernel]),
            bias: bias ? take("\(name).bias", [outputs]) : nil, inputChannels: inputs, outputChannels: outputs,
            kernel: kernel, stride: stride, padding: padding)
    }

    func layerNorm(_ name: String, width: Int) -> LayerNorm {
        LayerNorm(gain: take("\(name).weight", [width]), bias: take("\(name).bias", [width]))
    }

    /// LayerNorm over channels with a gain only.
    func channelNorm(_ name: String, width: Int) -> LayerNorm {
        LayerNorm(gain: take("\(name).g", [1, width, 1, 1]), bias: nil)
    }
}
