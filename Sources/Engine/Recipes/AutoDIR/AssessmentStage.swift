import Compute

/// Looks at parts of pictures.
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
        _ = assessment.embeddings(Array(repeating: blank, count: assessment.mostCrops), in: workspace)
        evaluationBytes = workspace.pool.peakBytes
    }

    private static func pixels(_ assessment: Assessment) -> Int {
        let side = assessment.towers.configuration.vision.imageSize
        return side * side
    }

    func stage(waits: Bool) -> Stage {
        let pixels = Self.pixels(assessment) * assessment.mostCrops
        return Stage(
            Self.name, by: self, sampleBytes: pixels * 3 * MemoryLayout<Float>.stride, evaluationBytes: evaluationBytes,
            cost: Double(pixels) * Self.pixelCost, maximumBatch: maximumBatch, waits: waits)
    }

    func advance(_ samples: [AssessedCrops], in workspace: Workspace) {
        var embeddings = assessment.embeddings(samples.flatMap(\.crops), in: workspace)[...]
        for sample in samples {
            sample.embeddings = Array(embeddings.prefix(sample.crops.count))
            embeddings = embeddings.dropFirst(sample.crops.count)
        }
    }
}

/// Parts of a picture on their way through the picture tower.
final class AssessedCrops: StageSample {
    let crops: [[Float]]
    /// One a crop.
    fileprivate(set) var embeddings: [[Float]] = []

    init(_ crops: [[Float]]) { self.crops = crops }

    /// Whether they were looked at, and nothing that isn't a number came of it.
    var isSound: Bool { !embeddings.isEmpty && embeddings.allSatisfy(\.allAreFinite) }
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
