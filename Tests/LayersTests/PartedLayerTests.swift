import Checkpoints
import Compute
import Layers
import Testing

/// Layers in parts of their channels, on every instruction set of this processor.
@Suite("A layer in parts of its channels gives what the whole one gives")
struct PartedLayerTests {
    private static let sets = Workspace.kernelSetNames
    private static let (inputs, outputs) = (96, 64)

    private func expectClose(_ found: [Float], _ expected: [Float], _ comment: Comment) {
        let largest = zip(found, expected).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
        #expect(found.count == expected.count && largest <= 2e-4, "\(comment): off by \(largest)")
    }

    private func reader(_ random: inout SplitMix, kernel: Int, precision: Precision) -> ParameterReader {
        let shape = [Self.outputs, Self.inputs, kernel, kernel]
        return ParameterReader(StateDict([
            "layer.weight": StoredTensor(random.floats(shape.reduce(1, *)).map { $0 / 8 }, shape: shape),
            "layer.bias": StoredTensor(random.floats(Self.outputs), shape: [Self.outputs]),
        ]), precision: precision)
    }

    private func map(_ random: inout SplitMix, channels: Int, _ workspace: Workspace) -> Tensor {
        Tensor(random.floats(2 * 12 * 10 * channels), batch: 2, height: 12, width: 10, channels: channels, pool: workspace.pool)
    }

    /// Compares a whole layer of either kernel with what `body` makes of it in parts, on as many sources.
    private func compare(
        _ kernels: String, _ precision: Precision, seed: UInt64, sources count: Int,
        inParts body: (ParameterReader, _ sources: [Tensor], _ kernel: Int, _ padding: Int, Workspace) throws -> Tensor
    ) throws {
        var random = SplitMix(seed: seed)
        for (kernel, padding) in [(1, 0), (3, 1)] {
            let workspace = Workspace(threads: 2, kernels: kernels)
            let parameters = reader(&random, kernel: kernel, precision: precision)
            let sources = (0..<count).map { _ in map(&random, channels: Self.inputs / count, workspace) }
            let whole = try parameters.convolution(
                "layer", inputs: Self.inputs, outputs: Self.outputs, kernel: kernel, padding: padding, bias: true)
            let found = try body(parameters, sources, kernel, padding, workspace)
            expectClose(found.values, whole(sources, in: workspace).values, "\(kernels), \(kernel)x\(kernel)")
        }
    }

    @Test("outputs of parts stand side by side", arguments: sets, [Precision.fp32, .bf16])
    func outputs(kernels: String, precision: Precision) throws {
        try compare(kernels, precision, seed: 71, sources: 1) { parameters, sources, kernel, padding, workspace in
            let parts = try parameters.convolution(
                "layer", inputs: Self.inputs, outputs: Self.outputs, inPartsOfOutputs: 4, kernel: kernel, padding: padding)
            #expect(parts.count == 4)
            return joined(parts.map { $0(sources, in: workspace) }, in: workspace)
        }
    }

    @Test("sums of parts of the inputs add up", arguments: sets, [Precision.fp32, .bf16])
    func inputs(kernels: String, precision: Precision) throws {
        try compare(kernels, precision, seed: 72, sources: 3) { parameters, sources, kernel, padding, workspace in
            let parts = try parameters.convolution(
                "layer", inputs: Self.inputs, inPartsOfInputs: 3, outputs: Self.outputs, kernel: kernel, padding: padding)
            var sum: Tensor?
            for (part, source) in zip(parts, sources) {
                sum = part([source], epilogue: .init(residual: sum), into: sum, in: workspace)
            }
            return try #require(sum)
        }
    }

    @Test("a norm of whole groups is that of all", arguments: sets)
    func norm(kernels: String) {
        var random = SplitMix(seed: 73)
        let workspace = Workspace(threads: 2, kernels: kernels)
        let sources = (0..<2).map { _ in map(&random, channels: 32, workspace) }
        let norm = GroupNorm(groups: 8, gain: random.floats(64), bias: random.floats(64), epsilon: 1e-6)
        let whole = norm.activated(sources, .silu, in: workspace)
        for (index, part) in norm.parts(2).enumerated() {
            #expect(part.activated([sources[index]], .silu, in: workspace)[0].values == whole[index].values)
        }
    }
}
