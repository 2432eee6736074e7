import Compute
import Images
import Synchronization

/// A restoration whose guidance is made first: the source's stages, then those of the run itself.
///
/// The mutex guards when the guidance was begun, and what it took.
final class GuidedRun: RecipeRun {
    let stages: [Stage]
    private let source: any GuidanceSource
    private let run: any RecipeRun<RestorationResult>
    private let first: Int
    private let time = Mutex<(since: ContinuousClock.Instant?, taken: Duration)>((nil, .zero))

    init(_ run: any RecipeRun<RestorationResult>, guidedBy source: any GuidanceSource) {
        self.run = run
        self.source = source
        first = source.stages.count
        stages = source.stages + run.stages
    }

    var samplesAtOnce: Int { run.samplesAtOnce }
    var ownBytes: Int { run.ownBytes }

    func begin(reference: Picture) { source.begin(reference: reference) }

    func begin(_ picture: Picture) {
        source.begin(picture)
        run.begin(picture)
    }

    func makeSample(
        _ index: Int, ofStage stage: Int, in workspace: Workspace, shouldContinue: @escaping () -> Bool
    ) throws(RestorationError) -> sending any StageSample {
        guard stage < first else {
            return try run.makeSample(index, ofStage: stage - first, in: workspace, shouldContinue: shouldContinue)
        }
        time.withLock { $0.since = $0.since ?? .now }
        return try source.makeSample(index, ofStage: stage, in: workspace, shouldContinue: shouldContinue)
    }

    func finishSample(
        _ sample: any StageSample, _ index: Int, ofStage stage: Int
    ) throws(RestorationError) -> StageOutcome {
        guard stage < first else { return try run.finishSample(sample, index, ofStage: stage - first) }
        try source.finishSample(sample, index, ofStage: stage)
        time.withLock { $0.taken = .now - ($0.since ?? .now) }
        return .goOn
    }

    func result() throws(RestorationError) -> RestorationResult {
        var result = try run.result()
        result.timing[ReferenceGuidance.stageName] = time.withLock { $0.taken }
        return result
    }
}
