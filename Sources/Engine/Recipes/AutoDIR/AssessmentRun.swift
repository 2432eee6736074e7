import Compute
import Images
import Synchronization

/// A verdict on a picture and nothing else. The mutex guards the picture and what came of it.
final class AssessmentRun: RecipeRun {
    let stages: [Stage]
    let samplesAtOnce = 1
    let ownBytes = 0
    private let assessment: Assessment
    private let labels: [String]
    private let progress = Mutex<(picture: Picture?, embeddings: [[Float]]?)>((nil, nil))

    init(assessment: Assessment, labels: [String], look: AssessmentStage) {
        self.assessment = assessment
        self.labels = labels
        stages = [look.stage(waits: false)]
    }

    func begin(_ picture: Picture) { progress.withLock { $0.picture = picture } }

    func makeSample(
        _ index: Int, ofStage stage: Int, in workspace: Workspace, shouldContinue: @escaping () -> Bool
    ) throws(RestorationError) -> sending any StageSample {
        guard let picture = progress.withLock({ $0.picture.take() }) else { throw .internalFault("no picture yet") }
        return AssessedCrops(assessment.crops(SignedPicture(picture)))
    }

    func finishSample(
        _ sample: any StageSample, _ index: Int, ofStage stage: Int
    ) throws(RestorationError) -> StageOutcome {
        guard let seen = sample as? AssessedCrops, seen.isSound else { throw .nonFinite(stage: AssessmentStage.name) }
        progress.withLock { $0.embeddings = seen.embeddings }
        return .goOn
    }

    func result() throws(RestorationError) -> Classification {
        guard let embeddings = progress.withLock({ $0.embeddings }) else { throw .internalFault("no embedding") }
        let probabilities = assessment.probabilities(of: embeddings, among: Array(labels.indices))
        let entries = zip(labels, probabilities).map { Classification.Entry(label: $0, probability: $1) }
        guard let classification = Classification(entries: entries) else { throw .internalFault("no labels") }
        return classification
    }
}
