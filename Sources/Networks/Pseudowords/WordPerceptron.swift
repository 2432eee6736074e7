import Checkpoints
import Compute
import Layers

/// Three times a linear layer, LayerNorm and a leaky ReLU, and a linear layer at the end (README, "A perceptron").
struct WordPerceptron: Sendable {
    private struct Stage: Sendable {
        let linear: Linear
        let norm: LayerNorm
    }

    private static let slope: Float = 0.01

    private let stages: [Stage]  // 0 and 1, 3 and 4, 6 and 7
    private let last: Linear  // 9

    init(_ parameters: ParameterReader, sizes: WordSizes) throws(CheckpointError) {
        stages = try (0..<3).map { index throws(CheckpointError) in
            try Stage(
                linear: parameters.linear(
                    "\(3 * index)", inputs: index == 0 ? sizes.inputs : sizes.hidden, outputs: sizes.hidden),
                norm: parameters.layerNorm("\(3 * index + 1)", width: sizes.hidden))
        }
        last = try parameters.linear("9", inputs: sizes.hidden, outputs: sizes.outputs)
    }

    func callAsFunction(_ input: Tensor, in workspace: Workspace) -> Tensor {
        let inner = stages.reduce(input) { state, stage in
            let normalised = stage.norm(stage.linear(state, in: workspace), in: workspace)
            leak(normalised, slope: Self.slope, in: workspace)
            return normalised
        }
        return last(inner, in: workspace)
    }
}
