/// One of the 8-bit encodings as which UTF-8 gets misread; the lower half of each is ASCII.
struct SingleByteEncoding: Sendable {
    /// The characters of the bytes 0x80...0xFF. Bytes without a character stand for the code point of the same number,
    /// as the WHATWG Encoding standard has it.
    let upperHalf: [Unicode.Scalar]
    /// Whether readers put U+FFFD where a byte has no character (all of the Windows encodings).
    let losesBytes: Bool
    /// Whether a space may once have been byte A0. In Mac Roman that byte is a dagger, and ordinary text has dashes
    /// before spaces that would look so.
    let restoresSpaces: Bool
    private let bytes: [Unicode.Scalar: UInt8]

    /// Stands for a character that was lost, in the bytes that `encode` returns: ASCII "substitute".
    static let lostByte: UInt8 = 0x1a

    private init(_ text: String, losesBytes: Bool = true, restoresSpaces: Bool = true) {
        upperHalf = Array(text.unicodeScalars)
        self.losesBytes = losesBytes
        self.restoresSpaces = restoresSpaces
        bytes = Dictionary(zip(upperHalf, 0x80...0xff)) { first, _ in first }
    }

    /// The bytes that this encoding shows as `text`; nil where a character is not among its own.
    func encode(_ text: some Collection<Unicode.Scalar>) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        for scalar in text {
            guard let byte = byte(for: scalar) else { return nil }
            result.append(byte)
        }
        return result
    }

    func byte(for scalar: Unicode.Scalar) -> UInt8? {
        if scalar.isASCII { return UInt8(scalar.value) }
        if scalar == "\u{fffd}" { return losesBytes ? Self.lostByte : nil }
        return bytes[scalar]
    }
}

extension SingleByteEncoding {
    /// Bytes 0x80...0x9F of ISO 8859.
    private static let controls = TextCleaning.string((UInt32(0x80)...0x9f).compactMap(Unicode.Scalar.init))
    private static let latin1Letters = "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ"
    private static let latin1Signs = "\u{a0}¡¢£¤¥¦§¨©ª«¬\u{ad}®¯°±²³´µ¶·¸¹º»¼½¾¿"

    static let latin1 = Self(controls + latin1Signs + latin1Letters, losesBytes: false)

    static let windows1252 = Self(
        "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ" + latin1Signs + latin1Letters)

    static let windows1251 = Self(
        "ЂЃ‚ѓ„…†‡€‰Љ‹ЊЌЋЏђ‘’“”•–—\u{98}™љ›њќћџ"
            + "\u{a0}ЎўЈ¤Ґ¦§Ё©Є«¬\u{ad}®Ї°±Ііґµ¶·ё№є»јЅѕї"
            + "АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмнопрстуфхцчшщъыьэюя")

    static let windows1250 = Self(
        "€\u{81}‚\u{83}„…†‡\u{88}‰Š‹ŚŤŽŹ\u{90}‘’“”•–—\u{98}™š›śťžź"
            + "\u{a0}ˇ˘Ł¤Ą¦§¨©Ş«¬\u{ad}®Ż°±˛ł´µ¶·¸ąş»Ľ˝ľż"
            + "ŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢßŕáâăäĺćçčéęëěíîďđńňóôőö÷řůúűüýţ˙")

    static let windows1253 = Self(
        "€\u{81}‚ƒ„…†‡\u{88}‰\u{8a}‹\u{8c}\u{8d}\u{8e}\u{8f}\u{90}‘’“”•–—\u{98}™\u{9a}›\u{9c}\u{9d}\u{9e}\u{9f}"
            + "\u{a0}΅Ά£¤¥¦§¨©\u{aa}«¬\u{ad}®―°±²³΄µ¶·ΈΉΊ»Ό½ΎΏ"
            + "ΐΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡ\u{d2}ΣΤΥΦΧΨΩΪΫάέήίΰαβγδεζηθικλμνξοπρςστυφχψωϊϋόύώ\u{ff}")

    static let windows1254 = Self(
        "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}\u{8e}\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}\u{9e}Ÿ" + latin1Signs
            + "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏĞÑÒÓÔÕÖ×ØÙÚÛÜİŞßàáâãäåæçèéêëìíîïğñòóôõö÷øùúûüışÿ")

    static let windows1257 = Self(
        "€\u{81}‚\u{83}„…†‡\u{88}‰\u{8a}‹\u{8c}¨ˇ¸\u{90}‘’“”•–—\u{98}™\u{9a}›\u{9c}¯˛\u{9f}"
            + "\u{a0}\u{a1}¢£¤\u{a5}¦§Ø©Ŗ«¬\u{ad}®Æ°±²³´µ¶·ø¹ŗ»¼½¾æ"
            + "ĄĮĀĆÄÅĘĒČÉŹĖĢĶĪĻŠŃŅÓŌÕÖ×ŲŁŚŪÜŻŽßąįāćäåęēčéźėģķīļšńņóōõö÷ųłśūüżž˙")

    static let latin2 = Self(
        controls + "\u{a0}Ą˘Ł¤ĽŚ§¨ŠŞŤŹ\u{ad}ŽŻ°ą˛ł´ľśˇ¸šşťź˝žż"
            + "ŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢßŕáâăäĺćçčéęëěíîďđńňóôőö÷řůúűüýţ˙",
        losesBytes: false)

    static let macRoman = Self(
        "ÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûü†°¢£§•¶ß®©™´¨≠ÆØ∞±≤≥¥µ∂∑∏π∫ªºΩæø"
            + "¿¡¬√ƒ≈∆«»…\u{a0}ÀÃÕŒœ–—“”‘’÷◊ÿŸ⁄€‹›ﬁﬂ‡·‚„‰ÂÊÁËÈÍÎÏÌÓÔ\u{f8ff}ÒÚÛÙıˆ˜¯˘˙˚¸˝˛ˇ",
        losesBytes: false, restoresSpaces: false)

    static let codePage437 = Self(
        "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐"
            + "└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}",
        losesBytes: false)

    /// The commonest first: the first that gives sound UTF-8 is taken.
    static let all = [
        latin1, windows1252, windows1251, windows1250, windows1253, windows1254, windows1257, latin2, macRoman,
        codePage437,
    ]

    /// The ones close enough to Latin-1 for mojibake to be recognised inside other text.
    static let latin1Relatives = Array(all[...6])
}
