import Compute

/// Looks at the middle of pictures.
struct AssessmentStage: StageEvaluator {
    let assessment: Assessment
    let maximumBatch: Int
    let evaluationBytes: Int

    static let name = "assess"
    /// What a pixel that the tower looks at costs, in pixels of a restoration network's evaluation; of the multiplications.
    private static let pixelCost = 1.0

    init(_ assessment: Assessment, maximumBatch: Int) {
        self.assessment = assessment
        self.maximumBatch = maximumBatch
        let workspace = Workspace(threads: 1)
        let blank = [Float](repeating: 0, count: Self.pixels(assessment) * 3)
        _ = assessment.embeddings([blank], in: workspace)
        evaluationBytes = workspace.pool.peakBytes
    }

    private static func pixels(_ assessment: Assessment) -> Int {
        let side = assessment.towers.configuration.vision.imageSize
        return side * side
    }

    func stage(waits: Bool) -> Stage {
        let pixels = Self.pixels(assessment)
        return Stage(
            Self.name, by: self, sampleBytes: pixels * 3 * MemoryLayout<Float>.stride, evaluationBytes: evaluationBytes,
            cost: Double(pixels) * Self.pixelCost, maximumBatch: maximumBatch, waits: waits)
    }

    func advance(_ samples: [AssessedCrop], in workspace: Workspace) {
        for (sample, embedding) in zip(samples, assessment.embeddings(samples.map(\.crop), in: workspace)) {
            sample.embedding = embedding
        }
    }
}

/// The middle of a picture on its way through the picture tower.
final class AssessedCrop: StageSample {
    let crop: [Float]
    fileprivate(set) var embedding: [Float] = []

    init(_ crop: [Float]) { self.crop = crop }
}

/// Makes states of a request's own words.
struct PromptStage: StageEvaluator {
    let assessment: Assessment
    let evaluationBytes: Int

    static let name = "read"

    init(_ assessment: Assessment) {
        self.assessment = assessment
        let workspace = Workspace(threads: 1)
        _ = assessment.states(of: "", in: workspace)
        evaluationBytes = workspace.pool.peakBytes
    }

    var stage: Stage {
        Stage(Self.name, by: self, sampleBytes: 4_096, evaluationBytes: evaluationBytes, cost: 8_192, maximumBatch: 1)
    }

    func advance(_ samples: [PromptSample], in workspace: Workspace) {
        for sample in samples { sample.states = assessment.states(of: sample.text, in: workspace) }
    }
}

final class PromptSample: StageSample {
    let text: String
    fileprivate(set) var states: [Float] = []

    init(_ text: String) { self.text = text }
}
