import CLIP
import Foundation
import TestSupport
import Testing

/// The recorded prompts of the parity folder: cleaned text and ids, exactly.
@Suite("Tokenizer Parity", .enabled(if: TokenizerFixture.isPresent, "the folder of parity fixtures is missing"))
struct TokenizerParityTests {
    /// Prompts that the official program repairs first, which labels don't need.
    static let notSupported = [
        "“smart quotes” ‘single’ — dash … ellipsis": "curly quotes are not made straight",
        "schÃ¶n mojibake â€œquotesâ€\u{9d}": "text that was decoded in the wrong encoding is not mended",
        "ﬁ ligature ﬂow": "ligatures are not taken apart",
        "fullwidth ＡＢＣ１２３": "full-width letters keep their width",
    ]

    @Test("cleaned texts, counts and ids of every prompt agree, but for those that are listed")
    func promptsAgree() throws {
        let fixture = try TokenizerFixture()
        let tokenizer = try fixture.tokenizer()
        var notSupported: Set<String> = []
        for prompt in fixture.prompts {
            // Swift calls canonically equivalent strings equal; ids are made of bytes.
            guard Array(TextCleaning.clean(prompt.text).utf8) == Array(prompt.cleaned.utf8) else {
                notSupported.insert(prompt.text)
                continue
            }
            #expect(tokenizer.encode(prompt.text).count == prompt.tokenCount, "\(prompt.text)")
            let ids = tokenizer.tokens(for: prompt.text, contextLength: fixture.contextLength)
            #expect(ids == prompt.ids, "\(prompt.text)")
        }
        #expect(notSupported == Set(Self.notSupported.keys))
        #expect(fixture.prompts.count > 40)
    }

    @Test("the degradation labels have the recorded ids")
    func labelsAgree() throws {
        let fixture = try TokenizerFixture()
        let tokenizer = try fixture.tokenizer()
        #expect(!fixture.degradations.isEmpty)
        for label in fixture.degradations {
            let ids = tokenizer.tokens(for: label.text, contextLength: fixture.contextLength)
            #expect(ids == label.ids, "\(label.text)")
        }
    }

    @Test("the tensors hold the same ids")
    func tensorsAgree() throws {
        let fixture = try TokenizerFixture()
        let tokenizer = try fixture.tokenizer()
        let expected = [
            "prompts.ids": fixture.prompts.map(\.text), "degradations.ids": fixture.degradations.map(\.text),
        ]
        let tensors = try fixture.tensors()
        for (name, texts) in expected {
            let recorded = try #require(tensors[name])
            #expect(recorded.count == texts.count * fixture.contextLength)
            for (index, text) in texts.enumerated() where Self.notSupported[text] == nil {
                let ids = tokenizer.tokens(for: text, contextLength: fixture.contextLength).map(Int64.init)
                #expect(recorded[index * ids.count..<(index + 1) * ids.count].elementsEqual(ids), "\(name): \(text)")
            }
        }
    }
}

/// `tokenizer.json`, `tokenizer.safetensors` and the sizes of `config.json`.
struct TokenizerFixture {
    struct Prompt: Decodable {
        var text: String
        var cleaned: String
        var tokenCount: Int
        var ids: [Int32]

        enum CodingKeys: String, CodingKey {
            case text, cleaned, ids
            case tokenCount = "n_tokens_untruncated"
        }
    }

    struct Label: Decodable {
        var text: String
        var ids: [Int32]
    }

    private struct Recording: Decodable {
        var prompts: [Prompt]
        var degradations: [Label]
    }

    let prompts: [Prompt]
    let degradations: [Label]
    let contextLength: Int
    private let vocabularySize: Int

    private static let mergesName = "bpe_simple_vocab_16e6.txt.gz"

    static var isPresent: Bool { ParityFolder.current.has("tokenizer.json", "tokenizer.safetensors", mergesName) }

    init() throws {
        func decode<Value: Decodable>(_ type: Value.Type, _ name: String) throws -> Value {
            try JSONDecoder().decode(type, from: Data(contentsOf: ParityFolder.current.url(name)))
        }
        let recording = try decode(Recording.self, "tokenizer.json")
        prompts = recording.prompts
        degradations = recording.degradations
        let sizes = try ParityFolder.current.configuration().object("daclip_small")
        let text = try #require(DegradationAwareCLIPConfiguration(sizes).text)
        (contextLength, vocabularySize) = (text.contextLength, text.vocabularySize)
    }

    func tokenizer() throws -> BytePairTokenizer {
        let file = try Data(contentsOf: ParityFolder.current.url(Self.mergesName))
        return try BytePairTokenizer(merges: [UInt8](file), vocabularySize: vocabularySize)
    }

    /// Every int64 tensor, read as simply as can be.
    func tensors() throws -> [String: [Int64]] {
        let file = try Data(contentsOf: ParityFolder.current.url("tokenizer.safetensors"))
        let headerLength = file.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        let header = try #require(
            JSONSerialization.jsonObject(with: file[8..<(8 + headerLength)]) as? [String: [String: Any]])
        var tensors: [String: [Int64]] = [:]
        for (name, entry) in header where entry["dtype"] as? String == "I64" {
            let offsets = try #require(entry["data_offsets"] as? [Int])
            let bytes = [UInt8](file[(8 + headerLength + offsets[0])..<(8 + headerLength + offsets[1])])
            tensors[name] = stride(from: 0, to: bytes.count, by: 8).map { start in
                bytes[start..<(start + 8)].reversed().reduce(0) { $0 << 8 | Int64($1) }
            }
        }
        return tensors
    }
}
