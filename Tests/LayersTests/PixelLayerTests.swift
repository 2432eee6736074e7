import Checkpoints
import Compute
import Foundation
import Layers
import Testing

/// What restoration networks do between their products, against plain versions, on every instruction set of this processor.
@Suite("Layers of restoration networks agree with their plain versions")
struct PixelLayerTests {
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

    /// Channels around the widths of vectors and panels.
    private static let widths = [1, 3, 4, 15, 16, 17, 31, 32, 33, 63, 65, 100]
    private static let shapes = [(1, 1, 1), (2, 1, 9), (1, 9, 1), (1, 5, 4), (2, 4, 3), (1, 18, 3)]

    private func tensor(
        _ random: inout SplitMix, _ shape: (Int, Int, Int), _ channels: Int, _ workspace: Workspace
    ) -> Tensor {
        Tensor(
            random.floats(shape.0 * shape.1 * shape.2 * channels), batch: shape.0, height: shape.1, width: shape.2,
            channels: channels, pool: workspace.pool)
    }

    @Test("norm of a pixel, with and without its mean", arguments: sets)
    func norm(kernels: String) {
        var random = SplitMix(seed: 31)
        for channels in Self.widths {
            for (shape, keepsMean) in zip(Self.shapes, [false, true, false, true, false, true]) {
                let workspace = Workspace(threads: 2, kernels: kernels)
                let input = tensor(&random, shape, channels, workspace)
                let (gain, bias) = (random.floats(channels), random.floats(channels))
                let norm = PixelNorm(gain: gain, bias: bias, epsilon: 1e-3, keepsMean: keepsMean)
                let expected = Plain.pixelNorm(input, gain, bias, 1e-3, keepsMean: keepsMean)
                expectClose(norm(input, in: workspace).values, expected, "\(kernels): \(channels) of \(shape)")
                let (scales, shifts) = (
                    (0..<shape.0).map { _ in random.floats(channels) }, (0..<shape.0).map { _ in random.floats(channels) }
                )
                let modulated = norm.modulated(scales: scales, shifts: shifts)(input, in: workspace).values
                let wanted = expected.enumerated().map { index, value in
                    let (sample, channel) = (index / (shape.1 * shape.2 * channels), index % channels)
                    return value * (Double(scales[sample][channel]) + 1) + Double(shifts[sample][channel])
                }
                expectClose(modulated, wanted, "\(kernels): modulated, \(channels) of \(shape)")
            }
        }
    }

    @Test("1x1, depthwise 3x3, gate and sums", arguments: sets, [PointwiseDepthwise.Gate.none, .product, .gelu])
    func pointwiseDepthwise(kernels: String, gate: PointwiseDepthwise.Gate) {
        var random = SplitMix(seed: 32)
        for (index, outputs) in Self.widths.enumerated() {
            let shape = Self.shapes[index % Self.shapes.count]
            let inputs = Self.widths[(index * 5 + 3) % Self.widths.count]
            let between = outputs * (gate == .none ? 1 : 2)
            let workspace = Workspace(threads: 1 + index % 3, kernels: kernels)
            let input = tensor(&random, shape, inputs, workspace)
            let gain = random.floats(inputs)
            let (weight, bias) = (random.floats(between * inputs), random.floats(between))
            let (taps, tapBias) = (random.floats(between * 9), random.floats(between))
            let hasBias = index % 2 == 0
            let layer = PointwiseDepthwise(
                pointwise: (weight, hasBias ? bias : nil), depthwise: (taps, hasBias ? tapBias : nil), inputs: inputs,
                outputs: outputs, gate: gate)
            let norm = PixelNorm(gain: gain, bias: nil, epsilon: 1e-2)
            let normalised = Plain.pixelNorm(input, gain, nil, 1e-2, keepsMean: false)
            let middle = Plain.linear(normalised, weight, hasBias ? bias : nil, inputs: inputs, outputs: between)
            let convolved = Plain.depthwise(middle, shape, channels: between, taps, hasBias ? tapBias : nil)
            let expected = Plain.gated(convolved, channels: between, gate)
            let (result, sums) = layer(input, norm: norm, summing: true, in: workspace)
            let comment: Comment = "\(kernels): \(inputs) to \(outputs) of \(shape), \(gate)"
            expectClose(result.values, expected, within: 1e-4, comment)
            for sample in 0..<shape.0 {
                let count = shape.1 * shape.2
                for channel in 0..<outputs {
                    let sum = (0..<count).reduce(0) { $0 + expected[(sample * count + $1) * outputs + channel] }
                    #expect(abs(sums[sample][channel] - sum) < 1e-3 * Double(count), comment)
                }
            }
        }
    }

    @Test("what a block does to single pixels", arguments: sets)
    func pixelwiseUpdate(kernels: String) {
        var random = SplitMix(seed: 33)
        for (index, channels) in Self.widths.enumerated() {
            let shape = Self.shapes[index % Self.shapes.count]
            let workspace = Workspace(threads: 1 + index % 3, kernels: kernels)
            let (state, hidden) = (tensor(&random, shape, channels, workspace), tensor(&random, shape, channels, workspace))
            let addend = index % 2 == 0 ? tensor(&random, shape, channels, workspace) : nil
            let scales = index % 3 == 0 ? nil : (0..<shape.0).map { _ in random.floats(channels) }
            let (project, expand) = (random.floats(channels * channels), random.floats(2 * channels * channels))
            let contract = random.floats(channels * channels)
            let biases = (random.floats(channels), random.floats(2 * channels), random.floats(channels))
            let gain = random.floats(channels)
            let update = PixelwiseUpdate(
                project: Linear(weight: project, bias: biases.0, inputs: channels, outputs: channels),
                expand: Linear(weight: expand, bias: biases.1, inputs: channels, outputs: 2 * channels),
                contract: Linear(weight: contract, bias: biases.2, inputs: channels, outputs: channels))
            let count = shape.1 * shape.2 * channels
            let scaled = hidden.values.enumerated().map { index, value in
                Double(value) * Double(scales?[index / count][index % channels] ?? 1)
            }
            let middle = zip(
                Plain.linear(scaled, project, biases.0, inputs: channels, outputs: channels), state.values.map(Double.init)
            ).map(+)
            let kept = Tensor(
                middle.map(Float.init), batch: shape.0, height: shape.1, width: shape.2, channels: channels,
                pool: workspace.pool)
            let wide = Plain.linear(
                Plain.pixelNorm(kept, gain, nil, 1e-2, keepsMean: false), expand, biases.1, inputs: channels,
                outputs: 2 * channels)
            let added = Plain.linear(
                Plain.gated(wide, channels: 2 * channels, .product), contract, biases.2, inputs: channels, outputs: channels)
            let expected = middle.indices.map { middle[$0] + added[$0] + Double(addend?.base[$0] ?? 0) }
            update.apply(
                to: state, hidden: hidden, scales: scales, norm: PixelNorm(gain: gain, bias: nil, epsilon: 1e-2),
                adding: addend, in: workspace)
            expectClose(state.values, expected, within: 2e-4, "\(kernels): \(channels) of \(shape)")
        }
    }

    @Test("1x1 to maps of twice the size, stored in place", arguments: sets)
    func doubling(kernels: String) {
        var random = SplitMix(seed: 34)
        for (index, outputs) in [1, 3, 16, 31, 33, 64].enumerated() {
            let shape = Self.shapes[index]
            let inputs = 2 * outputs
            let workspace = Workspace(threads: 2, kernels: kernels)
            let input = tensor(&random, shape, inputs, workspace)
            let weight = random.floats(4 * outputs * inputs)
            let linear = Plain.linear(input.values.map(Double.init), weight, nil, inputs: inputs, outputs: 4 * outputs)
            let wide = Tensor(
                linear.map(Float.init), batch: shape.0, height: shape.1, width: shape.2, channels: 4 * outputs,
                pool: workspace.pool)
            let expected = Plain.shuffled(wide)
            let shuffled = PixelShuffle.channelsToPixels(wide, in: workspace)
            expectClose(shuffled.values, expected, "\(kernels): shuffle to \(outputs)")
            #expect(PixelShuffle.pixelsToChannels(shuffled, in: workspace).values == wide.values)
            let layer = DoublingProjection(weight: weight, inputs: inputs, outputs: outputs)
            expectClose(layer(input, addingTo: nil, in: workspace).values, expected, "\(kernels): \(outputs) of \(shape)")
            let skip = tensor(&random, (shape.0, 2 * shape.1, 2 * shape.2), outputs, workspace)
            let sum = zip(expected, skip.values).map { $0 + Double($1) }
            #expect(layer(input, addingTo: skip, in: workspace) === skip)
            expectClose(skip.values, sum, "\(kernels): \(outputs) of \(shape), added")
        }
    }

    @Test("attention across channels", arguments: sets)
    func transposedAttention(kernels: String) {
        var random = SplitMix(seed: 35)
        for (index, (heads, width)) in [(1, 1), (1, 5), (3, 4), (2, 16), (1, 48), (4, 8)].enumerated() {
            let shape = index == 3 ? (1, 34, 40) : Self.shapes[index]
            let channels = heads * width
            let workspace = Workspace(threads: 2, kernels: kernels)
            let input = tensor(&random, shape, channels, workspace)
            let gain = random.floats(channels)
            let (weight, taps) = (random.floats(3 * channels * channels), random.floats(3 * channels * 9))
            let (temperature, output) = (random.floats(heads), random.floats(channels * channels))
            let projected = Plain.depthwise(
                Plain.linear(
                    Plain.pixelNorm(input, gain, nil, 1e-2, keepsMean: false), weight, nil, inputs: channels,
                    outputs: 3 * channels), shape, channels: 3 * channels, taps, nil)
            let attended = Plain.transposedAttention(projected, shape, heads: heads, width: width, temperature)
            let expected = zip(
                input.values.map(Double.init), Plain.linear(attended, output, nil, inputs: channels, outputs: channels)
            ).map(+)
            let attention = TransposedAttention(
                projections: PointwiseDepthwise(
                    pointwise: (weight, nil), depthwise: (taps, nil), inputs: channels, outputs: 3 * channels, gate: .none),
                temperature: temperature, output: output)
            attention.add(of: input, norm: PixelNorm(gain: gain, bias: nil, epsilon: 1e-2), to: input, in: workspace)
            expectClose(input.values, expected, within: 2e-4, "\(kernels): \(heads) heads of \(width), \(shape)")
        }
    }

    // MARK: Products of bfloat16

    /// Operands and weights rounded to 8 bits of mantissa.
    private func expectNear(
        _ narrow: [Float], _ single: [Float], _ comment: Comment, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let error = zip(narrow, single).reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
        let whole = single.reduce(0.0) { $0 + Double($1 * $1) }
        #expect(narrow.count == single.count && error <= 4e-4 * whole, comment, sourceLocation: sourceLocation)
    }

    @Test("1x1 and depthwise 3x3 of bfloat16 stay near fp32", arguments: sets, [PointwiseDepthwise.Gate.none, .product, .gelu])
    func narrowPointwiseDepthwise(kernels: String, gate: PointwiseDepthwise.Gate) {
        var random = SplitMix(seed: 37)
        for (index, outputs) in Self.widths.enumerated() {
            let shape = Self.shapes[index % Self.shapes.count]
            let inputs = max(2, Self.widths[(index * 5 + 3) % Self.widths.count])
            let between = outputs * (gate == .none ? 1 : 2)
            let (weight, bias) = (random.floats(between * inputs), random.floats(between))
            let (taps, gain) = (random.floats(between * 9), random.floats(inputs))
            let workspace = Workspace(threads: 1 + index % 3, kernels: kernels)
            let input = tensor(&random, shape, inputs, workspace)
            func result(_ precision: Precision) -> [Float] {
                let layer = PointwiseDepthwise(
                    pointwise: (weight, index % 2 == 0 ? bias : nil), depthwise: (taps, nil), inputs: inputs,
                    outputs: outputs, gate: gate, precision: precision)
                return layer(input, norm: PixelNorm(gain: gain, bias: gain, epsilon: 1e-2), in: workspace).result.values
            }
            expectNear(result(.bf16), result(.fp32), "\(kernels): \(inputs) to \(outputs) of \(shape), \(gate)")
        }
    }

    @Test("what a block does to single pixels stays near fp32 with products of bfloat16", arguments: sets)
    func narrowPixelwiseUpdate(kernels: String) {
        var random = SplitMix(seed: 38)
        for (index, channels) in Self.widths.enumerated() where channels > 1 {
            let shape = Self.shapes[index % Self.shapes.count]
            let workspace = Workspace(threads: 1 + index % 3, kernels: kernels)
            let (state, hidden) = (tensor(&random, shape, channels, workspace), tensor(&random, shape, channels, workspace))
            let scales = index % 3 == 0 ? nil : (0..<shape.0).map { _ in random.floats(channels) }
            let weights = [1, 2, 1].map { random.floats($0 * channels * channels) }
            let biases = [1, 2, 1].map { random.floats($0 * channels) }
            let gain = random.floats(channels)
            func result(_ precision: Precision) -> [Float] {
                let layers = (0..<3).map {
                    Linear(
                        weight: weights[$0], bias: biases[$0], inputs: channels, outputs: biases[$0].count,
                        precision: precision)
                }
                let target = Tensor(
                    state.values, batch: shape.0, height: shape.1, width: shape.2, channels: channels, pool: workspace.pool)
                PixelwiseUpdate(project: layers[0], expand: layers[1], contract: layers[2]).apply(
                    to: target, hidden: hidden, scales: scales, norm: PixelNorm(gain: gain, bias: nil, epsilon: 1e-2),
                    adding: index % 2 == 0 ? state : nil, in: workspace)
                return target.values
            }
            expectNear(result(.bf16), result(.fp32), "\(kernels): \(channels) of \(shape)")
        }
    }

    @Test("1x1 to maps of twice the size stays near fp32 with products of bfloat16", arguments: sets)
    func narrowDoubling(kernels: String) {
        var random = SplitMix(seed: 39)
        for (index, outputs) in [1, 3, 16, 31, 33, 64].enumerated() {
            let shape = Self.shapes[index]
            let workspace = Workspace(threads: 2, kernels: kernels)
            let input = tensor(&random, shape, 2 * outputs, workspace)
            let weight = random.floats(8 * outputs * outputs)
            let skip = random.floats(4 * shape.0 * shape.1 * shape.2 * outputs)
            func result(_ precision: Precision) -> [Float] {
                let layer = DoublingProjection(
                    weight: weight, inputs: 2 * outputs, outputs: outputs, precision: precision)
                let target = Tensor(
                    skip, batch: shape.0, height: 2 * shape.1, width: 2 * shape.2, channels: outputs, pool: workspace.pool)
                return layer(input, addingTo: target, in: workspace).values
            }
            expectNear(result(.bf16), result(.fp32), "\(kernels): \(outputs) of \(shape)")
        }
    }

    @Test("resizing between the centres of pixels", arguments: [(5, 5), (5, 10), (8, 3), (1, 4), (7, 1), (16, 37)])
    func bilinear(from side: Int, to size: Int) {
        var random = SplitMix(seed: 36)
        let workspace = Workspace(threads: 2)
        let input = tensor(&random, (2, side, side), 3, workspace)
        let found = BilinearResizing.resized(input, height: size, width: size + 1, in: workspace)
        expectClose(found.values, Plain.bilinear(input, height: size, width: size + 1), "\(side) to \(size)")
    }
}
