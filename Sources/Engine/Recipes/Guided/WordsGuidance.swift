import Compute
import GuidedRestoration
import Images
import Synchronization

/// The features of a picture that is drawn from words about the degraded one: first the drawing, then what a reference goes through.
///
/// The mutex guards the degraded picture.
final class WordsGuidance: GuidanceSource {
    let stages: [Stage]
    private let run: GuidanceRun
    private let reference: ReferenceGuidance
    private let picture = Mutex<Picture?>(nil)

    /// - Parameter reference: takes a picture of the size of what is drawn.
    init(_ run: GuidanceRun, shownTo reference: ReferenceGuidance) {
        self.run = run
        self.reference = reference
        stages = run.stages + reference.stages
    }

    var featureBytes: Int { reference.featureBytes }
    var ownBytes: Int { run.ownBytes }

    var drawing: GuidanceRun? { run }

    func begin(_ picture: Picture) { self.picture.withLock { $0 = picture } }

    func begin(reference: Picture) {}

    func makeSample(
        _ index: Int, ofStage stage: Int, in workspace: Workspace, shouldContinue: @escaping () -> Bool
    ) throws(RestorationError) -> sending any StageSample {
        guard stage < run.stages.count else {
            return try reference.makeSample(
                index, ofStage: stage - run.stages.count, in: workspace, shouldContinue: shouldContinue)
        }
        guard let picture = picture.withLock({ $0 }) else { throw .internalFault("no picture yet") }
        return try run.makeSample(ofStage: stage, of: picture, in: workspace, shouldContinue: shouldContinue)
    }

    func finishSample(_ sample: any StageSample, _ index: Int, ofStage stage: Int) throws(RestorationError) {
        guard stage < run.stages.count else {
            return try reference.finishSample(sample, index, ofStage: stage - run.stages.count)
        }
        try run.finishSample(sample, ofStage: stage)
        if let guidance = run.guidance {
            picture.withLock { $0 = nil }
            reference.begin(reference: guidance)
        }
    }

    func features() throws(RestorationError) -> ReferenceFeatures { try reference.features() }
}
