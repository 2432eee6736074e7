import Bundles
import Compute
import Engine
import Foundation
import Images
import TestSupport
import Testing

/// What takes long before the first evaluation, as shrinking a large photograph does, ends with its request.
@Suite("Making samples")
struct SampleMakingTests {
    /// Makes samples for ever, until it is told to stop.
    private struct EndlessRecipe: Recipe {
        let description = RecipeDescription(labels: [], options: [])
        /// Told when it has begun.
        let begun: AsyncStream<Void>.Continuation

        func restoration(
            width: Int, height: Int, options: RestorationOptions
        ) throws(RestorationError) -> any RecipeRun<RestorationResult> { EndlessRun(begun) }

        func classification(labels: [String]?) throws(RestorationError) -> any RecipeRun<Classification> {
            throw .notOffered("classification", bundle: "endless")
        }
    }

    private final class EndlessRun: RecipeRun {
        private struct Nothing: StageEvaluator {
            func advance(_ samples: [NoSample], in workspace: Workspace) {}
        }

        private final class NoSample: StageSample {}

        let stages = [Stage("endless", by: Nothing(), sampleBytes: 1, evaluationBytes: 1, cost: 1, maximumBatch: 1)]
        let samplesAtOnce = 1
        let ownBytes = 0
        private let begun: AsyncStream<Void>.Continuation

        init(_ begun: AsyncStream<Void>.Continuation) { self.begun = begun }

        func begin(_ picture: Picture) {}

        func makeSample(
            _ index: Int, ofStage stage: Int, in workspace: Workspace, shouldContinue: @escaping () -> Bool
        ) throws(RestorationError) -> sending any StageSample {
            begun.yield()
            while shouldContinue() { usleep(1_000) }
            throw .cancelled
        }

        func finishSample(
            _ sample: any StageSample, _ index: Int, ofStage stage: Int
        ) throws(RestorationError) -> StageOutcome { .goOn }

        func result() throws(RestorationError) -> RestorationResult { throw .cancelled }
    }

    private func engine(_ begun: AsyncStream<Void>.Continuation) throws -> RecipeEngine {
        try RecipeEngine(
            EndlessRecipe(begun: begun),
            of: BundleSummary(name: "endless", version: "0", licence: "none", trainingDataTerms: "none", digests: [:]),
            on: RecipeWorkers(EngineConfiguration()))
    }

    @Test("a request that is cancelled ends what makes its first sample")
    func cancelled() async throws {
        let (begins, begun) = AsyncStream<Void>.makeStream()
        let engine = try engine(begun)
        let work = Task {
            try await engine.restore(.sample(width: 16, height: 16), options: RestorationOptions()) { _ in }
        }
        for await _ in begins { break }
        work.cancel()
        await #expect(throws: RestorationError.cancelled) { try await work.value }
        await engine.stop()
    }

    @Test("so does its deadline")
    func deadline() async throws {
        let (_, begun) = AsyncStream<Void>.makeStream()
        let engine = try engine(begun)
        var options = RestorationOptions()
        options.deadline = .now + .milliseconds(50)
        let error = try await #require(throws: RestorationError.self) {
            try await engine.restore(.sample(width: 16, height: 16), options: options) { _ in }
        }
        var isDeadline = false
        if case .deadlineExceeded = error { isDeadline = true }
        #expect(isDeadline, "\(error)")
        await engine.stop()
    }
}
