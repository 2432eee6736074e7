import CLIP
import Checkpoints
import Compute
import RestorationUNet

/// Times evaluations of a network. Sendable, although a workspace isn't: the command calls one method after
/// another, each to its end.
final class NetworkBenchmark: @unchecked Sendable {
    /// Evaluates the network on a batch of pictures of a size.
    private let evaluate: (_ size: Int, _ batch: Int, Workspace) -> Void
    private let workspace: Workspace
    /// The only one that the network takes; nil for any.
    let fixedSize: Int?
    /// A report without figures but for the ceiling.
    let report: BenchReport
    /// The least that is timed, after one evaluation that only warms up.
    private let evaluations: Int
    private let seconds: Double

    init(
        bundle: String, precision: Precision, threads: Int, evaluations: Int, seconds: Double, fixedSize: Int? = nil,
        evaluate: @escaping (_ size: Int, _ batch: Int, Workspace) -> Void
    ) {
        self.evaluate = evaluate
        self.fixedSize = fixedSize
        self.evaluations = evaluations
        self.seconds = seconds
        workspace = Workspace(threads: threads)
        report = BenchReport(
            bundle: bundle, kernels: workspace.kernelSetName, blas: Workspace.blasCoreName, threads: threads,
            precision: precision.rawValue, ceilingGFLOPS: KernelCeiling.measure(
                precision == .bf16 ? .pairs : .single, in: workspace))
    }

    /// One evaluation of one picture.
    func evaluate(size: Int) { evaluate(size, 1, workspace) }

    /// - Parameter ceiling: GFLOP/s that the kernels reach in cache.
    func measure(size: Int, batch: Int, ceiling: Double) -> BenchReport.Evaluation {
        workspace.pool.trim()
        workspace.pool.resetPeak()
        let meter = OperationMeter()
        workspace.meter = meter
        evaluate(size, batch, workspace)
        workspace.meter = nil
        var durations: [Double] = []
        while durations.count < evaluations || durations.reduce(0, +) < seconds {
            let start = ContinuousClock.now
            evaluate(size, batch, workspace)
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

    /// What evaluates a restoration network.
    static func restoration(_ network: ConditionalUNet) -> (_ size: Int, _ batch: Int, Workspace) -> Void {
        { size, batch, workspace in
            let configuration = network.configuration
            let picture = Self.numbers(size * size * ConditionalUNetConfiguration.pictureChannels)
            let embedding = [Float](repeating: 0.1, count: configuration.contextWidth ?? 0)
            let sample = ConditionalUNet.Sample(
                state: picture, condition: picture, time: 50,
                degradation: configuration.usesDegradation ? embedding : nil,
                content: configuration.usesContent ? embedding : nil)
            _ = network(Array(repeating: sample, count: batch), height: size, width: size, in: workspace)
        }
    }

    /// What evaluates DA-CLIP's image encoder with its controller, on prepared pictures; the size is the encoder's own.
    static func encoder(_ encoder: DegradationAwareCLIP) -> (_ size: Int, _ batch: Int, Workspace) -> Void {
        { size, batch, workspace in
            let images = workspace.tensor(batch: batch, height: size, width: size, channels: 3)
            for (index, value) in Self.numbers(images.count).enumerated() { images.base[index] = value }
            _ = encoder(images, in: workspace)
        }
    }

    private static func numbers(_ count: Int) -> [Float] { (0..<count).map { Float($0 % 251) / 250 } }
}

extension [Double] {
    /// The middle one; the lower of two.
    var median: Double { isEmpty ? 0 : sorted()[(count - 1) / 2] }
}
