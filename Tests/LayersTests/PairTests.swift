import CKernels
import Checkpoints
import Compute
import Foundation
import Layers
import Testing

/// Operations over pairs of bfloat16 against the plain ones, on every instruction set of this processor: those that multiply
/// pairs themselves, and those that only stand in for them.
@Suite("Operations in bfloat16 agree with their plain versions")
struct PairTests {
    private static let sets = Workspace.kernelSetNames

    /// The nearest bfloat16, the even one of two.
    private static func rounded(_ value: Float) -> Float {
        let bits = value.bitPattern
        return Float(bitPattern: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) & 0xFFFF_0000)
    }

    private static func rounded(_ values: [Float]) -> [Float] { values.map { rounded($0) } }

    private static func rounded(_ tensor: Tensor, in workspace: Workspace) -> Tensor {
        Tensor(
            rounded(tensor.values), batch: tensor.batch, height: tensor.height, width: tensor.width,
            channels: tensor.channels, pool: workspace.pool)
    }

    private func expectClose(
        _ found: [Float], _ expected: [Double], within tolerance: Double, _ comment: Comment,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(found.count == expected.count, comment, sourceLocation: sourceLocation)
        let largest = zip(found, expected).reduce(0.0) { largest, pair in
            let difference = abs(Double(pair.0) - pair.1) / max(1, abs(pair.1))
            return difference.isNaN ? .infinity : max(largest, difference)
        }
        #expect(largest <= tolerance, comment, sourceLocation: sourceLocation)
    }

    @Test("values are rounded to the nearest, halves to even, and no number stays none", arguments: sets)
    func rounding(kernels: String) {
        let set = Workspace(threads: 1, kernels: kernels).kernels
        var random = SplitMix(seed: 20)
        let special: [Float] = [
            0, -0.0, 1, 1.00390625, 1.01171875, -1.00390625, .greatestFiniteMagnitude, .infinity, -.infinity, .nan,
            Float(bitPattern: 0x7F80_0001), 3.3895e38,
        ]
        for count in 0...40 {
            let values = (0..<count).map { $0 % 3 == 0 ? special[$0 % special.count] : .random(in: -9...9, using: &random) }
            var found = [UInt16](repeating: 7, count: count + count % 2 + 1)
            found.withUnsafeMutableBufferPointer { set.narrow(values, count, $0.baseAddress, count, 1, count) }
            for (value, bits) in zip(values, found) {
                let widened = Float(bitPattern: UInt32(bits) << 16)
                #expect(value.isNaN ? widened.isNaN : widened == Self.rounded(value), "\(value)")
            }
            #expect(count % 2 == 0 || found[count] == 0)
            #expect(found.last == 7)
        }
    }

    @Test("convolution: the sums are those of rounded operands", arguments: sets)
    func convolution(kernels: String) {
        var random = SplitMix(seed: 21)
        for _ in 0..<30 {
            let workspace = Workspace(threads: Int.random(in: 1...3, using: &random), kernels: kernels)
            let kernel = [1, 3, 4, 7].randomElement(using: &random) ?? 3
            let stride = kernel == 4 ? 2 : Int.random(in: 1...2, using: &random)
            let upsampled = kernel == 3 && Bool.random(using: &random)
            let (batch, height) = (Int.random(in: 1...3, using: &random), Int.random(in: kernel...17, using: &random))
            let width = Int.random(in: kernel...37, using: &random)
            let sources = (1...Int.random(in: 1...3, using: &random)).map { _ in Int.random(in: 1...20, using: &random) }
            let outputs = [1, 3, 16, 31, 32, 33, 70].randomElement(using: &random) ?? 5
            let inputs = sources.reduce(0, +)
            let weight = random.floats(outputs * inputs * kernel * kernel)
            let bias = random.floats(outputs)
            let padding = kernel / 2 - (kernel == 4 ? 1 : 0)
            let tensors = sources.map {
                Tensor(
                    random.floats(batch * height * width * $0), batch: batch, height: height, width: width, channels: $0,
                    pool: workspace.pool)
            }
            let plain = Plain.convolution(
                tensors.map { Self.rounded($0, in: workspace) }, weight: Self.rounded(weight), bias: bias, outputs: outputs,
                kernel: kernel, stride: stride, padding: padding, zoom: upsampled ? 2 : 1)
            let residual = Tensor(
                random.floats(plain.values.count), batch: batch, height: plain.height, width: plain.width,
                channels: outputs, pool: workspace.pool)
            let found = Convolution(
                weight: weight, bias: bias, inputChannels: inputs, outputChannels: outputs, kernel: kernel, stride: stride,
                padding: padding, precision: .bf16, ways: [.direct]
            )(tensors, upsampled: upsampled, epilogue: .init(activation: .silu, residual: residual), in: workspace)
            let expected = zip(plain.values, residual.values).map { Plain.silu($0) + Double($1) }
            expectClose(
                found.values, expected, within: 2e-5,
                "\(kernels): \(kernel)x\(kernel)/\(stride) \(sources)->\(outputs) \(batch)x\(height)x\(width)")
        }
    }

    @Test("convolution: 3x3 of stride 1 stays in fp32, with fewer products; others are rounded", arguments: sets)
    func mixture(kernels: String) {
        var random = SplitMix(seed: 25)
        let workspace = Workspace(threads: 2, kernels: kernels)
        let (height, width, inputs, outputs) = (24, 19, 48, 40)
        let input = Tensor(
            random.floats(height * width * inputs), batch: 1, height: height, width: width, channels: inputs,
            pool: workspace.pool)
        for (kernel, stride, isRounded) in [(3, 1, false), (3, 2, true), (1, 1, true), (7, 1, true)] {
            let weight = random.floats(inputs * outputs * kernel * kernel)
            func result(_ precision: Precision) -> [Float] {
                let layer = Convolution(
                    weight: weight, bias: nil, inputChannels: inputs, outputChannels: outputs, kernel: kernel,
                    stride: stride, padding: kernel / 2, precision: precision)
                return layer([input], in: workspace).values
            }
            #expect((result(.bf16) != result(.fp32)) == isRounded, "\(kernels): \(kernel)x\(kernel)/\(stride)")
        }
    }

    @Test("convolution: kernels side by side are a linear layer of patches with the same sums", arguments: sets)
    func patches(kernels: String) {
        var random = SplitMix(seed: 27)
        for (precision, side, channels, batch, height, width) in [
            (Precision.bf16, 4, 3, 2, 13, 9), (.bf16, 2, 6, 1, 5, 4), (.fp32, 4, 3, 2, 13, 9), (.bf16, 16, 3, 1, 112, 80),
        ] {
            let (weight, bias) = (random.floats(40 * channels * side * side), random.floats(40))
            let layer = Convolution(
                weight: weight, bias: bias, inputChannels: channels, outputChannels: 40, kernel: side, stride: side,
                padding: 0, precision: precision)
            let picture = random.floats(batch * height * width * channels)
            /// The last picture's, where the batch is so large that patches are many, or as it is.
            func result(batches: Int, threads: Int) -> [Float] {
                let workspace = Workspace(threads: threads, kernels: kernels)
                let input = Tensor(
                    Array(repeatElement(picture, count: batches).joined()), batch: batch * batches, height: height,
                    width: width, channels: channels, pool: workspace.pool)
                let output = layer([input], epilogue: .init(activation: .gelu), in: workspace).values
                return Array(output.suffix(output.count / batches))
            }
            let found = result(batches: 1, threads: 2)
            #expect(result(batches: 1, threads: 1) == found)
            #expect(result(batches: 300 / (batch * (height / side) * (width / side)) + 1, threads: 1) == found)
            let input = Tensor(
                picture, batch: batch, height: height, width: width, channels: channels,
                pool: Workspace(threads: 1).pool)
            let isRounded = precision == .bf16
            let plain = Plain.convolution(
                [isRounded ? Self.rounded(input, in: Workspace(threads: 1)) : input],
                weight: isRounded ? Self.rounded(weight) : weight, bias: bias, outputs: 40, kernel: side, stride: side,
                padding: 0, zoom: 1)
            expectClose(found, plain.values.map(Plain.gelu), within: 5e-5, "\(kernels): \(side)x\(side) of \(channels)")
        }
    }

    @Test("convolution: neither threads nor company change a bit", arguments: sets)
    func independence(kernels: String) {
        var random = SplitMix(seed: 22)
        let (height, width, channels) = (41, 67, 10)
        let picture = random.floats(height * width * channels), other = random.floats(height * width * channels)
        let layer = Convolution(
            weight: random.floats(40 * channels * 9), bias: nil, inputChannels: channels, outputChannels: 40, kernel: 3,
            padding: 1, precision: .bf16, ways: [.direct])
        func result(_ pictures: [[Float]], threads: Int) -> [Float] {
            let workspace = Workspace(threads: threads, kernels: kernels)
            let input = Tensor(
                Array(pictures.joined()), batch: pictures.count, height: height, width: width, channels: channels,
                pool: workspace.pool)
            let output = layer([input], in: workspace)
            return Array(output.values.suffix(output.sampleCount))
        }
        let alone = result([picture], threads: 1)
        for threads in 1...3 { #expect(result([other, other, picture], threads: threads) == alone) }
    }

    @Test("linear layer: the sums are those of rounded operands", arguments: sets)
    func linear(kernels: String) {
        var random = SplitMix(seed: 23)
        for (rows, inputs, outputs) in [(1, 1, 1), (3, 5, 33), (50, 64, 100), (500, 31, 17), (0, 4, 4), (700, 32, 96)] {
            let workspace = Workspace(threads: 2, kernels: kernels)
            let (weight, bias) = (random.floats(inputs * outputs), random.floats(outputs))
            let input = Tensor(random.floats(rows * inputs), width: rows, channels: inputs, pool: workspace.pool)
            let found = Linear(weight: weight, bias: bias, inputs: inputs, outputs: outputs, precision: .bf16)(
                input, activation: .gelu, in: workspace)
            let plain = Plain.linear(
                Self.rounded(input.values).map(Double.init), Self.rounded(weight), bias, inputs: inputs, outputs: outputs)
            expectClose(found.values, plain.map(Plain.gelu), within: 2e-5, "\(kernels): \(rows)x\(inputs)->\(outputs)")
        }
    }

    @Test("attention", arguments: sets)
    func attention(kernels: String) {
        var random = SplitMix(seed: 24)
        for (batch, tokens, heads, width) in [
            (1, 128, 1, 32), (2, 131, 2, 64), (1, 300, 3, 32), (1, 50, 8, 32), (2, 33, 1, 32), (1, 70, 8, 32), (3, 5, 2, 32), (1, 200, 2, 16),
            (2, 160, 3, 40), (1, 133, 3, 40), (1, 128, 2, 80), (1, 129, 1, 34), (1, 256, 2, 2), (1, 160, 1, 160),
        ] {
            let input = random.floats(batch * tokens * heads * width * 3)
            func result(threads: Int) -> (found: [Float], input: Tensor) {
                let workspace = Workspace(threads: threads, kernels: kernels)
                let tensor = Tensor(
                    input, batch: batch, width: tokens, channels: 3 * heads * width, pool: workspace.pool)
                return (Attention(heads: heads, headWidth: width, precision: .bf16)(tensor, in: workspace).values, tensor)
            }
            let (found, tensor) = result(threads: 2)
            let expected = Plain.attention(tensor, heads: heads, width: width, causal: false)
            expectClose(found, expected, within: 4e-3, "\(kernels): \(batch)x\(tokens), \(heads) heads of \(width)")
            #expect(result(threads: 1).found == found)
        }
    }

    @Test("attention whose scores are large, and one with what is no number", arguments: sets)
    func largeScores(kernels: String) {
        var random = SplitMix(seed: 29)
        let workspace = Workspace(threads: 2, kernels: kernels)
        let (tokens, heads, width) = (160, 2, 40)
        // Within what needs no maximum taken off, at its edge, and far beyond.
        for factor in [1, 3, 6, 40] as [Float] {
            let input = random.floats(tokens * heads * width * 3).map { $0 * factor }
            let tensor = Self.rounded(
                Tensor(input, batch: 1, width: tokens, channels: 3 * heads * width, pool: workspace.pool), in: workspace)
            let found = Attention(heads: heads, headWidth: width, precision: .bf16)(tensor, in: workspace).values
            let expected = Plain.attention(tensor, heads: heads, width: width, causal: false)
            expectClose(found, expected, within: Double(factor) * 4e-3, "\(kernels): times \(factor)")
        }
        var broken = random.floats(tokens * heads * width * 3)
        broken[5 * 3 * heads * width + heads * width] = .nan
        let tensor = Tensor(broken, batch: 1, width: tokens, channels: 3 * heads * width, pool: workspace.pool)
        let found = Attention(heads: heads, headWidth: width, precision: .bf16)(tensor, in: workspace).values
        #expect(!(0..<width).contains { found[$0].isFinite } && found[width].isFinite)
    }

    @Test("a convolution whose weights are stored in 16 bits is that of rounded weights, bit for bit", arguments: sets)
    func halves(kernels: String) {
        var random = SplitMix(seed: 30)
        for (height, width, inputs, outputs) in [(1, 1, 1, 1), (5, 4, 70, 33), (8, 8, 64, 64), (13, 21, 129, 31), (24, 24, 48, 200)] {
            let weight = random.floats(outputs * inputs * 9)
            let input = random.floats(2 * height * width * inputs)
            func result(_ weight: [Float], _ precision: Precision) -> [Float] {
                let workspace = Workspace(threads: 2, kernels: kernels)
                let layer = Convolution(
                    weight: weight, bias: nil, inputChannels: inputs, outputChannels: outputs, kernel: 3, padding: 1,
                    precision: precision, ways: [.winograd2, .winograd4], storesHalves: true, usualExtent: 1_024)
                let tensor = Tensor(input, batch: 2, height: height, width: width, channels: inputs, pool: workspace.pool)
                return layer([tensor], in: workspace).values
            }
            let (found, expected) = (result(weight, .bf16), result(Self.rounded(weight), .fp32))
            #expect(found == expected || inputs == 1, "\(kernels): \(height)x\(width), \(inputs) to \(outputs)")
            expectClose(found, expected.map { Double($0) }, within: 2e-2, "\(kernels): \(inputs) to \(outputs)")
        }
    }

    @Test("a convolution by filtering with products of pairs is that of the definition, whatever its threads and company", arguments: sets)
    func filteredPairs(kernels: String) {
        var random = SplitMix(seed: 31)
        for (batch, height, width, channels, outputs, upsampled) in [
            (1, 1, 1, [2], 1, false), (2, 5, 4, [70], 33, false), (3, 8, 8, [37, 27], 64, false), (2, 3, 7, [64], 70, true),
            (1, 24, 24, [40, 8], 200, false),
        ] {
            let inputs = channels.reduce(0, +)
            let (weight, bias) = (random.floats(outputs * inputs * 9), random.floats(outputs))
            let sources = channels.map { random.floats(batch * height * width * $0) }
            let layer = Convolution(
                weight: weight, bias: bias, inputChannels: inputs, outputChannels: outputs, kernel: 3, padding: 1, precision: .bf16,
                ways: [.direct], filtersPairs: true, usualExtent: 64)
            func tensors(_ samples: Range<Int>, _ workspace: Workspace) -> [Tensor] {
                zip(sources, channels).map { values, channels in
                    let count = height * width * channels
                    return Tensor(
                        Array(values[samples.lowerBound * count..<samples.upperBound * count]), batch: samples.count,
                        height: height, width: width, channels: channels, pool: workspace.pool)
                }
            }
            func result(_ samples: Range<Int>, threads: Int) -> [Float] {
                let workspace = Workspace(threads: threads, kernels: kernels)
                return layer(
                    tensors(samples, workspace), upsampled: upsampled, epilogue: .init(activation: .silu), in: workspace).values
            }
            let plain = Plain.convolution(
                tensors(0..<batch, Workspace(threads: 1)), weight: weight, bias: bias, outputs: outputs, kernel: 3, stride: 1,
                padding: 1, zoom: upsampled ? 2 : 1)
            let found = result(0..<batch, threads: 2)
            let comment: Comment = "\(kernels): \(batch)x\(height)x\(width) \(channels) to \(outputs)"
            let expected = plain.values.map(Plain.silu)
            // Products of rounded operands: by the sums' root mean square, which is that of as many numbers.
            let scale = (plain.values.reduce(0) { $0 + $1 * $1 } / Double(plain.values.count)).squareRoot()
            expectClose(found, expected, within: 0.03 * max(1, scale), comment)
            let error = (zip(found, expected).reduce(0) { $0 + pow(Double($1.0) - $1.1, 2) } / Double(found.count)).squareRoot()
            #expect(error > 0 && error < 0.006 * max(1, scale), "\(comment): \(error) of \(scale)")
            for threads in [1, 3] { #expect(result(0..<batch, threads: threads) == found, comment) }
            let alone = result(batch - 1..<batch, threads: 2)
            #expect(alone == Array(found.suffix(alone.count)), comment)
        }
    }

    @Test("linear attention", arguments: sets)
    func linearAttention(kernels: String) {
        var random = SplitMix(seed: 25)
        for (batch, height, width, channels) in [(1, 1, 1, 32), (2, 9, 31, 48), (1, 33, 40, 64), (1, 5, 5, 33)] {
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
                projections: Linear(
                    weight: weights.projections, bias: nil, inputs: channels, outputs: 3 * inner, precision: .bf16),
                output: Linear(weight: weights.output, bias: weights.bias, inputs: inner, outputs: channels),
                outputNorm: LayerNorm(gain: weights.outputGain, bias: nil))
            let expected = zip(Plain.linearAttention(input, heads: heads, weights), input.values).map { $0 + Double($1) }
            expectClose(
                layer(input, residual: true, in: workspace).values, expected, within: 3e-2,
                "\(kernels): \(batch)x\(height)x\(width)x\(channels)")
        }
    }

    @Test("perceptrons", arguments: sets, [FeedForward.Middle.activation(.gelu), .gatedGELU])
    func feedForward(kernels: String, middle kind: FeedForward.Middle) {
        var random = SplitMix(seed: 26)
        for (rows, width, middle) in [(37, 24, 40), (5, 7, 9), (50, 512, 514), (90, 24, 64), (900, 40, 64)] {
            let wide = kind == .gatedGELU ? 2 * middle : middle
            let workspace = Workspace(threads: 2, kernels: kernels)
            let input = Tensor(random.floats(rows * width), width: rows, channels: width, pool: workspace.pool)
            let norm = LayerNorm(gain: random.floats(width), bias: random.floats(width))
            let (up, upBias) = (random.floats(wide * width), random.floats(wide))
            let (down, downBias) = (random.floats(width * middle), random.floats(width))
            func result(_ precision: Precision) -> [Float] {
                FeedForward(
                    norm: norm,
                    expand: Linear(weight: up, bias: upBias, inputs: width, outputs: wide, precision: precision),
                    contract: Linear(weight: down, bias: downBias, inputs: middle, outputs: width, precision: precision),
                    middle: kind
                )(input, in: workspace).values
            }
            let (narrow, single) = (result(.bf16), result(.fp32))
            let difference = zip(narrow, single).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
            let whole = single.reduce(0) { $0 + $1 * $1 }
            #expect(narrow != single && difference < 1e-4 * whole, "\(kernels): \(rows)x\(width)")
        }
    }
}
