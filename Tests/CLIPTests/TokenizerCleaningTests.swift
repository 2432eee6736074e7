import CLIP
import Testing

private func cleaned(_ text: String) -> [UInt8] { Array(TextCleaning.clean(text).utf8) }

/// Pairs of text as it comes and as it should be; none of them is in the parity fixtures.
@Suite("Tokenizer text cleaning")
struct TokenizerCleaningTests {
    @Test("text read as the wrong encoding is mended", arguments: [
        ("crÃ¨me brÃ»lÃ©e", "crème brûlée"),
        ("itâ€™s", "it's"),
        ("cafÃƒÂ©", "café"),
        ("voilÃ  le travail", "voilà le travail"),
        ("Ã la carte", "à la carte"),
        ("price Â£10", "price £10"),
        ("20Â°C", "20°c"),
        ("ÐŸÑ€Ð¸Ð²ÐµÑ‚", "привет"),
        ("РїСЂРёРІРµС‚", "привет"),
        ("ã\u{81}“ã‚“", "こん"),
        ("ðŸ˜€ rain", "😀 rain"),
        ("caf√©", "café"),
        ("日本 Ã¼ber", "日本 über"),
        ("â€œlostâ€\u{fffd}", "\"lost\u{fffd}"),
        ("a \u{93}quote\u{94}", "a \"quote\""),
    ])
    func mojibake(text: String, expected: String) {
        #expect(cleaned(text) == Array(expected.utf8))
    }

    @Test("text that only looks foreign stays", arguments: [
        "ünïcödé straße", "ærøskøbing", "žluťoučký kůň", "şehir ığüöç", "«guillemets»", "¿qué? ¡sí!", "10 €", "½ cup",
        "москва", "ελλάδα", "한국어", "ไทย", "schön — déjà vu", "ò_ô", "l\u{e0} \u{2026}",
    ])
    func foreign(text: String) {
        #expect(cleaned(text) == Array(text.utf8))
    }

    @Test("references are resolved, twice and by browsers' rules", arguments: [
        ("&amp;lt;", "<"), ("&amp;amp;amp;lt;x", "<x"), ("&copy 2024", "© 2024"), ("&notit;", "¬it;"),
        ("&#x41;&#66;", "ab"), ("&#128;", "€"), ("&#0;", "\u{fffd}"), ("&#xD800;", "\u{fffd}"),
        ("&#99999999999999999999;", "\u{fffd}"), ("a&#1;b", "ab"), ("&EACUTE;", "é"), ("&nosuch;", "&nosuch;"),
        ("&#;", "&#;"), ("&#x;", "&#x;"), ("&", "&"), ("&NotEqualTilde;", "≂\u{338}"), ("&CounterClockwiseContourIntegral;", "∳"),
    ])
    func references(text: String, expected: String) {
        #expect(cleaned(text) == Array(expected.utf8))
    }

    @Test("typographic variants take their plain form", arguments: [
        ("oﬃce ﬂow ﬆ", "office flow st"), ("ＦＵＬＬ　ｗｉｄｔｈ", "full width"), ("ﾊﾟﾝ", "パン"), ("ﾡￂ", "가"),
        ("‘a’ “b” „c‟", "'a' \"b\" \"c\""), ("ŉ", "'n"), ("Ĳ", "ij"),
    ])
    func variants(text: String, expected: String) {
        #expect(cleaned(text) == Array(expected.utf8))
    }

    @Test("marks are composed in canonical order", arguments: [
        ("e\u{301}", "é"), ("a\u{323}\u{302}", "ậ"), ("a\u{302}\u{323}", "ậ"), ("\u{1112}\u{1161}\u{11ab}", "한"),
        ("\u{212b}", "å"), ("\u{915}\u{93c}", "\u{915}\u{93c}"), ("\u{958}", "\u{915}\u{93c}"), ("\u{f900}", "豈"),
        ("か\u{3099}", "が"),
    ])
    func composition(text: String, expected: String) {
        #expect(cleaned(text) == Array(expected.utf8))
    }

    @Test("white space collapses, controls and terminal colours go, joiners stay", arguments: [
        (" a\u{a0}\u{3000}b\r\n\tc\u{2028}d ", "a b c d"), ("a\u{0}b\u{7}c\u{feff}d", "abcd"),
        ("\u{1b}[31;1mred\u{1b}[0m", "red"), ("a\u{200b}b\u{200d}c", "a\u{200b}b\u{200d}c"), ("\u{85}", "…"),
    ])
    func whiteSpace(text: String, expected: String) {
        #expect(cleaned(text) == Array(expected.utf8))
    }

    @Test("lower case knows the final sigma and full mappings", arguments: [
        ("ΟΔΟΣ", "οδος"), ("ΣΑΣ. Σ", "σας. σ"), ("İ", "i\u{307}"), ("ẞ", "ß"), ("ÀÉ", "àé"),
    ])
    func lowerCase(text: String, expected: String) {
        #expect(cleaned(text) == Array(expected.utf8))
    }

    @Test("an angle bracket keeps ftfy's hands off, not the two rounds that follow")
    func markup() {
        #expect(TextCleaning.clean("<b>&amp;amp;lt;") == "<b>&lt;")
        #expect(TextCleaning.clean("&amp;amp;lt;") == "<")
    }
}
