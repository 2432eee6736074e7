import Compute
import Pseudowords

/// A picture as the vision tower sees it, then the tower's tokens.
final class SeenSquare: StageSample {
    /// side x side x 3 bytes.
    fileprivate let bytes: [UInt8]
    fileprivate(set) var tokens: [Float] = []

    init(_ bytes: [UInt8]) { self.bytes = bytes }
}

/// Makes tokens of pictures.
struct TokenStage: StageEvaluator {
    let reader: WordReader

    func advance(_ samples: [SeenSquare], in workspace: Workspace) {
        let tokens = reader.vision(reader.preprocessing.normalised(samples.map(\.bytes), in: workspace), in: workspace)
        let values = tokens.values
        for (index, sample) in samples.enumerated() {
            sample.tokens = Array(values[index * tokens.sampleCount..<(index + 1) * tokens.sampleCount])
        }
    }
}

/// A picture's tokens, then the states of a prompt with its words.
final class WrittenPrompt: StageSample {
    fileprivate let tokens: [Float]
    fileprivate(set) var states: [Float] = []

    init(_ tokens: [Float]) { self.tokens = tokens }
}

/// Writes words and reads them.
struct PromptWritingStage: StageEvaluator {
    let reader: WordReader

    func advance(_ samples: [WrittenPrompt], in workspace: Workspace) throws {
        let width = reader.vision.configuration.width
        guard let count = samples.first?.tokens.count else { return }
        let tokens = Tensor(
            samples.flatMap(\.tokens), batch: samples.count, width: count / width, channels: width, pool: workspace.pool)
        let words = reader.words(of: tokens, in: workspace)
        for (sample, words) in zip(samples, words) { sample.states = try reader.context(of: words, in: workspace) }
    }
}
