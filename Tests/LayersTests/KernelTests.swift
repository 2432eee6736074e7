import Compute
import Foundation
import Layers
import Testing

/// Each fast operation against the plain one, on every instruction set of this processor.
@Suite("Operations agree with their plain versions")
struct KernelTests {
    private static let sets = Workspace.kernelSetNames

    private func expectClose(
        _ found: [Float], _ expected: [Double], within tolerance: Double = 2e-5, _ comment: Comment,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(found.count == expected.count, comment, sourceLocation: sourceLocation)
        var largest = 0.0
        for (a, b) in zip(found, expected) {
            let difference = abs(Double(a) - b) / max(1, abs(b))
            largest = difference.isNaN ? .infinity : max(largest, difference)
        }
        #expect(largest <= tolerance, comment, sourceLocation: sourceLocation)
    }

    @Test("convolution", arguments: sets)
    func convolution(kernels: String) {
        var random = SplitMix(seed: 7)
        for _ in 0..<60 {
            let workspace = Workspace(threads: Int.random(in: 1...3, using: &random), kernels: kernels)
            let kernel = [1, 3, 4, 7].randomElement(using: &random) ?? 3
            let stride = kernel == 4 ? 2 : Int.random(in: 1...2, using: &random)
            let upsampled = kernel == 3 && Bool.random(using: &random)
            let shape = Plain.Shape(
                batch: Int.random(in: 1...3, using: &random), height: Int.random(in: kernel...19, using: &random),
                width: Int.random(in: kernel...37, using: &random))
            let sources = (1...Int.random(in: 1...2, using: &random)).map { _ in
                Int.random(in: 1...20, using: &random)
            }
            let outputs = [1, 3, 16, 31, 32, 33, 70].randomElement(using: &random) ?? 5
            let inputs = sources.reduce(0, +)
            let weight = random.floats(outputs * inputs * kernel * kernel)
            let bias = random.floats(outputs)
            let scale = random.floats(shape.batch * outputs)
            let shift = random.floats(shape.batch * outputs)
            let padding = kernel / 2 - (kernel == 4 ? 1 : 0)
            let tensors = sources.map {
                Tensor(
                    random.floats(shape.batch * shape.height * shape.width * $0), batch: shape.batch,
                    height: shape.height, width: shape.width, channels: $0, pool: workspace.pool)
            }
            let layer = Convolution(
                weight: weight, bias: bias, inputChannels: inputs, outputChannels: outputs, kernel: kernel,
                stride: stride, padding: padding)
            let plain = Plain.convolution(
                tensors, weight: weight, bias: bias, outputs: outputs, kernel: kernel, stride: stride,
                padding: padding, zoom: upsampled ? 2 : 1)
            let residual = Tensor(
                random.floats(plain.values.count), batch: shape.batch, height: plain.height, width: plain.width,
                channels: outputs, pool: workspace.pool)
            let expected = plain.values.indices.map { index -> Double in
                let channel = index / (plain.height * plain.width * outputs) * outputs + index % outputs
                return Plain.silu(plain.values[index] * Double(scale[channel]) + Double(shift[channel]))
                    + Double(residual.base[index])
            }
            let found = layer(
                tensors, upsampled: upsampled,
                epilogue: .init(scale: scale, shift: shift, activation: .silu, residual: residual), in: workspace)
            expectClose(
                found.values, expected, "\(kernels): \(kernel)x\(kernel)/\(stride) \(sources)->\(outputs) \(shape)")
        }
    }

    @Test("linear layer", arguments: sets)
    func linear(kernels: String) {
        var random = SplitMix(seed: 8)
        for (rows, inputs, outputs) in [(1, 1, 1), (3, 5, 33), (50, 64, 100), (500, 31, 17), (0, 4, 4), (700, 32, 96)] {
            let workspace = Workspace(threads: 2, kernels: kernels)
            let weight = random.floats(inputs * outputs)
            let bias = random.floats(outputs)
            let input = Tensor(
                random.floats(rows * inputs), width: rows, channels: inputs, pool: workspace.pool)
            let found = Linear(weight: weight, bias: bias, inputs: inputs, outputs: outputs)(
                input, activation: .gelu, in: workspace)
            let expected = (0..<rows * outputs).map { index -> Double in
                let (row, column) = index.quotientAndRemainder(dividingBy: outputs)
                let sum = (0..<inputs).reduce(Double(bias[column])) {
                    $0 + Double(weight[column * inputs + $1]) * Double(input.base[row * inputs + $1])
                }
                return Plain.gelu(sum)
            }
            expectClose(found.values, expected, "\(kernels): \(rows)x\(inputs)->\(outputs)")
        }
    }

    @Test("attention", arguments: sets, [false, true])
    func attention(kernels: String, causal: Bool) {
        var random = SplitMix(seed: 9)
        for (batch, tokens, heads, width) in [(1, 1, 1, 8), (2, 17, 3, 32), (1, 300, 2, 16), (3, 5, 4, 7), (1, 65, 9, 33), (2, 32, 4, 70)] {
            let workspace = Workspace(threads: 2, kernels: kernels)
            let input = Tensor(
                random.floats(batch * tokens * heads * width * 3), batch: batch, width: tokens,
                channels: 3 * heads * width, pool: workspace.pool)
            let found = Attention(heads: heads, headWidth: width, causal: causal)(input, in: workspace)
            let expected = Plain.attention(input, heads: heads, width: width, causal: causal)
            expectClose(found.values, expected, "\(kernels): \(batch)x\(tokens), \(heads) heads of \(width)")
        }
    }

    @Test("linear attention", arguments: sets)
    func linearAttention(kernels: String) {
        var random = SplitMix(seed: 10)
        for (batch, height, width, channels) in [(1, 1, 1, 32), (2, 9, 31, 48), (1, 33, 40, 64), (2, 16, 16, 32)] {
            let workspace = Workspace(threads: 2, kernels: kernels)
            let heads = 4
            let inner = heads * LinearAttention.headWidth
            let input = Tensor(
                random.floats(batch * height * width * channels), batch: batch, height: height, width: width,
                channels: channels, pool: workspace.pool)
            let weights = Plain.LinearAttentionWeights(
                normGain: random.floats(channels), projections: random.floats(3 * inner * channels),
                output: random.floats(channels * inner), bias: random.floats(channels),
                outputGain: random.floats(channels))
            let layer = LinearAttention(
                heads: heads, norm: LayerNorm(gain: weights.normGain, bias: nil),
                projections: Linear(weight: weights.projections, bias: nil, inputs: channels, outputs: 3 * inner),
                output: Linear(weight: weights.output, bias: weights.bias, inputs: inner, outputs: channels),
                outputNorm: LayerNorm(gain: weights.outputGain, bias: nil))
            let expected = Plain.linearAttention(input, heads: heads, weights)
            expectClose(
                layer(input, residual: false, in: workspace).values, expected, within: 2e-4,
                "\(kernels): \(batch)x\(height)x\(width)x\(channels)")
            let withInput = zip(expected, input.values).map { $0 + Double($1) }
            expectClose(layer(input, residual: true, in: workspace).values, withInput, within: 2e-4, "\(kernels), residual")
        }
    }

    @Test("normalisations", arguments: sets)
    func normalisations(kernels: String) {
        var random = SplitMix(seed: 11)
        for (batch, pixels, channels) in [(1, 1, 32), (2, 65, 64), (1, 700, 96), (3, 4, 160), (1, 5, 288)] {
            let workspace = Workspace(threads: 2, kernels: kernels)
            let input = Tensor(
                random.floats(batch * pixels * channels), batch: batch, width: pixels, channels: channels,
                pool: workspace.pool)
            let gain = random.floats(channels)
            let bias = random.floats(channels)
            let layer = LayerNorm(gain: gain, bias: bias)(input, in: workspace)
            expectClose(
                layer.values, Plain.groupNorm(input, groups: 1, perPixel: true, gain, bias, 1e-5), "\(kernels) layer")
            let group = GroupNorm(groups: 32, gain: gain, bias: bias, epsilon: 1e-6)(input, in: workspace)
            expectClose(
                group.values, Plain.groupNorm(input, groups: 32, perPixel: false, gain, bias, 1e-6), within: 1e-4,
                "\(kernels) group")
        }
    }

    @Test("perceptrons", arguments: sets, [FeedForward.Middle.activation(.gelu), .activation(.quickGELU), .gatedGELU])
    func feedForward(kernels: String, middle kind: FeedForward.Middle) {
        var random = SplitMix(seed: 12)
        for (rows, width, middle) in [(37, 24, 40), (37, 24, 64), (900, 8, 64), (50, 256, 9)] {
            expectPerceptron(rows, width, middle, kind, kernels: kernels, random: &random)
        }
    }

    private func expectPerceptron(
        _ rows: Int, _ width: Int, _ middle: Int, _ kind: FeedForward.Middle, kernels: String, random: inout SplitMix
    ) {
        let wide = kind == .gatedGELU ? 2 * middle : middle
        let workspace = Workspace(threads: 2, kernels: kernels)
        let input = Tensor(random.floats(rows * width), width: rows, channels: width, pool: workspace.pool)
        let (gain, bias) = (random.floats(width), random.floats(width))
        let (up, upBias) = (random.floats(wide * width), random.floats(wide))
        let (down, downBias) = (random.floats(width * middle), random.floats(width))
        let found = FeedForward(
            norm: LayerNorm(gain: gain, bias: bias),
            expand: Linear(weight: up, bias: upBias, inputs: width, outputs: wide),
            contract: Linear(weight: down, bias: downBias, inputs: middle, outputs: width), middle: kind
        )(input, in: workspace)
        let normalised = Plain.groupNorm(input, groups: 1, perPixel: true, gain, bias, 1e-5)
        let raised = Plain.linear(normalised, up, upBias, inputs: width, outputs: wide)
        let hidden = (0..<rows * middle).map { index -> Double in
            let (row, column) = index.quotientAndRemainder(dividingBy: middle)
            let value = raised[row * wide + column]
            return switch kind {
            case .activation(.quickGELU): Plain.quickGELU(value)
            case .activation: Plain.gelu(value)
            case .gatedGELU: value * Plain.gelu(raised[row * wide + middle + column])
            }
        }
        let lowered = Plain.linear(hidden, down, downBias, inputs: middle, outputs: width)
        expectClose(found.values, zip(lowered, input.values).map { $0 + Double($1) }, within: 1e-4, "\(kernels)")
    }

    @Test("activations are right from -20 to 20", arguments: sets)
    func activations(kernels: String) {
        let workspace = Workspace(threads: 1, kernels: kernels)
        let inputs = (-2000...2000).map { Float($0) / 100 }
        for (activation, plain) in [(Activation.silu, Plain.silu), (.gelu, Plain.gelu), (.quickGELU, Plain.quickGELU), (.relu, Plain.relu)] {
            let tensor = Tensor(inputs, width: inputs.count, channels: 1, pool: workspace.pool)
            activate(tensor, activation, in: workspace)
            expectClose(tensor.values, inputs.map { plain(Double($0)) }, within: 1e-6, "\(kernels) \(activation)")
        }
    }
}
