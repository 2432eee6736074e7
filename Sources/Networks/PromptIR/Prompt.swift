import Checkpoints
import Compute
import Glibc
import Layers
import Restormer

/// A learned map that fits the picture: components weighed by its means, stretched to its size (README, "Prompt").
struct Prompt: Sendable {
    private let channels: Int
    private let side: Int
    private let weigh: Linear  // linear_layer
    /// A map a component: side x side x channels.
    private let components: [[Float]]  // prompt_param
    private let convolve: Convolution  // conv3x3

    /// - Parameter inputs: channels of what it is made for.
    init(
        _ parameters: ParameterReader, inputs: Int, channels: Int, side: Int, components count: Int
    ) throws(CheckpointError) {
        self.channels = channels
        self.side = side
        weigh = try parameters.inFull.linear("linear_layer", inputs: inputs, outputs: count)
        let values = try parameters.take("prompt_param", [1, count, channels, side, side])
        let pixels = side * side
        components = (0..<count).map { component in
            [Float](unsafeUninitializedCapacity: pixels * channels) { buffer, filled in
                for channel in 0..<channels {
                    let plane = (component * channels + channel) * pixels
                    for pixel in 0..<pixels { buffer[pixel * channels + channel] = values[plane + pixel] }
                }
                filled = pixels * channels
            }
        }
        convolve = try parameters.convolution(
            "conv3x3", inputs: channels, outputs: channels, kernel: 3, padding: 1, bias: false)
    }

    /// - Parameter observe: told what the components' weights are made of.
    func callAsFunction(_ input: Tensor, observe: ((Tensor) -> Void)?, in workspace: Workspace) -> Tensor {
        let logits = weigh(means(of: input, in: workspace), in: workspace)
        observe?(logits)
        let mixed = workspace.tensor(batch: input.batch, height: side, width: side, channels: channels)
        for sample in 0..<input.batch {
            let row = (0..<components.count).map { Double(logits.base[sample * components.count + $0]) }
            let largest = row.max() ?? 0
            let exponentials = row.map { exp($0 - largest) }
            let sum = exponentials.reduce(0, +)
            let target = mixed.sample(sample)
            target.update(repeating: 0, count: mixed.sampleCount)
            for (component, exponential) in zip(components, exponentials) {
                let weight = Float(exponential / sum)
                component.withUnsafeBufferPointer { for index in $0.indices { target[index] += $0[index] * weight } }
            }
        }
        let stretched = BilinearResizing.resized(mixed, height: input.height, width: input.width, in: workspace)
        return convolve([stretched], in: workspace)
    }

    /// Of each channel over all pixels, a token a sample.
    private func means(of input: Tensor, in workspace: Workspace) -> Tensor {
        let result = workspace.tensor(batch: input.batch, width: 1, channels: input.channels)
        for sample in 0..<input.batch {
            var sums = [Double](repeating: 0, count: input.channels)
            let pixels = input.sample(sample)
            for pixel in 0..<input.pixels {
                for channel in sums.indices { sums[channel] += Double(pixels[pixel * input.channels + channel]) }
            }
            for channel in sums.indices {
                result.sample(sample)[channel] = Float(sums[channel] / Double(input.pixels))
            }
        }
        return result
    }
}

/// A prompt beside what it is made for, one block over both, and a convolution that takes the prompt's share away again.
struct PromptedReduction: Sendable {
    private let name: String
    private let level: Int
    private let prompt: Prompt  // promptN
    private let block: RestormerBlock  // noise_levelN
    private let reduce: Linear  // reduce_noise_levelN

    /// - Parameters:
    ///   - level: counted from 0.
    ///   - outputs: channels of the result.
    init(
        _ parameters: ParameterReader, level: Int, outputs: Int, configuration: PromptIRConfiguration
    ) throws(CheckpointError) {
        self.level = level + 1
        name = "noise_level\(level + 1)"
        let width = configuration.noiseWidth(ofLevel: level)
        prompt = try Prompt(
            parameters.scope("prompt\(level + 1)"), inputs: configuration.width(beforePromptOfLevel: level),
            channels: configuration.promptWidths[level], side: configuration.promptSides[level],
            components: configuration.components)
        block = try RestormerBlock(
            parameters.scope(name), channels: width, heads: configuration.noiseHeads,
            configuration: configuration.body)
        reduce = try parameters.pointwise("reduce_\(name)", inputs: width, outputs: outputs, bias: configuration.body.hasBias)
    }

    func callAsFunction(
        _ input: Tensor, observe: ((_ stage: String, _ result: Tensor) -> Void)?, in workspace: Workspace
    ) -> Tensor {
        let note = observe.map { observe in { (result: Tensor) in observe("prompt\(level).logits", result) } }
        let prompted = prompt(input, observe: note, in: workspace)
        observe?("prompt\(level)", prompted)
        let both = joined([input, prompted], in: workspace)
        block.apply(to: both, in: workspace)
        observe?(name, both)
        let result = reduce(both, in: workspace)
        observe?("reduce_\(name)", result)
        return result
    }
}
