package import Checkpoints
package import Compute
import Glibc
import Layers

/// What the degradation embedding tells the blocks of a network: softmax(mlp(embedding)) * prompt, then a linear layer.
package struct DegradationPrompt: Sendable {
    private let first: Linear  // text_mlp.0
    private let second: Linear  // text_mlp.2
    private let learned: [Float]  // prompt
    private let output: Linear  // prompt_mlp

    /// - Parameters:
    ///   - contextWidth: length of the embedding.
    ///   - width: length of the result.
    package init(_ parameters: ParameterReader, contextWidth: Int, width: Int) throws(CheckpointError) {
        first = try parameters.linear("text_mlp.0", inputs: contextWidth, outputs: width)
        second = try parameters.linear("text_mlp.2", inputs: width, outputs: width)
        learned = try parameters.take("prompt", [1, width])
        output = try parameters.linear("prompt_mlp", inputs: width, outputs: width)
    }

    /// - Parameter degradations: an embedding a sample, as tokens of one row.
    package func callAsFunction(
        _ degradations: Tensor, observe: ((String, Tensor) -> Void)?, in workspace: Workspace
    ) -> Tensor {
        let inner = first.precise(degradations, activation: .silu, in: workspace)
        let weights = second.precise(inner, in: workspace)
        softmaxTimesPrompt(weights)
        let result = output.precise(weights, in: workspace)
        observe?("prompt.softmax_times_prompt", weights)
        observe?("prompt.embedding", result)
        return result
    }

    private func softmaxTimesPrompt(_ rows: Tensor) {
        let width = rows.channels
        for sample in 0..<rows.pixels {
            let row = UnsafeMutableBufferPointer(start: rows.base + sample * width, count: width)
            let maximum = Double(row.max() ?? 0)
            let exponentials = row.map { exp(Double($0) - maximum) }
            let sum = exponentials.reduce(0, +)
            for index in 0..<width { row[index] = Float(exponentials[index] / sum * Double(learned[index])) }
        }
    }
}
