/// CLIP's byte-pair encoding (Sennrich et al., 2016, on UTF-8 bytes): text in, ids of the text tower out.
///
/// Ids: 256 bytes, the same 256 at the end of a word, one a merge in the order of the file, start and end of text.
package struct BytePairTokenizer: Sendable {
    /// Vocabulary of CLIP's published merges.
    package static let publishedVocabularySize = 49_408
    /// Bytes, bytes that end a word, start and end of text; no merges.
    static let supportedVocabularySizes = 514...1_000_000

    /// How many ids there are; every id is below it.
    package let vocabularySize: Int
    /// The id of the start of a text.
    package var startOfText: Int32 { Int32(vocabularySize - 2) }
    /// The id of the end of a text, the largest of all: the text tower finds the end by it.
    package var endOfText: Int32 { Int32(vocabularySize - 1) }

    private let merges: [UInt64: Int32]
    private let idsOfBytes: [Int32]

    /// Reads the merges of a vocabulary; lines beyond it are not looked at.
    ///
    /// - Parameters:
    ///   - file: the merges as text or gzip: a header line, then two symbols a line.
    ///   - vocabularySize: `vocab_size` of the text tower's configuration.
    package init(
        merges file: [UInt8], vocabularySize: Int = BytePairTokenizer.publishedVocabularySize
    ) throws(TokenizerError) {
        guard Self.supportedVocabularySizes.contains(vocabularySize) else {
            throw .unsupportedVocabularySize(vocabularySize)
        }
        self.vocabularySize = vocabularySize
        merges = try Self.merges(in: file, count: vocabularySize - Self.supportedVocabularySizes.lowerBound)
        var ids = [Int32](repeating: 0, count: 256)
        for (index, byte) in Self.byteOrder.enumerated() { ids[Int(byte)] = Int32(index) }
        idsOfBytes = ids
    }

    /// The text as ids, start and end of text around it, however long.
    package func encode(_ text: String) -> [Int32] { encode(repaired: TextCleaning.clean(text), specials: .openCLIP) }

    private func encode(repaired text: String, specials: Specials) -> [Int32] {
        var result = [startOfText]
        for piece in Self.pieces(of: text, specials: specials) {
            switch piece {
            case .word(let word): result += encode(word: word)
            case .startOfText: result.append(startOfText)
            case .endOfText: result.append(endOfText)
            }
        }
        result.append(endOfText)
        return result
    }

    /// The text as the tower takes it: exactly `contextLength` ids, zeros after the end; a text too long keeps its
    /// first ids and has the end of text as its last.
    package func tokens(for text: String, contextLength: Int = 77) -> [Int32] {
        let ids = encode(text)
        guard contextLength > 0 else { return [] }
        if ids.count > contextLength { return ids.prefix(contextLength - 1) + [endOfText] }
        return ids + [Int32](repeating: 0, count: contextLength - ids.count)
    }

    /// The text as the text towers of latent diffusion take it: exactly `contextLength` ids, the end of text again and again
    /// behind the first one; a text too long keeps its first ids.
    ///
    /// - Returns: the ids; and how many there would be, start and end of text among them, were there no limit.
    package func paddedTokens(for text: String, contextLength: Int) -> (ids: [Int32], count: Int) {
        let ids = encode(repaired: TextRepair.repaired(text), specials: .original)
        let shown = ids.count > contextLength ? ids.prefix(max(0, contextLength - 1)) + [endOfText] : ids
        return (shown + [Int32](repeating: endOfText, count: max(0, contextLength - shown.count)), ids.count)
    }

    static func pair(_ first: Int32, _ second: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: first)) << 32 | UInt64(UInt32(bitPattern: second))
    }

    /// Joins the pair of the lowest rank until no neighbours are a pair. A merge's parts rank before it, so taking the
    /// first of equal pairs one at a time ends as taking them all at once does.
    private func encode(word: String) -> [Int32] {
        var symbols = word.utf8.map { idsOfBytes[Int($0)] }
        guard let last = symbols.indices.last else { return [] }
        symbols[last] += 256
        // The id that symbol i and the next become, or one above all.
        let none = Int32.max
        var joined = [Int32](repeating: none, count: symbols.count)
        func join(_ index: Int) -> Int32 {
            index + 1 < symbols.count ? merges[Self.pair(symbols[index], symbols[index + 1])] ?? none : none
        }
        for index in symbols.indices { joined[index] = join(index) }
        while let best = joined.indices.min(by: { joined[$0] < joined[$1] }), joined[best] != none {
            symbols[best] = joined[best]
            symbols.remove(at: best + 1)
            joined.remove(at: best + 1)
            joined[best] = join(best)
            if best > 0 { joined[best - 1] = join(best - 1) }
        }
        return symbols
    }
}
