import Checkpoints
import Tensors

/// From pixels to a grid of tokens: one patch convolution, or a stem of 3x3 convolutions with stride 2 and GELU between
/// them (Xiao et al., 2021, "Early convolutions help transformers see better").
struct PatchEmbedding: Sendable {
    private let convolutions: [Convolution]

    init(_ parameters: ParameterReader, configuration: DegradationAwareCLIPConfiguration.Vision) {
        guard let stem = configuration.stem else {
            let side = configuration.patchSize
            convolutions = [Convolution(
                weight: parameters.take("conv1.weight", [configuration.width, 3, side, side]), bias: nil,
                inputChannels: 3, outputChannels: configuration.width, kernel: side, stride: side, padding: 0)]
            return
        }
        let widths = [3] + stem + [configuration.width]
        convolutions = (0..<widths.count - 1).map { index in
            let (inputs, outputs) = (widths[index], widths[index + 1])
            return Convolution(
                weight: parameters.take("conv1.\(2 * index).weight", [outputs, inputs, 3, 3]),
                bias: parameters.take("conv1.\(2 * index).bias", [outputs]), inputChannels: inputs,
                outputChannels: outputs, kernel: 3, stride: 2, padding: 1)
        }
    }

    func callAsFunction(_ images: Tensor, in workspace: Workspace) -> Tensor {
        var result = images
        for (index, convolution) in convolutions.enumerated() {
            let isLast = index == convolutions.count - 1
            result = convolution([result], epilogue: .init(activation: isLast ? .none : .gelu), in: workspace)
        }
        return result
    }
}
