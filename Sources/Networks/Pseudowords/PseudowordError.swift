/// Why words can't be put into a prompt.
package enum PseudowordError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The placeholder is not one token.
    case placeholder(String)
    /// The template has no place for the words.
    case noPlace(template: String)
    /// The words would reach past the last token.
    case tooLong(words: Int, position: Int, length: Int)
    /// One network's output is not the next one's input.
    case fit(what: String, expected: Int, found: Int)

    package var description: String {
        switch self {
        case .placeholder(let text): "expected a placeholder that is one token of the vocabulary, found '\(text)'"
        case .noPlace(let template): "expected the placeholder in the template, found '\(template)'"
        case .tooLong(let words, let position, let length):
            "\(words) words from position \(position) on, expected an end within \(length) tokens"
        case .fit(let what, let expected, let found): "expected \(expected) \(what), found \(found)"
        }
    }
}
