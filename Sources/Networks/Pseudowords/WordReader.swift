package import CLIP
package import Compute

/// From pictures to what steers a latent diffusion: words of what a vision tower sees, cleaned, in a prompt, read by a text tower
/// (README).
package struct WordReader: Sendable {
    package let vision: VisionTrunk
    package let mapper: WordMapper
    /// Nil for words as they are, degradation and all.
    package let cleaner: WordCleaner?
    package let text: TextTransformer
    package let prompt: WordPrompt
    /// Of the empty text.
    package let empty: [Int32]

    /// - Parameter empty: ids of the empty text.
    /// - Throws: `tooLong`, and `fit` where one network's output is not the next one's input.
    package init(
        vision: VisionTrunk, mapper: WordMapper, cleaner: WordCleaner?, text: TextTransformer, prompt: WordPrompt,
        empty: [Int32]
    ) throws(PseudowordError) {
        let written = cleaner?.sizes ?? mapper.sizes
        try prompt.check(words: written.words)
        let fits = [
            (mapper.sizes.inputs, vision.configuration.width, "numbers of a picture's token"),
            (cleaner?.sizes.inputs ?? mapper.sizes.outputs, mapper.sizes.outputs, "numbers of a word before it is cleaned"),
            (cleaner?.sizes.words ?? mapper.sizes.words, mapper.sizes.words, "words"),
            (text.configuration.width, written.outputs, "numbers of a word"),
        ]
        for (expected, found, what) in fits where expected != found {
            throw .fit(what: what, expected: expected, found: found)
        }
        (self.vision, self.mapper, self.cleaner, self.text) = (vision, mapper, cleaner, text)
        (self.prompt, self.empty) = (prompt, empty)
    }

    /// How a picture is looked at.
    package var preprocessing: Preprocessing { Preprocessing(side: vision.configuration.imageSize) }

    /// The words of pictures.
    ///
    /// - Parameter tokens: of the vision tower, for one picture or more.
    package func words(of tokens: Tensor, in workspace: Workspace) -> [[Float]] {
        let words = mapper(tokens, in: workspace)
        return cleaner?(words, in: workspace) ?? words
    }

    /// The states of the prompt with a picture's words in it: context length x width.
    ///
    /// - Throws: `tooLong`, which `init` has ruled out for words of `words(of:in:)`.
    package func context(of words: [Float], in workspace: Workspace) throws(PseudowordError) -> [Float] {
        let embedded = try prompt.injecting(words, into: text.embeddings(of: prompt.ids))
        return text.states(embedded: [embedded], in: workspace).values
    }

    /// The states of the empty text.
    package func emptyContext(in workspace: Workspace) -> [Float] { text.states([empty], in: workspace).values }
}
