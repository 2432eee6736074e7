import Checkpoints
import Compute
import Glibc
import Layers

/// What tells the blocks the time (README, "Time").
struct LatentTimeEmbedding: Sendable {
    private let width: Int
    private let first: Linear  // time_embed.0
    private let second: Linear  // time_embed.2

    init(_ parameters: ParameterReader, configuration: LatentUNetConfiguration) throws(CheckpointError) {
        width = configuration.modelChannels
        first = try parameters.inFull.linear("time_embed.0", inputs: width, outputs: configuration.timeWidth)
        second = try parameters.inFull.linear(
            "time_embed.2", inputs: configuration.timeWidth, outputs: configuration.timeWidth)
    }

    /// The embedding of each sample, as tokens of one row.
    func callAsFunction(_ times: [Float], observe: LatentUNet.Observer?, in workspace: Workspace) -> Tensor {
        let waves = sinusoids(times, in: workspace)
        observe?("time.sinusoidal", waves)
        let embedding = second.precise(first.precise(waves, activation: .silu, in: workspace), in: workspace)
        observe?("time.embedding", embedding)
        return embedding
    }

    /// Cosines, then sines, of the time at frequencies from 1 to nearly 1/10000.
    private func sinusoids(_ times: [Float], in workspace: Workspace) -> Tensor {
        let half = width / 2
        let result = workspace.tensor(batch: 1, width: times.count, channels: width)
        for (sample, time) in times.enumerated() {
            for index in 0..<half {
                let angle = Double(time) * exp(-log(10_000) * Double(index) / Double(half))
                result.base[sample * width + index] = Float(cos(angle))
                result.base[sample * width + half + index] = Float(sin(angle))
            }
        }
        return result
    }
}
