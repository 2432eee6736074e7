/// BERT's WordPiece, lower case: text in, numbers of the vocabulary's lines out (README, "Tokens").
package struct WordPieceTokenizer: Sendable {
    /// By scalars: strings that only look the same are not.
    private let pieces: [[Unicode.Scalar]: Int]
    private let start: Int  // [CLS]
    private let end: Int  // [SEP]
    private let unknown: Int  // [UNK]

    /// Lines of the vocabulary: every number is below it.
    package let vocabularySize: Int

    /// A longer word is unknown as a whole.
    static let mostScalarsOfWord = 100
    /// Bytes of a vocabulary, and lines.
    package static let vocabularyBytes = 16 << 20
    private static let mostPieces = 1_000_000

    /// - Parameter vocabulary: one piece a line; those that go on within a word begin with `##`.
    package init(vocabulary file: [UInt8]) throws(TokenizerError) {
        guard file.count <= Self.vocabularyBytes else { throw .tooLarge(file.count, limit: Self.vocabularyBytes) }
        guard let text = String(validating: file, as: UTF8.self) else { throw .notText }
        var lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last?.isEmpty ?? false { lines.removeLast() }
        guard lines.count <= Self.mostPieces else { throw .tooLarge(lines.count, limit: Self.mostPieces) }
        var pieces: [[Unicode.Scalar]: Int] = [:]
        for (number, line) in lines.enumerated() {
            let piece = Array(line.last == "\r" ? line.dropLast() : line)
            pieces[piece] = pieces[piece] ?? number
        }
        func special(_ piece: String) throws(TokenizerError) -> Int {
            guard let number = pieces[Array(piece.unicodeScalars)] else { throw .missing(piece) }
            return number
        }
        start = try special("[CLS]")
        end = try special("[SEP]")
        unknown = try special("[UNK]")
        self.pieces = pieces
        vocabularySize = lines.count
    }

    /// Start, the text's pieces and end.
    ///
    /// - Parameter limit: of all numbers, at least 2; a longer text is cut and keeps its end.
    package func tokens(for text: String, limit: Int) -> [Int] {
        var result = [start]
        for word in WordSplitting.words(of: text) {
            result += numbers(of: word)
            if result.count >= limit { break }
        }
        return result.prefix(max(1, limit - 1)) + [end]
    }

    /// The longest pieces that cover a word from its beginning; `[UNK]` where none do.
    private func numbers(of word: [Unicode.Scalar]) -> [Int] {
        guard word.count <= Self.mostScalarsOfWord else { return [unknown] }
        var result: [Int] = []
        var position = 0
        while position < word.count {
            var end = word.count
            var found: Int?
            while found == nil, end > position {
                found = pieces[(position > 0 ? ["#", "#"] : []) + word[position..<end]]
                if found == nil { end -= 1 }
            }
            guard let found else { return [unknown] }
            result.append(found)
            position = end
        }
        return result
    }
}

/// Why a vocabulary can't be used.
package enum TokenizerError: Error, Sendable, Equatable, CustomStringConvertible {
    case notText
    case tooLarge(Int, limit: Int)
    case missing(String)
    /// More or fewer lines than the encoder has rows.
    case vocabularySize(Int, expected: Int)

    package var description: String {
        switch self {
        case .notText: "the vocabulary is not UTF-8"
        case .tooLarge(let size, let limit): "the vocabulary has \(size) lines or bytes, more than \(limit)"
        case .missing(let piece): "the vocabulary lacks \(piece)"
        case .vocabularySize(let size, let expected): "the vocabulary has \(size) lines, expected \(expected)"
        }
    }
}
