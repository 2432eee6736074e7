import Engine
import Images

/// Times whole restorations by the engine: alone, one after another, and at once.
struct EngineBenchmark {
    let engine: any RestorationEngine
    /// Nil for the bundle's default.
    let steps: Int?
    let rounds: Int

    private static let clients = 8

    /// Takes turns in rounds, so that what the machine does otherwise falls on all alike; the first only warms up.
    ///
    /// - Parameter evaluate: does one evaluation of the network without the engine.
    func measure(size: Int, evaluate: @escaping @Sendable () -> Void) async throws -> BenchReport.Engine {
        let picture = Self.picture(size: size)
        var lone: [Double] = []
        var diffuse: [Double] = []
        var evaluations: [Double] = []
        var plain: [Double] = []
        var oneAfterAnother: [Double] = []
        var atOnce: [Double] = []
        var steps = 0
        for round in 0...rounds {
            let before = engine.load.stepSeconds.sum
            var result: RestorationResult?
            let seconds = try await Self.seconds { result = try await restore(picture) }
            let evaluated = engine.load.stepSeconds.sum - before
            steps = result?.sampling?.steps ?? 0
            let count = steps
            let bare = try await Self.seconds {
                try await PictureCoding.run { for _ in 0..<count { evaluate() } }
            }
            let row = try await Self.seconds { for _ in 0..<Self.clients { _ = try await restore(picture) } }
            let crowd = try await Self.seconds { try await restoreAtOnce(picture) }
            guard round > 0 else { continue }
            lone.append(seconds)
            diffuse.append((result?.timing["diffuse"] ?? .zero) / .seconds(1))
            evaluations.append(evaluated)
            plain.append(bare)
            oneAfterAnother.append(row)
            atOnce.append(crowd)
        }
        return BenchReport.Engine(
            size: size, steps: steps, secondsMedian: lone.median, evaluationSeconds: evaluations.median,
            diffuseSeconds: diffuse.median, plainSeconds: plain.median, clients: Self.clients,
            secondsOneAfterAnother: oneAfterAnother.median, secondsAtOnce: atOnce.median)
    }

    private func restore(_ picture: Picture) async throws -> RestorationResult {
        var options = RestorationOptions()
        options.seed = 0
        options.force = true
        options.steps = steps
        return try await engine.restore(picture, options: options) { _ in }
    }

    private func restoreAtOnce(_ picture: Picture) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<Self.clients { group.addTask { _ = try await restore(picture) } }
            try await group.waitForAll()
        }
    }

    private static func seconds(_ work: () async throws -> Void) async rethrows -> Double {
        let start = ContinuousClock.now
        try await work()
        return (ContinuousClock.now - start) / .seconds(1)
    }

    private static func picture(size: Int) -> Picture {
        Picture(
            width: size, height: size, pixels: (0..<size * size * 3).map { UInt8(truncatingIfNeeded: $0 % 251) })
    }
}
