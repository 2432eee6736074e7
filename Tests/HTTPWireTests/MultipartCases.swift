import HTTPWire

/// A body to a multipart parser with the boundary `xyz`, and what must come of it.
struct MultipartCase: Sendable {
    var name: String
    var bytes: [UInt8]
    var limits = MultipartLimits()
    /// Each part in short form: `name`, then `/file` where it has a file name, ` (quoted)` where it is
    /// quoted-printable, and `=content`.
    var parts: [String]
    var error: String?

    static func ok(
        _ name: String, _ bytes: String, _ parts: String..., limits: (inout MultipartLimits) -> Void = { _ in }
    ) -> MultipartCase {
        var result = MultipartCase(name: name, bytes: Array(bytes.utf8), parts: parts)
        limits(&result.limits)
        return result
    }

    static func ok(_ name: String, _ bytes: [UInt8], _ parts: String...) -> MultipartCase {
        MultipartCase(name: name, bytes: bytes, parts: parts)
    }

    static func no(_ error: String, _ name: String, _ bytes: [UInt8]) -> MultipartCase {
        MultipartCase(name: name, bytes: bytes, parts: [], error: error)
    }

    /// - Parameter error: the error's case.
    static func no(
        _ error: String, _ name: String, _ bytes: String, after parts: String...,
        limits: (inout MultipartLimits) -> Void = { _ in }
    ) -> MultipartCase {
        var result = MultipartCase(name: name, bytes: Array(bytes.utf8), parts: parts, error: error)
        limits(&result.limits)
        return result
    }
}

func formPart(_ name: String, _ content: String, _ fields: String...) -> String {
    "--xyz\r\nContent-Disposition: form-data; name=\"\(name)\"\r\n" + fields.map { $0 + "\r\n" }.joined()
        + "\r\n\(content)\r\n"
}

private func disposition(_ value: String) -> String { "--xyz\r\nContent-Disposition: \(value)\r\n\r\n.\r\n" }

let formEnd = "--xyz--\r\n"

let multipartCases: [MultipartCase] = [
    .ok("one part", formPart("a", "1") + formEnd, "a=1"),
    .ok("two parts", formPart("a", "1") + formPart("b", "22") + formEnd, "a=1", "b=22"),
    .ok("no line end after the last delimiter", formPart("a", "1") + "--xyz--", "a=1"),
    .ok("an epilogue", formPart("a", "1") + formEnd + "more", "a=1"),
    .ok("a preamble", "for old readers\r\n" + formPart("a", "1") + formEnd, "a=1"),
    .ok("a preamble of an empty line", "\r\n" + formPart("a", "1") + formEnd, "a=1"),
    .ok("blanks after a boundary", "--xyz \t\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n" + formEnd, "a=1"),
    .ok("an empty part", formPart("a", "") + formEnd, "a="),
    // RFC 2046 section 5.1.1: no line of a part begins with the delimiter, and the line end before it may be the head's.
    .ok("a delimiter right after a head ends the part", "--xyz\r\nContent-Disposition: form-data; name=a\r\n\r\n" + formEnd,
        "a="),
    .ok("a delimiter right after a head, and another part",
        "--xyz\r\nContent-Disposition: form-data; name=a\r\n\r\n" + formPart("b", "2") + formEnd, "a=", "b=2"),
    .ok("content that begins like a delimiter", formPart("a", "--xy") + formEnd, "a=--xy"),
    .ok("content that begins with a line end", formPart("a", "\r\n--xy") + formEnd, "a=\r\n--xy"),
    .no("malformed", "content that begins with the delimiter",
        "--xyz\r\nContent-Disposition: form-data; name=a\r\n\r\n--xyz\r\nbytes\r\n" + formEnd, after: "a="),
    .no("truncated", "an end within a delimiter right after a head",
        "--xyz\r\nContent-Disposition: form-data; name=a\r\n\r\n--xy", after: "a=--xy..."),
    .ok("no part", formEnd),
    .ok("a file", "--xyz\r\nContent-Disposition: form-data; name=\"i\"; filename=\"x.png\"\r\n"
        + "Content-Type: image/png\r\n\r\n.\r\n" + formEnd, "i/file=."),
    .ok("content of dashes and line ends", formPart("a", "\r\n--xy\r\n-\r\n--\r\n\r") + formEnd, "a=\r\n--xy\r\n-\r\n--\r\n\r"),
    .ok("content like a delimiter without its line end", formPart("a", "b--xyz--") + formEnd, "a=b--xyz--"),
    .ok("content that ends in CR", formPart("a", "b\r") + formEnd, "a=b\r"),
    .ok("content with a bare LF before dashes", formPart("a", "b\n--xyz\n") + formEnd, "a=b\n--xyz\n"),
    .ok("names in any case", "--xyz\r\ncontent-disposition: FORM-DATA; NAME=a\r\n\r\n.\r\n" + formEnd, "a=."),
    .ok("a name as a token", disposition("form-data; name=a") + formEnd, "a=."),
    .ok("a name in UTF-8", disposition("form-data; name=\"ü\"") + formEnd, "ü=."),
    .ok("escaped quotes", disposition(#"form-data; name="a\"b\\c""#) + formEnd, #"a"b\c=."#),
    .ok("a path with backslashes", disposition(#"form-data; name=a; filename="C:\d\x.png""#) + formEnd, "a/file=."),
    .ok("a semicolon in quotes", disposition("form-data; name=\"a;b\"; filename=\"c;d\"") + formEnd, "a;b/file=."),
    .ok("filename* alone", disposition("form-data; name=a; filename*=UTF-8''x") + formEnd, "a/file=."),
    .ok("filename and filename*", disposition("form-data; name=a; filename=x; filename*=utf-8''x") + formEnd, "a/file=."),
    .ok("an empty filename", disposition("form-data; name=a; filename=\"\"") + formEnd, "a/file=."),
    .ok("a filename without a value", disposition("form-data; name=a; filename=") + formEnd, "a/file=."),
    .ok("a filename in UTF-8", disposition("form-data; name=a; filename=\"é.png\"") + formEnd, "a/file=."),
    .ok("an unquoted filename with blanks", disposition("form-data; name=a; filename=my photo.png") + formEnd, "a/file=."),
    .ok("quotes within a filename", disposition(#"form-data; name=a; filename="my "best" photo.png""#) + formEnd, "a/file=."),
    .ok("a filename that stays open", disposition("form-data; name=a; filename=\"x.png") + formEnd, "a/file=."),
    .ok("a filename that stays open and looks like more", disposition("form-data; name=a; filename=\"x; name=b") + formEnd,
        "a/file=."),
    .ok("a name after a filename with a semicolon", disposition("form-data; filename=\"x;y=z\"; name=a") + formEnd, "a/file=."),
    .ok("control bytes in a filename", disposition("form-data; name=a; filename=\"x\u{1}\u{7F}\ty\r.png\"") + formEnd,
        "a/file=."),
    .ok("two filenames", disposition("form-data; name=a; filename=x; filename=y") + formEnd, "a/file=."),
    .ok("other parameters in any state", disposition("form-data; name=a; size; =; x=\"; y") + formEnd, "a=."),
    .ok("blanks around a name", disposition("form-data ; name= \"a\" ; x=1") + formEnd, "a=."),
    .ok("a folded head", "--xyz\r\nContent-Disposition: form-data;\r\n name=a;\r\n\tfilename=x\r\n\r\n.\r\n" + formEnd,
        "a/file=."),
    .ok("a filename in Latin-1", Array("--xyz\r\nContent-Disposition: form-data; name=a; filename=\"caf".utf8)
        + [0xE9] + Array(".png\"\r\n\r\n.\r\n--xyz--".utf8), "a/file=."),
    .ok("a filename of nonsense", Array("--xyz\r\nContent-Disposition: form-data; filename=\"".utf8)
        + [0xFF, 0xFE, 0, 0x80, 0x5C] + Array("\"\"; name=a\r\n\r\n.\r\n--xyz--".utf8), "a/file=."),
    .ok("other fields are ignored", formPart("a", "1", "X-Y: z", "Content-Transfer-Encoding: binary") + formEnd, "a=1"),
    .ok("a charset", formPart("a", "1", "Content-Type: text/plain; charset=utf-8") + formEnd, "a=1"),
    .ok("a content type that is none", formPart("a", "1", "Content-Type: image") + formEnd, "a=1"),
    .ok("an empty content type", formPart("a", "1", "Content-Type:") + formEnd, "a=1"),
    .ok("a content type with a broken parameter", formPart("a", "1", "Content-Type: image/png; a=\"b") + formEnd, "a=1"),
    .ok("a content type with control bytes", formPart("a", "1", "Content-Type: \u{1}\0") + formEnd, "a=1"),
    .ok("two content types", formPart("a", "1", "Content-Type: image/png", "Content-Type: image/jpeg") + formEnd, "a=1"),
    .no("truncated", "nothing", ""),
    .no("truncated", "text", "hello"),
    .no("truncated", "another boundary", "--abc\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--abc--\r\n"),
    .no("truncated", "an end within a part", formPart("a", "1"), after: "a=1..."),
    .no("truncated", "an end within a boundary", formPart("a", "1") + "--xy", after: "a=1\r\n--xy..."),
    .no("truncated", "an end after a boundary", formPart("a", "1") + "--xyz", after: "a=1"),
    .no("truncated", "an end after half the last dashes", formPart("a", "1") + "--xyz-", after: "a=1"),
    .no("truncated", "an end within a head", "--xyz\r\nContent-Dispo"),
    .no("truncated", "an end before a head", "--xyz\r\n"),
    .no("malformed", "a longer boundary", formPart("a", "1") + "--xyzz\r\n", after: "a=1"),
    .no("malformed", "one dash after a boundary", formPart("a", "1") + "--xyz-\r\n", after: "a=1"),
    .no("malformed", "a bare LF after a boundary", "--xyz\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n" + formEnd),
    .no("malformed", "a bare LF in a head", "--xyz\r\nContent-Disposition: form-data; name=a\n\r\n1\r\n" + formEnd),
    .no("malformed", "no disposition", "--xyz\r\nContent-Type: text/plain\r\n\r\n1\r\n" + formEnd),
    .no("malformed", "no head", "--xyz\r\n\r\n1\r\n" + formEnd),
    .no("malformed", "another disposition", disposition("attachment; name=a") + formEnd),
    .no("malformed", "no name", disposition("form-data; filename=a") + formEnd),
    .no("malformed", "an empty name", disposition("form-data; name=\"\"") + formEnd),
    .no("malformed", "two names", disposition("form-data; name=a; name=b") + formEnd),
    .no("malformed", "a name that a filename hides", disposition(#"form-data; filename="x\"; name="a""#) + formEnd),
    .no("malformed", "another name behind a filename", disposition("form-data; name=a; filename=\"x\"y; name=b") + formEnd),
    .no("malformed", "a name in Latin-1", Array("--xyz\r\nContent-Disposition: form-data; name=\"".utf8) + [0xE9]
        + Array("\"\r\n\r\n.\r\n--xyz--".utf8)),
    .no("malformed", "a control byte in a name", disposition("form-data; name=\"a\u{1}\"") + formEnd),
    .no("malformed", "name* alone", disposition("form-data; name*=utf-8''a") + formEnd),
    .no("malformed", "a head that begins with a blank", "--xyz\r\n Content-Disposition: form-data; name=a\r\n\r\n" + formEnd),
    .no("malformed", "an open quote", disposition("form-data; name=\"a") + formEnd),
    .no("malformed", "text after the name", disposition("form-data; name=a b") + formEnd),
    .no("malformed", "two dispositions", "--xyz\r\nContent-Disposition: form-data; name=a\r\n"
        + "Content-Disposition: form-data; name=b\r\n\r\n1\r\n" + formEnd),
    .no("malformed", "a line without a colon", formPart("a", "1", "nonsense") + formEnd),
    .no("malformed", "a blank before a colon", formPart("a", "1", "X : y") + formEnd),
    .no("malformed", "NUL in a head", formPart("a", "1", "X: \0") + formEnd),
    .ok("codings that change nothing", formPart("a", "1", "Content-Transfer-Encoding: 8BIT")
        + formPart("b", "2", "Content-Transfer-Encoding:") + formPart("c", "=3D", "Content-Transfer-Encoding: quoted-printable")
        + formEnd, "a=1", "b=2", "c (quoted)==3D"),
    .no("malformed", "base64", formPart("a", "1", "Content-Transfer-Encoding: base64") + formEnd),
    .no("nested", "multipart without a boundary", formPart("a", "1", "Content-Type: Multipart/mixed; boundary=") + formEnd),
    .no("nested", "multipart within multipart", formPart("a", "1", "Content-Type: multipart/mixed; boundary=b") + formEnd),
    .ok("part count at the limit", formPart("a", "1") + formPart("b", "2") + formEnd, "a=1", "b=2") { $0.parts = 2 },
    .no("tooManyParts", "part count past the limit", formPart("a", "1") + formPart("b", "2") + formPart("c", "3") + formEnd,
        after: "a=1", "b=2") { $0.parts = 2 },
    .ok("head fields at the limit", formPart("a", "1", "X: y") + formEnd, "a=1") { $0.partHeadFields = 2 },
    .no("partHeadTooLarge", "head fields past the limit", formPart("a", "1", "X: y", "X: z") + formEnd) {
        $0.partHeadFields = 2
    },
    .ok("head bytes at the limit", disposition("form-data; name=a") + formEnd, "a=.") { $0.partHeadBytes = 42 },
    .no("partHeadTooLarge", "head bytes past the limit", disposition("form-data; name=ab") + formEnd) {
        $0.partHeadBytes = 42
    },
    .no("partHeadTooLarge", "a head without an end", "--xyz\r\nX: " + String(repeating: "x", count: 60)) {
        $0.partHeadBytes = 42
    },
    .ok("preamble at the limit", "1234\r\n" + formPart("a", "1") + formEnd, "a=1") { $0.preambleBytes = 4 },
    .no("malformed", "preamble past the limit", "12345\r\n" + formPart("a", "1") + formEnd) { $0.preambleBytes = 4 },
]
