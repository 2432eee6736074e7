package import Checkpoints
package import Compute
import Testing

/// Compares what a network computes, stage by stage, with what a file of the parity folder recorded.
package final class StageChecker {
    private let file: String
    private let recorded: StateDict
    /// Differences that are allowed, as a share of the largest value of a tensor; nil for those of the folder's table.
    private let share: Double?
    private var aliases: [String: String] = [:]
    private var checked: Set<String> = []

    package init(file: String, recorded: StateDict, share: Double? = nil) {
        self.file = file
        self.share = share
        self.recorded = recorded
    }

    /// Stage `own` of the network is recorded as `name`.
    package func alias(_ own: String, _ name: String) {
        aliases[own] = name
    }

    /// Recorded tensors that nothing was compared with, inputs aside.
    package var unchecked: [String] {
        recorded.names.filter { $0 != "input" && !$0.hasPrefix("input.") && !checked.contains($0) }
    }

    /// Checks a stage as it is computed (networks reuse their memory afterwards), if it was recorded.
    package func check(stage: String, _ tensor: Tensor) {
        let name = aliases[stage] ?? stage
        guard let expected = recorded[name] else { return }
        check(name, expected.shape.count == 4 ? tensor.channelsFirst : tensor.values)
    }

    /// Checks values in the recording's layout. Where it holds fewer, they are the first ones of the batch.
    package func check(_ name: String, _ values: [Float], tolerance: Double? = nil) {
        guard let expected = recorded[name]?.floats() else {
            Issue.record("\(file) has no \(name)")
            return
        }
        checked.insert(name)
        guard values.count >= expected.count else {
            Issue.record("\(file): \(name) has \(expected.count) values, computed \(values.count)")
            return
        }
        var largest = 0.0
        for (value, expected) in zip(values, expected) {
            let difference = Double(abs(value - expected))
            largest = difference.isNaN ? .infinity : max(largest, difference)
        }
        let most = share.map { $0 * Double(expected.reduce(0) { max($0, abs($1)) }) }
        let limit = tolerance ?? most ?? ParityFolder.current.tolerance(of: name, in: file)
        #expect(largest <= limit, "\(file): \(name) differs by \(largest), allowed \(limit)")
    }
}
