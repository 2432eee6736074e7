import Images
import Restoration

/// Times whole restorations at the bundle's default steps.
struct PictureBenchmark {
    let engine: any RestorationEngine

    private static let side = 256
    private static let repetitions = 5
    private static let clients = 8
    private static let picturesAClient = 3

    private var picture: Picture {
        Picture(
            width: Self.side, height: Self.side,
            pixels: (0..<Self.side * Self.side * 3).map { UInt8(truncatingIfNeeded: $0 % 251) })
    }

    private var options: RestorationOptions {
        var options = RestorationOptions()
        options.seed = 0
        options.force = true
        return options
    }

    /// One picture after another; the first only warms up.
    func alone() async throws -> BenchReport.Picture {
        _ = try await engine.restore(picture, options: options) { _ in }
        var durations: [Double] = []
        var last: RestorationResult?
        for _ in 0..<Self.repetitions {
            let start = ContinuousClock.now
            last = try await engine.restore(picture, options: options) { _ in }
            durations.append((ContinuousClock.now - start) / .seconds(1))
        }
        return BenchReport.Picture(
            size: Self.side, steps: last?.steps ?? 0, secondsMedian: durations.median,
            classifySeconds: (last?.timing.classify ?? .zero) / .seconds(1),
            diffuseSeconds: (last?.timing.diffuse ?? .zero) / .seconds(1))
    }

    /// Several clients at once, each asking for one picture after another.
    func underLoad() async throws -> BenchReport.Load {
        let start = ContinuousClock.now
        let (engine, picture, options) = (engine, picture, options)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<Self.clients {
                group.addTask {
                    for _ in 0..<Self.picturesAClient {
                        _ = try await engine.restore(picture, options: options) { _ in }
                    }
                }
            }
            try await group.waitForAll()
        }
        let minutes = (ContinuousClock.now - start) / .seconds(60)
        return BenchReport.Load(
            clients: Self.clients, size: Self.side,
            picturesPerMinute: Double(Self.clients * Self.picturesAClient) / minutes)
    }
}
