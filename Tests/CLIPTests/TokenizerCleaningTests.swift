import CLIP
import Testing

private func cleaned(_ text: String) -> [UInt8] { Array(TextCleaning.clean(text).utf8) }

/// Pairs of text as it comes and as it should be; none of them is in the parity fixtures.
@Suite("Tokenizer text cleaning")
struct TokenizerCleaningTests {
    @Test("text of any script stays", arguments: [
        "ünïcödé straße", "ærøskøbing", "žluťoučký kůň", "şehir ığüöç", "«guillemets»", "¿qué? ¡sí!", "10 €", "½ cup",
        "москва", "ελλάδα", "한국어", "ไทย", "schön — déjà vu", "ò_ô", "l\u{e0} \u{2026}", "a;b`c´d·e", "日本", "\u{308}\u{301}x",
        "\u{915}\u{93c}", "a\u{200b}b\u{200d}c",
    ])
    func foreign(text: String) {
        #expect(cleaned(text) == Array(text.utf8))
    }

    @Test("references that end with a semicolon are resolved, twice", arguments: [
        ("&amp;lt;", "<"), ("&amp;amp;lt;", "&lt;"), ("&copy; 2024", "© 2024"), ("&#x41;&#66;", "ab"), ("&Eacute;", "é"),
        ("&yuml;&nbsp;&apos;", "ÿ '"), ("&#X1f600;", "😀"), ("&#xD800;", "&#xd800;"), ("&#99999999;", "&#99999999;"),
        ("&nosuch;", "&nosuch;"), ("&#;", "&#;"), ("&#x;", "&#x;"), ("&", "&"), ("&;", "&;"), ("&copy 2024", "&copy 2024"),
        ("a&&amp;b;", "a&&b;"), ("&#+65;", "a"),
    ])
    func references(text: String, expected: String) {
        #expect(cleaned(text) == Array(expected.utf8))
    }

    @Test("characters are composed, however their marks are ordered", arguments: [
        ("e\u{301}", "é"), ("a\u{323}\u{302}", "ậ"), ("a\u{302}\u{323}", "ậ"), ("\u{1112}\u{1161}\u{11ab}", "한"),
        ("\u{212b}", "å"), ("か\u{3099}", "が"), ("и\u{306}", "й"), ("\u{1f71}", "\u{3ac}"), ("\u{37e}", ";"),
    ])
    func composition(text: String, expected: String) {
        #expect(cleaned(text) == Array(expected.utf8))
    }

    @Test("white space collapses, lower case knows full mappings", arguments: [
        (" a\u{a0}\u{3000}b\r\n\tc\u{2028}d ", "a b c d"), ("İ", "i\u{307}"), ("ẞ", "ß"), ("ÀÉ", "àé"),
    ])
    func whiteSpaceAndCase(text: String, expected: String) {
        #expect(cleaned(text) == Array(expected.utf8))
    }
}
