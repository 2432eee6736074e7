import HTTPWire
import Testing

/// RFC 9110 section 12.5.1, and what clients send that don't keep to it.
@Suite("Accept") struct AcceptFieldTests {
    private let offers = ["image/png", "image/jpeg", "application/json"]

    private func best(_ accept: String?) -> String? {
        AcceptField(accept).best(of: offers.compactMap(MediaType.parse))?.essence
    }

    @Test("what is wanted most, and of equals the first offer", arguments: [
        (nil, "image/png"), ("", "image/png"), (" , ", "image/png"), ("*/*", "image/png"), ("image/*", "image/png"),
        ("application/json", "application/json"), ("APPLICATION/JSON", "application/json"),
        ("image/png;q=0.5, application/json;q=0.6", "application/json"),
        ("image/png;q=0.5, application/*;q=0.5", "image/png"), ("image/webp, ,text/html;level=1", nil),
        ("application/json;q=0.001", "application/json"), ("image/webp, image/*;q=0.8, */*;q=0.5", "image/png"),
        ("text/html,application/xhtml+xml,image/avif,image/webp,*/*;q=0.8", "image/png"),
    ] as [(String?, String?)])
    func preference(accept: String?, expected: String?) {
        #expect(best(accept) == expected)
    }

    @Test("the most specific range decides, and q=0 excludes", arguments: [
        ("*/*;q=0.8, image/png;q=0.1", "image/jpeg"), ("*/*, image/png;q=0", "image/jpeg"),
        ("*/*, image/*;q=0", "application/json"), ("image/*;q=0, image/jpeg", "image/jpeg"), ("*/*;q=0", nil),
        ("image/*;q=0, application/json;q=0.0", nil), ("application/json, application/json;charset=utf-8;q=0", nil),
        ("application/json, application/json;version=2;q=0", "application/json"),
        ("image/jpeg, image/jpeg;q=0", "image/jpeg"),
    ] as [(String, String?)])
    func specificity(accept: String, expected: String?) {
        #expect(best(accept) == expected)
    }

    @Test("the example of the RFC, by the letter")
    func example() {
        let field = AcceptField(
            "text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, text/plain;format=fixed;q=0.4, */*;q=0.5")
        func quality(_ text: String) -> Int? { MediaType.parse(text).map { field.quality(of: $0) } }
        #expect(quality("text/plain;format=flowed") == 1000)
        #expect(quality("text/plain") == 700)
        #expect(quality("text/html") == 300)
        #expect(quality("image/jpeg") == 500)
        #expect(quality("text/plain;format=fixed") == 400)
    }

    @Test("parameters that an answer hasn't don't keep a client from it", arguments: [
        "application/json; charset=utf-8", "application/json;charset=UTF-8", #"application/json; charset="utf-8""#,
        "application/json;odata=verbose", "application/json; version=1, */*;q=0.1", "application/json ; q=1 ; charset=utf-8",
        "application/json;charset=iso-8859-1", "image/png;level=1;q=0.2, application/json; charset=utf-8",
        "application/*;charset=utf-8",
    ])
    func parameters(accept: String) {
        #expect(best(accept) == "application/json")
    }

    @Test("names that clients use for the registered ones", arguments: [
        ("image/jpg", "image/jpeg"), ("image/pjpeg;q=0.9, application/json;q=0.1", "image/jpeg"),
        ("image/x-png", "image/png"),
    ])
    func aliases(accept: String, expected: String) {
        #expect(best(accept) == expected)
    }

    @Test("what is malformed counts as absent, and the rest holds", arguments: [
        ("image", "image/png"), ("*/png", "image/png"), ("a/b c/d, application/json", "application/json"),
        ("application/json, ;;;", "application/json"), ("application/json;q", "application/json"),
        ("application/json;q=", "application/json"), ("application/json;=1", "application/json"),
        ("application/json;a=\"b, image/png", "application/json"), ("application/json;a=\"b,c\"", "application/json"),
        ("\u{FFFD}, application/json", "application/json"),
        // Java's HttpURLConnection, where nobody has named a type: no wish at all.
        ("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", "image/png"), ("*", "image/png"),
    ])
    func malformed(accept: String, expected: String) {
        #expect(best(accept) == expected)
    }

    @Test("qualities, sound and otherwise", arguments: [
        ("0", 0), ("0.", 0), ("0.0", 0), ("0.000", 0), ("0.5", 500), ("0.25", 250), ("0.125", 125), ("1", 1000),
        ("1.000", 1000), (".2", 200), ("0.1239", 123), ("0.0001", 1), ("1.5", 1000), ("2", 1000), ("x", 1000),
        ("-1", 1000), (".", 1000), ("99999999999999999999", 1000), ("00.5", 500), ("0.5.5", 1000),
    ])
    func qualities(text: String, thousandths: Int) {
        #expect(AcceptField("a/b;q=\(text)").quality(of: MediaType("a", "b")) == thousandths)
    }
}
