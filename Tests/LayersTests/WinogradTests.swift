import Compute
import Layers
import Testing

/// Convolutions by Winograd's filtering, each tiling forced in turn.
@Suite("Winograd's filtering")
struct WinogradTests {
    private static let sets = Workspace.kernelSetNames
    private static let tilings = [ConvolutionWay.winograd2, .winograd4]

    /// A convolution with everything that can be asked of it, and what it is given.
    fileprivate struct Case: CustomStringConvertible {
        var batch = 1
        var height: Int
        var width: Int
        var channels: [Int]
        var outputs: Int
        var upsampled = false

        var description: String { "\(batch) x \(height)x\(width) \(channels)->\(outputs)\(upsampled ? " doubled" : "")" }
        var inputs: Int { channels.reduce(0, +) }
        var zoom: Int { upsampled ? 2 : 1 }
        var outputCount: Int { batch * height * width * zoom * zoom * outputs }
    }

    fileprivate struct Numbers {
        let weight: [Float]
        let bias: [Float]
        let scale: [Float]
        let shift: [Float]
        let residual: [Float]
        let sources: [[Float]]
    }

    private func tensors(_ shape: Case, _ numbers: Numbers, _ workspace: Workspace) -> [Tensor] {
        zip(numbers.sources, shape.channels).map {
            Tensor($0, batch: shape.batch, height: shape.height, width: shape.width, channels: $1, pool: workspace.pool)
        }
    }

    private func result(_ shape: Case, _ numbers: Numbers, _ workspace: Workspace) -> [Float] {
        let layer = Convolution(
            weight: numbers.weight, bias: numbers.bias, inputChannels: shape.inputs, outputChannels: shape.outputs,
            kernel: 3, padding: 1)
        let residual = Tensor(
            numbers.residual, batch: shape.batch, height: shape.height * shape.zoom, width: shape.width * shape.zoom,
            channels: shape.outputs, pool: workspace.pool)
        // In place, as residual blocks do it.
        return layer(
            tensors(shape, numbers, workspace), upsampled: shape.upsampled,
            epilogue: .init(scale: numbers.scale, shift: numbers.shift, activation: .silu, residual: residual),
            into: residual, in: workspace
        ).values
    }

    private func expected(_ shape: Case, _ numbers: Numbers) -> [Double] {
        let workspace = Workspace(threads: 1)
        let plain = Plain.convolution(
            tensors(shape, numbers, workspace), weight: numbers.weight, bias: numbers.bias, outputs: shape.outputs, kernel: 3,
            stride: 1, padding: 1, zoom: shape.zoom)
        let perSample = shape.outputCount / shape.batch
        return plain.values.indices.map { index in
            let channel = index / perSample * shape.outputs + index % shape.outputs
            return Plain.silu(plain.values[index] * Double(numbers.scale[channel]) + Double(numbers.shift[channel]))
                + Double(numbers.residual[index])
        }
    }

    /// The root of the mean square of differences.
    private func error(_ found: [Float], _ expected: [Double]) -> Double {
        let squares = zip(found, expected).reduce(0) { $0 + (Double($1.0) - $1.1) * (Double($1.0) - $1.1) }
        return (squares / Double(expected.count)).squareRoot()
    }

    @Test("agrees with the plain convolution")
    func agreement() {
        var random = SplitMix(seed: 21)
        var shapes = [
            Case(height: 1, width: 1, channels: [1], outputs: 1),
            Case(height: 4, width: 4, channels: [64], outputs: 32),
            Case(height: 5, width: 1, channels: [65], outputs: 33),
            Case(height: 1, width: 9, channels: [3, 61], outputs: 31),
            Case(batch: 2, height: 3, width: 2, channels: [17, 50], outputs: 70, upsampled: true),
            Case(height: 2, width: 3, channels: [512], outputs: 70),  // by panels: the transformed weights are many
        ]
        for _ in 0..<8 {
            shapes.append(Case(
                batch: Int.random(in: 1...3, using: &random), height: Int.random(in: 1...9, using: &random),
                width: Int.random(in: 1...11, using: &random),
                channels: (1...Int.random(in: 1...2, using: &random)).map { _ in Int.random(in: 1...40, using: &random) },
                outputs: [1, 3, 16, 31, 32, 33].randomElement(using: &random) ?? 5,
                upsampled: Int.random(in: 0...3, using: &random) == 0))
        }
        for shape in shapes {
            let numbers = Numbers(shape, &random)
            let expected = expected(shape, numbers)
            for (kernels, tiling) in Self.sets.flatMap({ set in Self.tilings.map { (set, $0) } }) {
                let workspace = Workspace(threads: Int.random(in: 1...3, using: &random), kernels: kernels)
                workspace.convolutionWays = [tiling]
                let found = result(shape, numbers, workspace)
                #expect(found.count == expected.count)
                var largest = 0.0
                for (a, b) in zip(found, expected) {
                    let difference = abs(Double(a) - b)
                    largest = difference.isNaN ? .infinity : max(largest, difference)
                }
                #expect(largest <= 1e-5, "\(kernels) \(tiling): \(shape)")
            }
        }
    }

    @Test("neither threads nor company change a bit", arguments: sets, tilings)
    func independence(kernels: String, tiling: ConvolutionWay) {
        var random = SplitMix(seed: 22)
        for shape in [
            Case(batch: 3, height: 13, width: 18, channels: [40, 30], outputs: 70),
            Case(batch: 3, height: 10, width: 7, channels: [500, 12], outputs: 96),
        ] {
            let numbers = Numbers(shape, &random)
            func workspace(_ threads: Int) -> Workspace {
                let workspace = Workspace(threads: threads, kernels: kernels)
                workspace.convolutionWays = [tiling]
                return workspace
            }
            let together = result(shape, numbers, workspace(1))
            for threads in 2...5 {
                #expect(result(shape, numbers, workspace(threads)) == together, "\(kernels) \(shape) \(threads) threads")
            }
            let alone = last(of: shape, numbers)
            let found = result(alone.shape, alone.numbers, workspace(2))
            #expect(found == Array(together.suffix(found.count)), "\(kernels) \(shape) alone")
        }
    }

    /// The last sample of a batch by itself.
    private func last(of shape: Case, _ numbers: Numbers) -> (shape: Case, numbers: Numbers) {
        func suffix(_ values: [Float]) -> [Float] { Array(values.suffix(values.count / shape.batch)) }
        var alone = shape
        alone.batch = 1
        return (alone, Numbers(
            weight: numbers.weight, bias: numbers.bias, scale: suffix(numbers.scale), shift: suffix(numbers.shift),
            residual: suffix(numbers.residual), sources: numbers.sources.map(suffix)))
    }

    @Test("rounds at most four times as much as the direct convolution")
    func rounding() {
        var random = SplitMix(seed: 23)
        let shape = Case(height: 8, width: 8, channels: [128], outputs: 33)
        let numbers = Numbers(shape, &random)
        let expected = expected(shape, numbers)
        for kernels in Self.sets {
            let errors = [ConvolutionWay.direct, .winograd2, .winograd4].map { way in
                let workspace = Workspace(threads: 1, kernels: kernels)
                workspace.convolutionWays = [way]
                return error(result(shape, numbers, workspace), expected)
            }
            #expect(errors[0] > 0)
            #expect(errors[1] <= 4 * errors[0], "\(kernels), 2x2: \(errors)")
            #expect(errors[2] <= 4 * errors[0], "\(kernels), 4x4: \(errors)")
        }
    }

    @Test("is chosen where it costs less", arguments: [
        // kernel, stride, inputs, outputs, side, way
        (3, 1, 64, 64, 256, ConvolutionWay.winograd4), (3, 1, 256, 256, 32, .winograd4), (3, 1, 128, 128, 10, .winograd2),
        (3, 1, 128, 128, 2, .direct), (3, 1, 64, 3, 256, .winograd4), (3, 2, 64, 64, 64, .direct), (7, 1, 6, 64, 64, .direct),
        (1, 1, 64, 64, 64, .direct),
    ])
    func choice(kernel: Int, stride: Int, inputs: Int, outputs: Int, side: Int, expected: ConvolutionWay) {
        let layer = Convolution(
            weight: [Float](repeating: 0, count: outputs * inputs * kernel * kernel), bias: nil, inputChannels: inputs,
            outputChannels: outputs, kernel: kernel, stride: stride, padding: kernel / 2)
        #expect(layer.way(height: side, width: side) == expected)
    }
}

extension WinogradTests.Numbers {
    /// Weights such that sums are of the size of their inputs, whatever the channels.
    fileprivate init(_ shape: WinogradTests.Case, _ random: inout SplitMix) {
        let spread = 1 / (3 * Float(shape.inputs)).squareRoot()
        weight = random.floats(shape.outputs * shape.inputs * 9).map { $0 * spread }
        bias = random.floats(shape.outputs)
        scale = random.floats(shape.batch * shape.outputs)
        shift = random.floats(shape.batch * shape.outputs)
        residual = random.floats(shape.outputCount)
        sources = shape.channels.map { random.floats(shape.batch * shape.height * shape.width * $0) }
    }
}
