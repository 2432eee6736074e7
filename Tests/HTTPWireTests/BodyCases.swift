/// Where bodies end: RFC 9112 sections 6 and 7, RFC 9110 section 8.6.
let bodyCases: [WireCase] = contentLengthCases + transferEncodingCases + chunkCases + trailerCases + pipelineCases

private func post(_ field: String, _ body: String = "") -> String {
    "POST / HTTP/1.1\r\nHost: a\r\n\(field)\r\n\r\n\(body)"
}

private func length(_ value: String, _ body: String = "") -> String { post("Content-Length: \(value)", body) }

private func coded(_ value: String, _ body: String = "") -> String { post("Transfer-Encoding: \(value)", body) }

private func chunked(_ body: String) -> String { coded("chunked", body) }

private let next = "GET /n HTTP/1.1\r\nHost: a\r\n\r\n"

private let contentLengthCases: [WireCase] = [
    .ok("a length", length("5", "abcde"), "POST / =abcde"),
    .ok("a length and the next request", length("5", "abcde") + next, "POST / =abcde", "GET /n"),
    .ok("length 0", length("0") + next, "POST /", "GET /n"),
    .ok("no length is no body", post("X: 1") + next, "POST / X: 1", "GET /n"),
    .ok("a body with GET", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" + next, "GET / =abc", "GET /n"),
    .ok("a body that looks like a request", length("27", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        "POST / =GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    .ok("leading zeros are digits", length("0005", "abcde") + next, "POST / =abcde", "GET /n"),
    .ok("blanks around", post("Content-Length: \t5 ", "abcde"), "POST / =abcde"),
    .ok("the name in any case", post("cONTENT-lENGTH: 1", "x"), "POST / =x"),
    .ok("19 digits", length("0000000000000000001", "x"), "POST / =x"),
    .ok("the greatest length", length("9223372036854775807", "x"), "POST / =x ..."),
    .ok("an incomplete body", length("5", "abc"), "POST / =abc ..."),
    .ok("a length in 1.0", "POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 2\r\n\r\nab", "POST / 1.0 =ab"),
    .no(400, "a plus sign", length("+5", "abcde")),
    .no(400, "a minus sign", length("-1")),
    .no(400, "minus zero", length("-0")),
    .no(400, "an underscore", length("5_0")),
    .no(400, "hexadecimal", length("0x10")),
    .no(400, "hexadecimal digits", length("A")),
    .no(400, "a letter after", length("1Z")),
    .no(400, "an empty length", length("")),
    .no(400, "blanks alone", length("   ")),
    .no(400, "a blank within", length("1 0")),
    .no(400, "a fraction", length("5.0")),
    .no(400, "an exponent", length("1e2")),
    .no(400, "quotes", length("\"5\"")),
    .no(400, "20 digits", length("00000000000000000001", "x")),
    .no(400, "19 digits over the greatest", length("9223372036854775808")),
    .no(400, "64 bits and one", length("18446744073709551617")),
    .no(400, "other digits (Arabic)", length("٥", "abcde")),
    .no(400, "a list of equals", length("5, 5", "abcde")),
    .no(400, "a list of different ones", length("5, 6", "abcde")),
    .no(400, "a list with an empty element", length("5,", "abcde")),
    .no(400, "two equal fields", post("Content-Length: 5\r\nContent-Length: 5", "abcde")),
    .no(400, "two different fields", post("Content-Length: 5\r\nContent-Length: 6", "abcde")),
    .no(400, "a vertical tab before", length("\u{0B}5")),
    .no(400, "a no-break space (0xA0) before", length("\u{A0}5")),
    .no(400, "a semicolon", length("5;")),
]

private let transferEncodingCases: [WireCase] = [
    .ok("chunked", chunked("3\r\nabc\r\n0\r\n\r\n"), "POST / =abc"),
    .ok("Chunked", coded("CHUNKED", "3\r\nabc\r\n0\r\n\r\n"), "POST / =abc"),
    .ok("blanks around", coded("  chunked\t", "0\r\n\r\n"), "POST /"),
    .no(400, "with a length", post("Transfer-Encoding: chunked\r\nContent-Length: 3", "3\r\nabc\r\n0\r\n\r\n")),
    .no(400, "with a length before", post("Content-Length: 3\r\nTransfer-Encoding: chunked", "3\r\nabc\r\n0\r\n\r\n")),
    .no(400, "with a length of 0", post("Content-Length: 0\r\nTransfer-Encoding: chunked", "0\r\n\r\n")),
    .no(400, "identity with a length", post("Transfer-Encoding: identity\r\nContent-Length: 3", "abc")),
    .no(400, "in 1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    .no(400, "chunked twice", coded("chunked, chunked", "0\r\n\r\n")),
    .no(400, "chunked in two fields", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "0\r\n\r\n")),
    .no(400, "chunked, then identity", coded("chunked, identity", "0\r\n\r\n")),
    .no(400, "chunked, then another field", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: x", "0\r\n\r\n")),
    .no(400, "a comma before", coded(",chunked", "0\r\n\r\n")),
    .no(400, "a comma after", coded("chunked,", "0\r\n\r\n")),
    .no(400, "xchunked", coded("xchunked", "0\r\n\r\n")),
    .no(400, "chunkedx", coded("chunkedx", "0\r\n\r\n")),
    .no(400, "identity", coded("identity")),
    .no(400, "gzip alone", coded("gzip")),
    .no(400, "an empty value", coded("")),
    .no(400, "chunked in quotes", coded("\"chunked\"", "0\r\n\r\n")),
    .no(400, "chunked with a parameter", coded("chunked;q=1", "0\r\n\r\n")),
    .no(400, "a blank within", coded("chun ked", "0\r\n\r\n")),
    .no(400, "a vertical tab before", coded("\u{0B}chunked", "0\r\n\r\n")),
    .no(400, "a vertical tab after", coded("chunked\u{0B}", "0\r\n\r\n")),
    .no(400, "a form feed before", coded("\u{0C}chunked", "0\r\n\r\n")),
    .no(400, "a byte 0xA0 before", Array("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ".utf8) + [0xA0]
        + Array("chunked\r\n\r\n0\r\n\r\n".utf8)),
    .no(400, "NUL after", Array("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\0\r\n\r\n".utf8)),
    .no(400, "a blank before the colon", post("Transfer-Encoding : chunked", "0\r\n\r\n")),
    .no(400, "folded", post("Transfer-Encoding:\r\n chunked", "0\r\n\r\n")),
    .no(400, "hidden behind a folded field", post("X: y\r\n Transfer-Encoding: chunked", "0\r\n\r\n")),
    .no(501, "gzip, then chunked", coded("gzip, chunked", "0\r\n\r\n")),
    .no(501, "gzip with a parameter, then chunked", coded("gzip;l=1, chunked", "0\r\n\r\n")),
    .no(501, "an unknown coding in a field before", post("Transfer-Encoding: x\r\nTransfer-Encoding: chunked")),
]

private let chunkCases: [WireCase] = [
    .ok("several chunks", chunked("1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"), "POST / =abc"),
    .ok("and the next request", chunked("1\r\na\r\n0\r\n\r\n") + next, "POST / =a", "GET /n"),
    .ok("no bytes", chunked("0\r\n\r\n") + next, "POST /", "GET /n"),
    .ok("digits of both cases", chunked("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n"),
        "POST / =01234567890123456789"),
    .ok("leading zeros", chunked("0001\r\na\r\n000\r\n\r\n"), "POST / =a"),
    .ok("16 digits", chunked("0000000000000001\r\na\r\n0\r\n\r\n"), "POST / =a"),
    .ok("data that looks like framing", chunked("7\r\n0\r\n\r\nab\r\n0\r\n\r\n"), "POST / =0\r\n\r\nab"),
    .ok("an extension", chunked("1;x\r\na\r\n0;y=z\r\n\r\n"), "POST / =a"),
    .ok("extensions with blanks and quotes", chunked("1 ; x = \"a;\\\"b\" ;y=z\r\na\r\n0\r\n\r\n"), "POST / =a"),
    .ok("an incomplete chunk", chunked("5\r\nab"), "POST / =ab ..."),
    .ok("the greatest size", chunked("7FFFFFFFFFFFFFFF\r\nab"), "POST / =ab ..."),
    .no(400, "no size", chunked("\r\nabc\r\n0\r\n\r\n")),
    .no(400, "an extension without a size", chunked(";x\r\nabc\r\n0\r\n\r\n")),
    .no(400, "a plus sign", chunked("+1\r\na\r\n0\r\n\r\n")),
    .no(400, "minus zero", chunked("-0\r\n\r\n")),
    .no(400, "0x", chunked("0x5\r\nabcde\r\n0\r\n\r\n")),
    .no(400, "an underscore", chunked("1_0\r\nabc\r\n0\r\n\r\n")),
    .no(400, "a letter beyond F", chunked("G\r\nabc\r\n0\r\n\r\n")),
    .no(400, "a blank before", chunked(" 1\r\na\r\n0\r\n\r\n")),
    .no(400, "a blank after", chunked("1 \r\na\r\n0\r\n\r\n")),
    .no(400, "a tab after", chunked("1\t\r\na\r\n0\r\n\r\n")),
    .no(400, "NUL after", chunked("1\0\r\na\r\n0\r\n\r\n")),
    .no(400, "a comma after", chunked("1,\r\na\r\n0\r\n\r\n")),
    .no(400, "17 digits", chunked("00000000000000001\r\na\r\n0\r\n\r\n")),
    .no(400, "overflow by a digit", chunked("FFFFFFFFFFFFFFFF0\r\na\r\n0\r\n\r\n")),
    .no(400, "all bits set", chunked("FFFFFFFFFFFFFFFF\r\na\r\n0\r\n\r\n")),
    .no(400, "the sign bit set", chunked("8000000000000000\r\na\r\n0\r\n\r\n")),
    .no(400, "a bare LF after the size", chunked("1\na\r\n0\r\n\r\n")),
    .no(400, "a bare CR after the size", chunked("1\ra\r\n0\r\n\r\n")),
    .no(400, "CR CR LF after the size", chunked("1\r\r\na\r\n0\r\n\r\n")),
    .no(400, "no line end after the data", chunked("1\r\na0\r\n\r\n")),
    .no(400, "a bare LF after the data", chunked("1\r\na\n0\r\n\r\n")),
    .no(400, "a bare CR after the data", chunked("1\r\na\rb0\r\n\r\n")),
    .no(400, "data longer than its size", chunked("1\r\nab\r\n0\r\n\r\n")),
    .no(400, "data shorter than its size", chunked("3\r\na\r\n0\r\n\r\n")),
    .no(400, "a bare LF after the last chunk", chunked("0\n\r\n")),
    .no(400, "a bare LF at the end", chunked("0\r\n\n")),
    .no(400, "CR in an extension", chunked("1;x\ry\r\na\r\n0\r\n\r\n")),
    .no(400, "a bare LF in an extension", chunked("1;x\ny\r\na\r\n0\r\n\r\n")),
    .no(400, "NUL in an extension", chunked("1;x=\0\r\na\r\n0\r\n\r\n")),
    .no(400, "an extension without a name", chunked("1;\r\na\r\n0\r\n\r\n")),
    .no(400, "an extension without a value", chunked("1;x=\r\na\r\n0\r\n\r\n")),
    .no(400, "an open quote in an extension", chunked("1;x=\"a\r\na\r\n0\r\n\r\n")),
    .no(400, "a blank after an extension", chunked("1;x \r\na\r\n0\r\n\r\n")),
    .ok("extension at the limit", chunked("1;xyz\r\na\r\n0\r\n\r\n"), "POST / =a") { $0.chunkExtensionLineBytes = 4 },
    .no(400, "extension past the limit", chunked("1;wxyz\r\na\r\n0\r\n\r\n")) { $0.chunkExtensionLineBytes = 4 },
    .no(400, "extension past the limit without an end", chunked("1;" + String(repeating: "x", count: 30))) {
        $0.chunkExtensionLineBytes = 4
    },
    .ok("extensions of a body at the limit", chunked("1;x\r\na\r\n1;y\r\nb\r\n0\r\n\r\n"), "POST / =ab") {
        $0.chunkExtensionMessageBytes = 4
    },
    .no(400, "extensions of a body past the limit", chunked("1;x\r\n.\r\n1;yz\r\n.\r\n0\r\n\r\n")) {
        $0.chunkExtensionMessageBytes = 4
    },
]

private let trailerCases: [WireCase] = [
    .ok("a trailer", chunked("0\r\nX: y\r\n\r\n") + next, "POST / +X: y", "GET /n"),
    .ok("two trailers", chunked("1\r\na\r\n0\r\nX: y\r\nZ:\r\n\r\n"), "POST / =a +X: y +Z: "),
    .ok("an incomplete trailer section", chunked("0\r\nX: y\r\n"), "POST / ..."),
    .no(400, "Content-Length as a trailer", chunked("0\r\nContent-Length: 5\r\n\r\n")),
    .no(400, "Transfer-Encoding as a trailer", chunked("0\r\nTransfer-Encoding: chunked\r\n\r\n")),
    .no(400, "Host as a trailer", chunked("0\r\nHost: b\r\n\r\n")),
    .no(400, "a trailer without a colon", chunked("0\r\nX\r\n\r\n")),
    .no(400, "a blank before the colon", chunked("0\r\nX : y\r\n\r\n")),
    .no(400, "a folded trailer", chunked("0\r\nX: y\r\n z\r\n\r\n")),
    .no(400, "NUL in a trailer", chunked("0\r\nX: \0\r\n\r\n")),
    .no(400, "a bare LF after a trailer", chunked("0\r\nX: y\n\r\n")),
    .no(400, "a request instead of trailers", chunked("0\r\n" + next)),
    .ok("trailer count at the limit", chunked("0\r\nA: 1\r\nB: 2\r\n\r\n"), "POST / +A: 1 +B: 2") {
        $0.trailerCount = 2
    },
    .no(431, "trailer count past the limit", chunked("0\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n")) { $0.trailerCount = 2 },
    .ok("trailer bytes at the limit", chunked("0\r\nA: 1\r\n\r\n"), "POST / +A: 1") { $0.trailerBytes = 8 },
    .no(431, "trailer bytes past the limit", chunked("0\r\nA: 12\r\n\r\n")) { $0.trailerBytes = 8 },
]

private let pipelineCases: [WireCase] = [
    .ok("three requests", next + next + next, "GET /n", "GET /n", "GET /n"),
    .ok("an empty line between", next + "\r\n" + next, "GET /n", "GET /n"),
    .ok(
        "bodies between", length("1", "a") + chunked("1\r\nb\r\n0\r\n\r\n") + next, "POST / =a", "POST / =b",
        "GET /n"),
    .no(400, "a broken one after a good one", next + "GET /\r\n\r\n", after: "GET /n"),
    .no(400, "a body longer than its length", length("1", "ab\r\n") + next, after: "POST / =a"),
    .no(400, "two empty lines between", next + "\r\n\r\n" + next, after: "GET /n"),
    .no(400, "a body without framing", post("X: 1", "{\"a\": 1}\r\n\r\n"), after: "POST / X: 1"),
    .no(505, "another version after a good one", next + "GET / HTTP/2.0\r\n\r\n", after: "GET /n"),
    .no(431, "counts begin anew with each request", next + "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nX: 2\r\n\r\n",
        after: "GET /n") { $0.fieldCount = 2 },
]
