import Testing
import restored

/// Names of files on their way through text.
@Suite("Bytes as text")
struct EscapedBytesTests {
    private static let names: [[UInt8]] = [
        [], Array("plain.jpg".utf8), Array("Grüße 山 👩‍👩‍👧.png".utf8), Array("e\u{301}\n\u{0}\u{7F}\u{FFFD}".utf8),
        Array("caf".utf8) + [0xE9], [0x80], [0xFF, 0xFE], Array(0x80...0xFF),
        // Cut short, overlong, a surrogate, beyond the last character.
        [0xF0, 0x9F, 0x8F], [0xE2, 0x82, 0x2E], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80],
        // The characters that stand for bytes, their neighbours, and one right behind a byte.
        Array("\u{F780}\u{F7FF}\u{F77F}\u{F800}".utf8), [0xE9] + Array("\u{F7E9}".utf8) + [0xE9],
    ]

    @Test("bytes of any kind come back", arguments: names)
    func roundTrip(bytes: [UInt8]) {
        #expect(EscapedBytes.bytes(EscapedBytes.text(bytes)) == bytes)
    }

    @Test("random bytes come back, and different ones are different texts")
    func random() {
        var generator = SystemRandomNumberGenerator()
        // Bytes of which characters are made, so that many are nearly text.
        let alphabet: [UInt8] = [0x2F, 0x61, 0x80, 0x9F, 0xA9, 0xBF, 0xC3, 0xE2, 0xEF, 0xED, 0xF0, 0xF4, 0xFF]
        var bytesByText: [String: [UInt8]] = [:]
        for _ in 0..<20_000 {
            let count = Int.random(in: 0...9, using: &generator)
            let bytes = (0..<count).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &generator)] }
            let text = EscapedBytes.text(bytes)
            #expect(EscapedBytes.bytes(text) == bytes)
            #expect(bytesByText.updateValue(bytes, forKey: text) ?? bytes == bytes)
        }
    }

    @Test("text stays as it is", arguments: ["", "photo.jpg", "Grüße 山", "a\u{301}", "line\nline"])
    func text(text: String) {
        #expect(EscapedBytes.text(Array(text.utf8)).unicodeScalars.elementsEqual(text.unicodeScalars))
    }

    @Test("messages show a name in one line, and tell names apart", arguments: [
        ("photo 1.jpg", "photo 1.jpg"), ("Grüße 山.png", "Grüße 山.png"), ("a\nb\tc", "a\\nb\\tc"), ("a\\nb", "a\\\\nb"),
        ("\u{1B}[31m", "\\x1B[31m"), ("\u{9B}31m", "\\xC2\\x9B31m"), ("a\u{2028}b", "a\\xE2\\x80\\xA8b"), ("\u{7F}", "\\x7F"),
    ])
    func shown(name: String, shown: String) {
        #expect("\(FilePath(name))" == shown)
        #expect(FilePath(name).text == name)
    }

    @Test("bytes that are no text are shown by number, and are U+FFFD in JSON")
    func shownBytes() {
        let path = FilePath(bytes: Array("caf".utf8) + [0xE9] + Array(".jpg".utf8))
        #expect("\(path)" == "caf\\xE9.jpg")
        #expect(path.text == "caf\u{FFFD}.jpg")
    }
}
