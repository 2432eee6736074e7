/// Why a merges file can't serve a tokenizer.
package enum TokenizerError: Error, Equatable, Sendable {
    /// The file, or what it unpacks to, is larger than any merges file.
    case tooLarge(limitBytes: Int)
    /// A gzip file that is truncated, fails its checksum or is no gzip at all.
    case corruptCompression(reason: String)
    /// A line that is not two known symbols; lines count from 1, the header included.
    case malformedMerge(line: Int, reason: String)
    /// The file ends before the vocabulary is complete.
    case tooFewMerges(expected: Int, found: Int)
    /// A vocabulary too small to hold the bytes, or larger than any merges file can make it.
    case unsupportedVocabularySize(Int)
}

extension TokenizerError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .tooLarge(let limit): "merges file: expected at most \(limit) bytes, found more"
        case .corruptCompression(let reason): "merges file: \(reason)"
        case .malformedMerge(let line, let reason): "merges file, line \(line): \(reason)"
        case .tooFewMerges(let expected, let found): "merges file: expected \(expected) merges, found \(found)"
        case .unsupportedVocabularySize(let size):
            "vocabulary size \(size): expected \(BytePairTokenizer.supportedVocabularySizes)"
        }
    }
}
