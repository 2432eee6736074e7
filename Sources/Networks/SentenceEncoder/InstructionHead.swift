package import Checkpoints
package import Compute
import Layers

/// Makes of a sentence's vector the one that steers InstructIR, and tells which task the words seem to ask for.
package struct InstructionHead: Sendable {
    private let project: Linear  // fc1
    private let classify: Linear  // fc2

    package var width: Int { project.outputs }
    package var tasks: Int { classify.outputs }

    /// - Parameters:
    ///   - inputs: length of a sentence's vector.
    ///   - outputs: length of the vector that steers.
    ///   - tasks: that are told apart.
    package init(_ parameters: ParameterReader, inputs: Int, outputs: Int, tasks: Int) throws(CheckpointError) {
        project = try parameters.linear("fc1", inputs: inputs, outputs: outputs)
        classify = try parameters.linear("fc2", inputs: outputs, outputs: tasks)
        try parameters.finish()
    }

    /// - Parameter sentence: of length one.
    /// - Returns: the vector, of length one, and a number a task, the greatest being the likeliest.
    package func callAsFunction(_ sentence: [Float], in workspace: Workspace) -> (vector: [Float], logits: [Float]) {
        func token(_ values: [Float]) -> Tensor {
            Tensor(values, width: 1, channels: values.count, pool: workspace.pool)
        }
        let vector = project(token(sentence), in: workspace).values.scaledToUnitLength
        return (vector, classify(token(vector), in: workspace).values)
    }
}
