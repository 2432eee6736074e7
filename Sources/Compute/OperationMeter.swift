/// Adds up what the operations of evaluations took, by kind and shape. For benchmarks; belongs to one `Workspace`.
package final class OperationMeter {
    /// Operations of one kind on one shape.
    package struct Layer: Hashable, Sendable {
        /// As "convolution 3x3 64 to 128".
        package let operation: String
        /// Of the output, as "4 x 64x64".
        package let shape: String
        /// Multiplications with an addition of one call; 0 where they don't dominate.
        package let multiplyAdds: Int

        package init(_ operation: String, of output: Tensor, multiplyAdds: Int = 0) {
            self.operation = operation
            shape = "\(output.batch) x \(output.height)x\(output.width)"
            self.multiplyAdds = multiplyAdds
        }
    }

    package struct Total: Sendable {
        package var calls = 0
        package var duration = Duration.zero
    }

    package private(set) var totals: [Layer: Total] = [:]

    package init() {}

    /// Of all operations, per call.
    package var multiplyAdds: Int { totals.reduce(0) { $0 + $1.key.multiplyAdds * $1.value.calls } }

    func add(_ layer: Layer, duration: Duration) {
        totals[layer, default: Total()].calls += 1
        totals[layer, default: Total()].duration += duration
    }
}
