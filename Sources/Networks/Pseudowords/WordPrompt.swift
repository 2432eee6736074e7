package import CLIP

/// A text with a hole that words are put into (README, "Into the prompt").
package struct WordPrompt: Sendable, Equatable {
    /// As long as the text tower's context.
    package let ids: [Int32]
    /// Of the token that the words take the place of.
    package let position: Int

    package static let template = "a photo of a S"
    package static let placeholder = "S"

    /// - Precondition: the position is one of a token.
    package init(ids: [Int32], position: Int) {
        precondition(ids.indices.contains(position))
        (self.ids, self.position) = (ids, position)
    }

    /// The hole is where the placeholder's own token stands last.
    ///
    /// - Parameter template: in which the placeholder may also be written `{}`.
    package init(
        template: String = Self.template, placeholder: String = Self.placeholder, tokenizer: BytePairTokenizer,
        contextLength: Int
    ) throws(PseudowordError) {
        let text = Self.filled(template, placeholder)
        let own = tokenizer.encode(placeholder)
        guard own.count == 3 else { throw .placeholder(placeholder) }
        ids = tokenizer.tokens(for: text, contextLength: contextLength)
        let end = ids.firstIndex(of: tokenizer.endOfText) ?? ids.count
        guard let position = ids[..<end].lastIndex(of: own[1]) else { throw .noPlace(template: template) }
        self.position = position
    }

    private static func filled(_ template: String, _ placeholder: String) -> String {
        template.split(separator: "{}", omittingEmptySubsequences: false).joined(separator: placeholder)
    }

    /// Where the official program puts the words: it counts words between single blanks, not tokens, so that a longer word before
    /// them shifts the hole, and overwrites the start (0) where it finds no placeholder. For comparison with what that made.
    package static func officialPosition(template: String = Self.template, placeholder: String = Self.placeholder) -> Int {
        let words = filled(template, placeholder).split(separator: " ", omittingEmptySubsequences: false)
        return words.lastIndex { $0 == placeholder }.map { $0 + 1 } ?? 0
    }

    /// The tower's embeddings of the text with words in the hole: what is behind it moves back, and falls off at the end.
    ///
    /// - Parameters:
    ///   - words: rows of the tower's width, at least one.
    ///   - embeddings: of `ids`, as many rows of that width.
    /// - Throws: `tooLong`.
    package func injecting(_ words: [Float], into embeddings: [Float]) throws(PseudowordError) -> [Float] {
        let width = embeddings.count / ids.count
        let count = words.count / max(1, width)
        try check(words: count)
        let before = embeddings[..<(position * width)]
        let behind = embeddings[((position + 1) * width)...].prefix((ids.count - position - count) * width)
        return before + words + behind
    }

    /// - Throws: `tooLong` where so many words don't fit.
    package func check(words: Int) throws(PseudowordError) {
        guard words >= 1, position + words <= ids.count else {
            throw .tooLong(words: words, position: position, length: ids.count)
        }
    }
}
