import Compute
import Images
import Synchronization

/// A restoration whose guidance is made before its tiles: the source's stages, then those of the run itself, but for a look at the
/// picture, which may find that nothing is to be done.
///
/// The mutex guards when the guidance was begun, and what it took.
final class GuidedRun: RecipeRun {
    let stages: [Stage]
    private let source: any GuidanceSource
    private let run: any RecipeRun<RestorationResult>
    /// Stages of the run that go before those of the source.
    private let lead: Int
    private let time = Mutex<(since: ContinuousClock.Instant?, taken: Duration)>((nil, .zero))

    /// - Parameter lead: how many of the run's stages go first: those up to its look.
    init(_ run: any RecipeRun<RestorationResult>, lead: Int, guidedBy source: any GuidanceSource) {
        self.run = run
        self.source = source
        self.lead = lead
        stages = run.stages.prefix(lead) + source.stages + run.stages.dropFirst(lead)
    }

    /// Whose stage it is, and its number there.
    private func place(of stage: Int) -> (isSource: Bool, stage: Int) {
        if stage < lead { return (false, stage) }
        let count = source.stages.count
        return stage < lead + count ? (true, stage - lead) : (false, stage - count)
    }

    var samplesAtOnce: Int { run.samplesAtOnce }
    var ownBytes: Int { run.ownBytes + source.ownBytes }

    func begin(reference: Picture) { source.begin(reference: reference) }

    func begin(_ picture: Picture) {
        source.begin(picture)
        run.begin(picture)
    }

    func makeSample(
        _ index: Int, ofStage stage: Int, in workspace: Workspace, shouldContinue: @escaping () -> Bool
    ) throws(RestorationError) -> sending any StageSample {
        let place = place(of: stage)
        guard place.isSource else {
            return try run.makeSample(index, ofStage: place.stage, in: workspace, shouldContinue: shouldContinue)
        }
        time.withLock { $0.since = $0.since ?? .now }
        return try source.makeSample(index, ofStage: place.stage, in: workspace, shouldContinue: shouldContinue)
    }

    func finishSample(
        _ sample: any StageSample, _ index: Int, ofStage stage: Int
    ) throws(RestorationError) -> StageOutcome {
        let place = place(of: stage)
        guard place.isSource else { return try run.finishSample(sample, index, ofStage: place.stage) }
        try source.finishSample(sample, index, ofStage: place.stage)
        time.withLock { $0.taken = .now - ($0.since ?? .now) }
        return .goOn
    }

    func result() throws(RestorationError) -> RestorationResult {
        var result = try run.result()
        guard let drawing = source.drawing else {
            result.timing[ReferenceGuidance.stageName] = time.withLock { $0.taken }
            return result
        }
        result.timing = drawing.timing.followed(by: result.timing)
        let drawn = drawing.timing.stages.reduce(Duration.zero) { $0 + $1.duration }
        result.timing[ReferenceGuidance.stageName] = max(.zero, time.withLock { $0.taken } - drawn)
        result.guidance = drawing.guidance
        // Nothing was sampled where there was nothing to restore.
        if result.guidance != nil { result.sampling = drawing.sampling }
        return result
    }
}
