import Checkpoints
import Compute
import Foundation
import SentenceEncoder
import TestSupport
import Testing

/// The recorded tokens and vectors of prompts.
struct SentenceFixtures {
    static let isThere = Recording.folder.has(
        "config.json", "wordpiece_vocab.txt", "instructir_bert.safetensors", "instructir_head.pt")

    let tokenizer: WordPieceTokenizer
    let encoder: SentenceEncoder
    let head: InstructionHead
    let prompts: [String]
    let tokens: [[Int]]
    let limit: Int

    init(encoder file: String = "instructir_bert.safetensors") throws {
        let folder = Recording.folder
        let section = try folder.configuration().object("instructir_text")
        tokenizer = try WordPieceTokenizer(vocabulary: [UInt8](Data(contentsOf: folder.url("wordpiece_vocab.txt"))))
        encoder = try SentenceEncoder(
            ParameterReader(StateDict(contentsOf: folder.path(file))),
            configuration: SentenceEncoderConfiguration(section.object("bert")))
        let sizes = try section.object("head")
        head = try InstructionHead(
            ParameterReader(StateDict(contentsOf: folder.path("instructir_head.pt"))),
            inputs: sizes.size("embedding_dim", 1...10_000), outputs: sizes.size("hidden_dim", 1...10_000),
            tasks: sizes.size("num_classes", 1...100))
        let recorded = try JSONSerialization.jsonObject(with: Data(contentsOf: folder.url("config.json")))
        let text = try #require((recorded as? [String: Any])?["instructir_text"] as? [String: Any])
        prompts = try #require(text["prompts"] as? [String])
        tokens = try #require(text["ids"] as? [[Int]])
        limit = try #require(text["max_length"] as? Int)
    }

    func vector(of prompt: String, in workspace: Workspace) throws -> (vector: [Float], logits: [Float]) {
        head(encoder(tokenizer.tokens(for: prompt, limit: limit), in: workspace), in: workspace)
    }
}

@Suite("Sentence encoder", .enabled(if: SentenceFixtures.isThere, "the parity folder has no sentences"))
struct SentenceEncoderTests {
    /// Of the largest value (the fixtures' README).
    private static let share = 2e-6

    @Test("every recorded prompt has its tokens")
    func tokens() throws {
        let fixtures = try SentenceFixtures()
        for (prompt, expected) in zip(fixtures.prompts, fixtures.tokens) {
            #expect(fixtures.tokenizer.tokens(for: prompt, limit: fixtures.limit) == expected, "\(prompt)")
        }
    }

    @Test("every recorded vector is reproduced", arguments: Workspace.kernelSetNames)
    func vectors(kernels: String) throws {
        let fixtures = try SentenceFixtures()
        let file = "instructir_text_io.safetensors"
        let recorded = try StateDict(contentsOf: Recording.folder.path(file))
        let checker = StageChecker(file: file, recorded: recorded, share: Self.share)
        let workspace = Workspace(threads: 2, kernels: kernels)
        var batch: (sentences: [Float], vectors: [Float], logits: [Float]) = ([], [], [])
        for (number, tokens) in fixtures.tokens.enumerated() {
            let sentence = fixtures.encoder(
                tokens, observe: { checker.check(stage: "\(number).hidden.\($0)", $1) }, in: workspace)
            let (vector, logits) = fixtures.head(sentence, in: workspace)
            checker.check("\(number).sentence", sentence)
            checker.check("\(number).text", vector)
            checker.check("\(number).logits", logits)
            if number < 4 {
                batch.sentences += sentence
                batch.vectors += vector
                batch.logits += logits
            }
        }
        // Padding changes nothing, so that a batch is the same as its prompts one by one.
        checker.check("batch0to3.sentence", batch.sentences)
        checker.check("batch0to3.text", batch.vectors)
        checker.check("batch0to3.logits", batch.logits)
        #expect(checker.unchecked.isEmpty, "recorded but not compared: \(checker.unchecked)")
    }

    @Test("half floats in an archive are the same numbers, rounded", .enabled(if: Recording.folder.has("instructir_bert_half.bin")))
    func half() throws {
        let (whole, half) = (try SentenceFixtures(), try SentenceFixtures(encoder: "instructir_bert_half.bin"))
        let workspace = Workspace(threads: 1)
        for tokens in whole.tokens {
            let (a, b) = (whole.encoder(tokens, in: workspace), half.encoder(tokens, in: workspace))
            #expect(a != b && zip(a, b).allSatisfy { abs($0 - $1) < 2e-3 })
        }
    }
}

/// What no recording shows: made by hand after the definition.
@Suite("WordPiece")
struct WordPieceTokenizerTests {
    private static let vocabulary = ["[UNK]", "[CLS]", "[SEP]", "a", "##a", "b", "!", "e", "\u{65E5}", "\u{3042}", "ab", "##b", "\u{1112}", "##\u{1161}", "i", "\u{903}", "##\u{903}"]

    private func tokens(_ text: String, limit: Int = 512) throws -> [String] {
        let file = Array((Self.vocabulary.joined(separator: "\n") + "\n").utf8)
        return try WordPieceTokenizer(vocabulary: file).tokens(for: text, limit: limit).map { Self.vocabulary[$0] }
    }

    @Test("words are cleaned, split and covered as BERT does it", arguments: [
        ("ab a\u{200B}b \u{AD}a", ["ab", "ab", "a"]),  // spaces without width and soft hyphens go
        ("a\u{3000}b\u{2003}a\u{A0}b\u{0}", ["a", "b", "a", "b"]),  // all of Unicode's spaces part words
        ("\u{E9}\u{C9}e\u{301}", ["[UNK]"]),  // three letters without accents, which no pieces cover
        ("\u{E9}", ["e"]), ("E\u{301}", ["e"]), ("\u{130}", ["i"]),
        ("a\u{903}", ["a", "##\u{903}"]),  // a spacing mark stays
        ("\u{65E5}\u{65E5}a", ["\u{65E5}", "\u{65E5}", "a"]), ("\u{3042}\u{3042}", ["[UNK]"]),  // ideographs stand alone, kana don't
        ("\u{D558}", ["\u{1112}", "##\u{1161}"]),  // a syllable of hangul is its letters
        ("[SEP]", ["[UNK]", "[UNK]", "[UNK]"]), ("a!b\u{3001}", ["a", "!", "b", "[UNK]"]),
        (String(repeating: "a", count: 100), ["a"] + Array(repeating: "##a", count: 99)),
        (String(repeating: "a", count: 101), ["[UNK]"]),
        ("", []), (" \t\r\n ", []),
    ])
    func words(text: String, expected: [String]) throws {
        #expect(try tokens(text) == ["[CLS]"] + expected + ["[SEP]"])
    }

    @Test("a text too long is cut and keeps its end", arguments: 2...6)
    func limit(limit: Int) throws {
        let found = try tokens("a a a a", limit: limit)
        #expect(found == ["[CLS]"] + Array(repeating: "a", count: min(4, limit - 2)) + ["[SEP]"])
    }

    @Test("whatever the text, its tokens are of the vocabulary, between start and end, within the limit")
    func anything() throws {
        var random = SeededGenerator(seed: 9)
        let tokenizer = try WordPieceTokenizer(vocabulary: Array(Self.vocabulary.joined(separator: "\n").utf8))
        for _ in 0..<300 {
            let scalars = (0..<Int.random(in: 0...40, using: &random)).compactMap { _ in
                Unicode.Scalar(UInt32.random(in: 0...0x10FFFF, using: &random) & (Bool.random(using: &random) ? 0x3FF : 0x1FFFFF))
            }
            let text = String(String.UnicodeScalarView(scalars))
            let limit = Int.random(in: 2...20, using: &random)
            let tokens = tokenizer.tokens(for: text, limit: limit)
            #expect(tokens.count <= limit && tokens.allSatisfy { (0..<tokenizer.vocabularySize).contains($0) })
            #expect(tokens.first == 1 && tokens.last == 2)
        }
    }

    @Test("an unsound vocabulary is refused by name")
    func refused() throws {
        #expect(throws: TokenizerError.notText) { try WordPieceTokenizer(vocabulary: [0xFF]) }
        for missing in ["[CLS]", "[SEP]", "[UNK]"] {
            let rest = Self.vocabulary.filter { $0 != missing }.joined(separator: "\n")
            #expect(throws: TokenizerError.missing(missing)) { try WordPieceTokenizer(vocabulary: Array(rest.utf8)) }
        }
        let limit = WordPieceTokenizer.vocabularyBytes
        #expect(throws: TokenizerError.tooLarge(limit + 1, limit: limit)) {
            try WordPieceTokenizer(vocabulary: [UInt8](repeating: 0x61, count: limit + 1))
        }
    }
}
