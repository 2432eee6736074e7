import FoundationEssentials

/// What `restored bench` found.
struct BenchReport: Encodable, Sendable {
    var bundle: String
    /// The instruction set of the project's kernels, and the core type that OpenBLAS chose.
    var kernels: String
    var blas: String
    var threads: Int
    var precision: String
    var ceilingGFLOPS: Double
    var network: [Evaluation] = []
    var layers: [Layer] = []
    var engine: [Engine] = []
    var peakResidentBytes = 0

    /// One network evaluation of a batch.
    struct Evaluation: Encodable, Sendable {
        let size: Int
        let batch: Int
        let precision: String
        let secondsMedian: Double
        let secondsLeast: Double
        /// How many were timed.
        let evaluations: Int
        let evaluationsPerSecond: Double
        let picturesPerSecond: Double
        let gigaMultiplyAdds: Double
        let gflops: Double
        let shareOfCeiling: Double
        /// Activations at their most.
        let workingBytes: Int
    }

    /// Operations of one kind and shape within an evaluation.
    struct Layer: Encodable, Sendable {
        let operation: String
        let shape: String
        let calls: Int
        /// Of all calls.
        let seconds: Double
        /// Of the evaluation.
        let share: Double
        /// As if every multiplication of the operation's definition were carried out: more than the ceiling where Winograd's
        /// filtering spares some. 0 where they don't dominate.
        let gflops: Double
        let shareOfCeiling: Double
    }

    /// Whole restorations of one size; medians.
    struct Engine: Encodable, Sendable {
        let size: Int
        let steps: Int
        /// Of one alone; within it all evaluations, and the diffusion with what is around its evaluations.
        let secondsMedian: Double
        let evaluationSeconds: Double
        let diffuseSeconds: Double
        /// As many evaluations of the network without the engine.
        let plainSeconds: Double
        let clients: Int
        /// Of as many restorations as there are clients.
        let secondsOneAfterAnother: Double
        let secondsAtOnce: Double
        let gainAtOnce: Double
        let picturesPerMinute: Double

        init(
            size: Int, steps: Int, secondsMedian: Double, evaluationSeconds: Double, diffuseSeconds: Double,
            plainSeconds: Double, clients: Int, secondsOneAfterAnother: Double, secondsAtOnce: Double
        ) {
            self.size = size
            self.steps = steps
            self.secondsMedian = secondsMedian
            self.evaluationSeconds = evaluationSeconds
            self.diffuseSeconds = diffuseSeconds
            self.plainSeconds = plainSeconds
            self.clients = clients
            self.secondsOneAfterAnother = secondsOneAfterAnother
            self.secondsAtOnce = secondsAtOnce
            gainAtOnce = secondsOneAfterAnother / secondsAtOnce
            picturesPerMinute = Double(clients) / secondsAtOnce * 60
        }
    }

    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }

    func table() -> String {
        var lines = [
            "\(bundle), \(kernels) kernels (OpenBLAS: \(blas)), \(threads) threads, \(precision), "
                + "ceiling \(ceilingGFLOPS.shown(0)) GFLOP/s",
            "",
            row(["size", "batch", "seconds", "least", "per second", "GFLOP/s", "of ceiling", "MiB"]),
        ]
        lines += network.map {
            row([
                "\($0.size)", "\($0.batch)", $0.secondsMedian.shown(4), $0.secondsLeast.shown(4),
                $0.evaluationsPerSecond.shown(2), $0.gflops.shown(0), ($0.shareOfCeiling * 100).shown(0) + " %",
                (Double($0.workingBytes) / 1_048_576).shown(0),
            ])
        }
        lines += ["", row(["share", "ms", "calls", "GFLOP/s", "of ceiling"]) + "  layer"]
        // After evaluations by size a summary; asked for on their own, all.
        lines += (network.isEmpty ? layers[...] : layers.prefix(16)).map {
            row([
                ($0.share * 100).shown(1) + " %", ($0.seconds * 1000).shown(2), "\($0.calls)", $0.gflops.shown(0),
                ($0.shareOfCeiling * 100).shown(0) + " %",
            ]) + "  \($0.operation), \($0.shape)"
        }
        lines.append("")
        if !engine.isEmpty {
            lines.append(
                row([
                    "picture", "steps", "seconds", "evaluated", "diffused", "plain", "8 in a row", "8 at once", "gain",
                    "a minute",
                ]))
            lines += engine.map {
                row([
                    "\($0.size)", "\($0.steps)", $0.secondsMedian.shown(4), $0.evaluationSeconds.shown(4),
                    $0.diffuseSeconds.shown(4), $0.plainSeconds.shown(4), $0.secondsOneAfterAnother.shown(3),
                    $0.secondsAtOnce.shown(3), $0.gainAtOnce.shown(2), $0.picturesPerMinute.shown(1),
                ])
            }
            lines.append("")
        }
        lines.append("peak resident memory \((Double(peakResidentBytes) / 1_048_576).shown(0)) MiB")
        return lines.joined(separator: "\n")
    }

    private func row(_ cells: [String]) -> String {
        cells.map { String(repeating: " ", count: max(0, 11 - $0.count)) + $0 }.joined()
    }
}

extension Double {
    /// With this many decimal places.
    fileprivate func shown(_ places: Int) -> String {
        guard isFinite, abs(self) < 1e15 else { return "-" }
        let scale = (0..<places).reduce(1.0) { scale, _ in scale * 10 }
        let digits = String(Int((abs(self) * scale).rounded()))
        let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
        let whole = padded.prefix(padded.count - places)
        let sign = self < 0 ? "-" : ""
        return places == 0 ? sign + whole : "\(sign)\(whole).\(padded.suffix(places))"
    }
}
