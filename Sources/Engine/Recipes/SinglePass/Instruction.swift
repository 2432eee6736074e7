import Compute
import SentenceEncoder
import Synchronization

/// What makes vectors of instructions in words.
struct InstructionEncoder: Sendable {
    let tokenizer: WordPieceTokenizer
    let encoder: SentenceEncoder
    let head: InstructionHead

    /// Which of the head's tasks are about the light of a whole scene: haze, low light and enhancement, of noise, blur, rain,
    /// haze, low light, enhancement and super-resolution.
    private static let sceneTasks: Set<Int> = [3, 4, 5]

    struct Meaning: Sendable {
        let vector: [Float]
        /// Whether the light of the whole scene matters.
        let isOfScene: Bool
    }

    func meaning(of text: String, in workspace: Workspace) -> Meaning {
        let tokens = tokenizer.tokens(for: text, limit: encoder.configuration.positions)
        let (vector, logits) = head(encoder(tokens, in: workspace), in: workspace)
        let likeliest = logits.indices.max { logits[$0] < logits[$1] }
        return Meaning(vector: vector, isOfScene: likeliest.map(Self.sceneTasks.contains) ?? false)
    }
}

/// A request's instruction. What it means is worked out once, by whichever evaluation needs it first; the mutex guards that and
/// is not held meanwhile.
final class Instruction: Sendable {
    private let text: String
    private let encoder: InstructionEncoder
    private let known = Mutex<InstructionEncoder.Meaning?>(nil)

    init(_ text: String, encoder: InstructionEncoder) {
        self.text = text
        self.encoder = encoder
    }

    func meaning(in workspace: Workspace) -> InstructionEncoder.Meaning {
        if let meaning = known.withLock({ $0 }) { return meaning }
        let meaning = encoder.meaning(of: text, in: workspace)
        known.withLock { $0 = meaning }
        return meaning
    }
}
