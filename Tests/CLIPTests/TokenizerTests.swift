import CLIP
import CSystem
import Foundation
import Testing

/// Merges of our own: 514 ids of bytes and specials, and five merges.
private let smallMerges = """
    a header
    l o
    lo w</w>
    e r</w>
    lo w
    low er</w>

    """
private let smallVocabulary = 519

private func smallTokenizer() throws -> BytePairTokenizer {
    try BytePairTokenizer(merges: Array(smallMerges.utf8), vocabularySize: smallVocabulary)
}

/// Ids of bytes: printable ASCII counts from "!".
private func id(_ character: Character, endsWord: Bool = false) -> Int32 {
    Int32(character.asciiValue.map { Int($0) - 0x21 } ?? -1) + (endsWord ? 256 : 0)
}

@Suite("Tokenizer")
struct TokenizerTests {
    @Test("merges apply in the order of their rank, the end of a word apart from its middle")
    func mergesApplyByRank() throws {
        let tokenizer = try smallTokenizer()
        #expect(tokenizer.encode("low") == [517, 513, 518])
        #expect(tokenizer.encode("lower") == [517, 516, 518])
        #expect(tokenizer.encode("lows") == [517, 515, id("s", endsWord: true), 518])
        #expect(tokenizer.encode("l") == [517, id("l", endsWord: true), 518])
    }

    @Test("digits stand alone, letters and signs in runs, contractions by themselves")
    func splitsWords() throws {
        let tokenizer = try smallTokenizer()
        let digits = [id("1", endsWord: true), id("2", endsWord: true)]
        #expect(tokenizer.encode("12") == [517] + digits + [518])
        let contraction = [id("'"), id("l"), id("l", endsWord: true)]
        #expect(tokenizer.encode("x'll") == [517, id("x", endsWord: true)] + contraction + [518])
        #expect(tokenizer.encode("''s") == [517, id("'"), id("'", endsWord: true), id("s", endsWord: true), 518])
        #expect(tokenizer.encode("!?") == [517, id("!"), id("?", endsWord: true), 518])
    }

    @Test("the specials count within a text")
    func specialsWithinText() throws {
        #expect(try smallTokenizer().encode("<start_of_text>low<end_of_text>") == [517, 517, 513, 518, 518])
    }

    @Test("an empty text is its two specials")
    func emptyText() throws {
        #expect(try smallTokenizer().encode(" \t\n") == [517, 518])
    }

    @Test("a context is filled with zeros")
    func padding() throws {
        #expect(try smallTokenizer().tokens(for: "low", contextLength: 5) == [517, 513, 518, 0, 0])
    }

    @Test("a text that just fits stays whole, one more word keeps its beginning and the end token", arguments: [3, 4, 77])
    func truncation(contextLength: Int) throws {
        let tokenizer = try smallTokenizer()
        let fitting = Array(repeating: "low", count: contextLength - 2).joined(separator: " ")
        let whole = tokenizer.tokens(for: fitting, contextLength: contextLength)
        #expect(whole == tokenizer.encode(fitting))
        let cut = tokenizer.tokens(for: fitting + " low", contextLength: contextLength)
        #expect(cut == [517] + Array(repeating: 513, count: contextLength - 2) + [518])
        #expect(tokenizer.tokens(for: "low", contextLength: 1) == [518])
        #expect(tokenizer.tokens(for: "low", contextLength: 0).isEmpty)
    }

    @Test("random text is never an error, and every id is in the vocabulary")
    func randomText() throws {
        let tokenizer = try smallTokenizer()
        var random = Xorshift(state: 0x9e37_79b9_7f4a_7c15)
        let pieces = ["&#", "&amp", ";", "<", "x41", "Ã", "©", "â€", "\u{1b}[", "m", "\r", "\u{301}", "\u{1100}"]
        for _ in 0..<2000 {
            var text = ""
            for _ in 0..<random.next(below: 24) {
                let bound = random.next(below: 3) == 0 ? 0x11_0000 : 0x300
                let scalar = Unicode.Scalar(UInt32(random.next(below: bound)))
                let piece = pieces[random.next(below: pieces.count)]
                text += random.next(below: 3) == 0 ? piece : scalar.map(String.init) ?? ""
            }
            let ids = tokenizer.tokens(for: text)
            #expect(ids.count == 77)
            #expect(ids.allSatisfy { $0 >= 0 && $0 < smallVocabulary })
        }
    }

    @Test(
        "long runs without a space end, however they are damaged",
        arguments: ["x", "Ã©", "&amp;", "\u{3a3}", "e\u{301}", "â€"])
    func longRuns(unit: String) throws {
        let text = String(repeating: unit, count: 2000)
        #expect(try smallTokenizer().encode(text).count > 2)
    }
}

@Suite("Tokenizer merges file")
struct TokenizerMergesFileTests {
    private func failure(_ text: String, vocabularySize: Int = smallVocabulary) -> TokenizerError? {
        failure(Array(text.utf8), vocabularySize: vocabularySize)
    }

    private func failure(_ bytes: [UInt8], vocabularySize: Int = smallVocabulary) -> TokenizerError? {
        do throws(TokenizerError) {
            _ = try BytePairTokenizer(merges: bytes, vocabularySize: vocabularySize)
            return nil
        } catch {
            return error
        }
    }

    @Test("lines beyond the vocabulary are not looked at")
    func surplusLines() {
        #expect(failure(smallMerges + "no such symbol here\n\u{0}") == nil)
        #expect(failure(smallMerges.replacing("\n", with: "\r\n")) == nil)
    }

    @Test("too few merges, an empty file and a header alone are refused with the numbers")
    func tooFew() {
        #expect(failure("") == .tooFewMerges(expected: 5, found: 0))
        #expect(failure("header") == .tooFewMerges(expected: 5, found: 0))
        #expect(failure(smallMerges, vocabularySize: 520) == .tooFewMerges(expected: 6, found: 5))
    }

    @Test("a line that is not two known symbols is refused by its number", arguments: [
        "header\nl o w\n", "header\nlow\n", "header\nlo w\n", "header\n日 本\n", "header\n</w> a\n", "header\nl</w> o\n",
        "header\n l\n",
    ])
    func malformed(text: String) {
        guard case .malformedMerge(line: 2, _) = failure(text) else {
            Issue.record("\(String(describing: failure(text)))")
            return
        }
    }

    @Test("the same symbol twice and bytes that are not UTF-8 are refused")
    func duplicatesAndBytes() {
        let reason = "it makes a symbol that a line above made"
        #expect(failure("header\nl o\nl o\n") == .malformedMerge(line: 3, reason: reason))
        #expect(failure(Array("header\n".utf8) + [0xff, 0x20, 0xfe]) == .malformedMerge(line: 2, reason: "not UTF-8"))
    }

    @Test("vocabularies that can't be are refused", arguments: [Int.min, 0, 513, 1_000_001, Int.max])
    func vocabularySizes(size: Int) {
        #expect(failure(smallMerges, vocabularySize: size) == .unsupportedVocabularySize(size))
    }

    @Test("gzip reads as text does; cut anywhere, with a bit turned or with a wrong checksum it is refused")
    func gzip() {
        let packed = gzipped(Array(smallMerges.utf8))
        #expect(failure(packed) == nil)
        for length in 2..<packed.count {
            #expect(failure(Array(packed.prefix(length))) != nil, "cut to \(length)")
        }
        var turned = packed
        turned[packed.count - 6] ^= 1
        guard case .corruptCompression = failure(turned) else {
            Issue.record("a wrong checksum was accepted")
            return
        }
    }

    @Test("a file that unpacks to more than the limit is refused, one at the limit is not too large")
    func bomb() {
        let limit = 16 << 20
        #expect(failure(gzipped([UInt8](repeating: 0x0a, count: limit + 1))) == .tooLarge(limitBytes: limit))
        #expect(failure(gzipped([UInt8](repeating: 0x0a, count: limit))) == .tooFewMerges(expected: 5, found: 0))
    }

    @Test("random bytes are never accepted and never crash")
    func randomBytes() {
        var random = Xorshift(state: 7)
        for round in 0..<500 {
            var bytes = (0..<random.next(below: 200)).map { _ in UInt8(random.next(below: 256)) }
            if round.isMultiple(of: 2) { bytes = [0x1f, 0x8b, 8] + bytes }
            #expect(failure(bytes) != nil)
        }
    }

    private func gzipped(_ bytes: [UInt8]) -> [UInt8] {
        var stream = z_stream()
        deflateInit2_(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
                      Int32(MemoryLayout<z_stream>.size))
        defer { deflateEnd(&stream) }
        var input = bytes
        var output = [UInt8](repeating: 0, count: bytes.count + 1024)
        input.withUnsafeMutableBufferPointer { source in
            output.withUnsafeMutableBufferPointer { target in
                stream.next_in = source.baseAddress
                stream.avail_in = UInt32(source.count)
                stream.next_out = target.baseAddress
                stream.avail_out = UInt32(target.count)
                _ = deflate(&stream, Z_FINISH)
            }
        }
        return Array(output.prefix(output.count - Int(stream.avail_out)))
    }
}

/// A small generator with a fixed seed (Marsaglia, 2003).
private struct Xorshift {
    var state: UInt64

    mutating func next(below bound: Int) -> Int {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Int(state >> 11) % max(bound, 1)
    }
}
