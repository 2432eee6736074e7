import Checkpoints
import Compute
import Glibc
import Layers

/// What tells the blocks the time and, where the network uses it, the degradation (README,
/// "From end to end", steps 2 and 3).
struct TimeEmbedding: Sendable {
    private let baseWidth: Int
    private let first: Linear  // time_mlp.1
    private let second: Linear  // time_mlp.3
    private let prompt: DegradationPrompt?

    init(_ parameters: ParameterReader, configuration: ConditionalUNetConfiguration) throws(CheckpointError) {
        let (parameters, width) = (parameters.inFull, configuration.timeWidth)
        baseWidth = configuration.baseWidth
        first = try parameters.linear("time_mlp.1", inputs: baseWidth, outputs: width)
        second = try parameters.linear("time_mlp.3", inputs: width, outputs: width)
        if configuration.usesDegradation, let contextWidth = configuration.contextWidth {
            prompt = try DegradationPrompt(parameters, contextWidth: contextWidth, width: width)
        } else {
            prompt = nil
        }
    }

    /// The embedding of each sample, as tokens of one row.
    ///
    /// - Parameter degradations: embeddings as tokens; nil leaves the prompt out.
    func callAsFunction(
        times: [Float], degradations: Tensor?, observe: ((String, Tensor) -> Void)?, in workspace: Workspace
    ) -> Tensor {
        let waves = sinusoids(times, in: workspace)
        let embedding = second.precise(first.precise(waves, activation: .gelu, in: workspace), in: workspace)
        observe?("time.sinusoidal", waves)
        observe?("time.embedding", embedding)
        guard let prompt, let degradations else { return embedding }
        let promptEmbedding = prompt(degradations, observe: observe, in: workspace)
        for index in 0..<promptEmbedding.count { promptEmbedding.base[index] += embedding.base[index] }
        return promptEmbedding
    }

    /// Sines, then cosines, of the time at frequencies from 1 to 1/10000.
    private func sinusoids(_ times: [Float], in workspace: Workspace) -> Tensor {
        let half = baseWidth / 2
        let result = workspace.tensor(batch: 1, width: times.count, channels: baseWidth)
        for (sample, time) in times.enumerated() {
            for index in 0..<half {
                let angle = Double(time) * exp(-Double(index) * log(10000) / Double(half - 1))
                result.base[sample * baseWidth + index] = Float(sin(angle))
                result.base[sample * baseWidth + half + index] = Float(cos(angle))
            }
        }
        return result
    }
}
