import Checkpoints
import Compute
import Engine

/// Times evaluations of a network. Sendable, although a workspace isn't: the command calls one method after
/// another, each to its end.
final class NetworkBenchmark: @unchecked Sendable {
    private let evaluation: NetworkEvaluation
    private let workspace: Workspace
    /// A report without figures but for the ceiling.
    let report: BenchReport
    /// The least that is timed, after one evaluation that only warms up.
    private let evaluations: Int
    private let seconds: Double

    init(_ evaluation: NetworkEvaluation, ofBundle bundle: String, threads: Int, evaluations: Int, seconds: Double) {
        self.evaluation = evaluation
        self.evaluations = evaluations
        self.seconds = seconds
        workspace = Workspace(threads: threads)
        report = BenchReport(
            bundle: bundle, kernels: workspace.kernelSetName, blas: Workspace.blasCoreName, threads: threads,
            precision: evaluation.precision.rawValue, ceilingGFLOPS: KernelCeiling.measure(
                evaluation.precision == .bf16 ? .pairs : .single, in: workspace))
    }

    /// The only side of pictures that the network takes; nil for any.
    var fixedSize: Int? { evaluation.fixedSize }

    /// One evaluation of one picture.
    func evaluate(size: Int) { evaluation(size: size, batch: 1, in: workspace) }

    /// - Parameter ceiling: GFLOP/s that the kernels reach in cache.
    func measure(size: Int, batch: Int, ceiling: Double) -> BenchReport.Evaluation {
        workspace.pool.trim()
        workspace.pool.resetPeak()
        let meter = OperationMeter()
        workspace.meter = meter
        evaluation(size: size, batch: batch, in: workspace)
        workspace.meter = nil
        var durations: [Double] = []
        while durations.count < evaluations || durations.reduce(0, +) < seconds {
            let start = ContinuousClock.now
            evaluation(size: size, batch: batch, in: workspace)
            durations.append((ContinuousClock.now - start) / .seconds(1))
        }
        let median = durations.median
        let rate = 2 * Double(meter.multiplyAdds) / median / 1e9
        return BenchReport.Evaluation(
            size: size, batch: batch, precision: report.precision, secondsMedian: median, secondsLeast: durations.min() ?? median,
            evaluations: durations.count, evaluationsPerSecond: 1 / median, picturesPerSecond: Double(batch) / median,
            gigaMultiplyAdds: Double(meter.multiplyAdds) / 1e9, gflops: rate, shareOfCeiling: rate / ceiling,
            workingBytes: workspace.pool.peakBytes)
    }

    /// Where one picture's evaluation spends its time, most first; what the layers don't account for comes last.
    ///
    /// - Parameter ceiling: GFLOP/s that the kernels reach in cache.
    func layers(size: Int, ceiling: Double) -> [BenchReport.Layer] {
        evaluate(size: size)
        let meter = OperationMeter()
        workspace.meter = meter
        defer { workspace.meter = nil }
        let start = ContinuousClock.now
        for _ in 0..<evaluations { evaluate(size: size) }
        let total = (ContinuousClock.now - start) / .seconds(1)
        var layers = meter.totals.map { layer, sum in
            let seconds = sum.duration / .seconds(1)
            let rate = 2 * Double(layer.multiplyAdds * sum.calls) / seconds / 1e9
            return BenchReport.Layer(
                operation: layer.operation, shape: layer.shape, calls: sum.calls / evaluations,
                seconds: seconds / Double(evaluations), share: seconds / total, gflops: rate, shareOfCeiling: rate / ceiling)
        }.sorted { $0.seconds > $1.seconds }
        let metered = layers.reduce(0) { $0 + $1.seconds } * Double(evaluations)
        layers.append(BenchReport.Layer(
            operation: "between the layers", shape: "\(size)x\(size)", calls: 1,
            seconds: (total - metered) / Double(evaluations), share: (total - metered) / total, gflops: 0, shareOfCeiling: 0))
        return layers
    }
}

extension [Double] {
    /// The middle one; the lower of two.
    var median: Double { isEmpty ? 0 : sorted()[(count - 1) / 2] }
}
