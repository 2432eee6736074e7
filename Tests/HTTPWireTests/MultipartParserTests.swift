import HTTPWire
import Testing

/// A body to a multipart parser with the boundary `xyz`, and what must come of it.
struct MultipartCase: Sendable {
    var name: String
    var bytes: [UInt8]
    var limits = MultipartLimits()
    /// Each part in short form: `name`, then where given `/filename`, ` (content type)`, and `=content`.
    var parts: [String]
    var error: String?

    static func ok(
        _ name: String, _ bytes: String, _ parts: String..., limits: (inout MultipartLimits) -> Void = { _ in }
    ) -> MultipartCase {
        var result = MultipartCase(name: name, bytes: Array(bytes.utf8), parts: parts)
        limits(&result.limits)
        return result
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

private func part(_ name: String, _ content: String, _ fields: String...) -> String {
    "--xyz\r\nContent-Disposition: form-data; name=\"\(name)\"\r\n" + fields.map { $0 + "\r\n" }.joined()
        + "\r\n\(content)\r\n"
}

private func disposition(_ value: String) -> String { "--xyz\r\nContent-Disposition: \(value)\r\n\r\n.\r\n" }

private let end = "--xyz--\r\n"

private let multipartCases: [MultipartCase] = [
    .ok("one part", part("a", "1") + end, "a=1"),
    .ok("two parts", part("a", "1") + part("b", "22") + end, "a=1", "b=22"),
    .ok("no line end after the last delimiter", part("a", "1") + "--xyz--", "a=1"),
    .ok("an epilogue", part("a", "1") + end + "more", "a=1"),
    .ok("a preamble", "for old readers\r\n" + part("a", "1") + end, "a=1"),
    .ok("a preamble of an empty line", "\r\n" + part("a", "1") + end, "a=1"),
    .ok("blanks after a boundary", "--xyz \t\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n" + end, "a=1"),
    .ok("an empty part", part("a", "") + end, "a="),
    // RFC 2046 section 5.1.1: no line of a part begins with the delimiter, and the line end before it may be the head's.
    .ok("a delimiter right after a head ends the part", "--xyz\r\nContent-Disposition: form-data; name=a\r\n\r\n" + end,
        "a="),
    .ok("a delimiter right after a head, and another part",
        "--xyz\r\nContent-Disposition: form-data; name=a\r\n\r\n" + part("b", "2") + end, "a=", "b=2"),
    .ok("content that begins like a delimiter", part("a", "--xy") + end, "a=--xy"),
    .ok("content that begins with a line end", part("a", "\r\n--xy") + end, "a=\r\n--xy"),
    .no("malformed", "content that begins with the delimiter",
        "--xyz\r\nContent-Disposition: form-data; name=a\r\n\r\n--xyz\r\nbytes\r\n" + end, after: "a="),
    .no("truncated", "an end within a delimiter right after a head",
        "--xyz\r\nContent-Disposition: form-data; name=a\r\n\r\n--xy", after: "a=--xy..."),
    .ok("no part", end),
    .ok("a file", "--xyz\r\nContent-Disposition: form-data; name=\"i\"; filename=\"x.png\"\r\n"
        + "Content-Type: image/png\r\n\r\n.\r\n" + end, "i/x.png (image/png)=."),
    .ok("content of dashes and line ends", part("a", "\r\n--xy\r\n-\r\n--\r\n\r") + end, "a=\r\n--xy\r\n-\r\n--\r\n\r"),
    .ok("content like a delimiter without its line end", part("a", "b--xyz--") + end, "a=b--xyz--"),
    .ok("content that ends in CR", part("a", "b\r") + end, "a=b\r"),
    .ok("content with a bare LF before dashes", part("a", "b\n--xyz\n") + end, "a=b\n--xyz\n"),
    .ok("names in any case", "--xyz\r\ncontent-disposition: FORM-DATA; NAME=a\r\n\r\n.\r\n" + end, "a=."),
    .ok("a name as a token", disposition("form-data; name=a") + end, "a=."),
    .ok("a name in UTF-8", disposition("form-data; name=\"ü\"") + end, "ü=."),
    .ok("escaped quotes", disposition(#"form-data; name="a\"b\\c""#) + end, #"a"b\c=."#),
    .ok("a path with backslashes", disposition(#"form-data; name=a; filename="C:\d\x.png""#) + end, #"a/C:\d\x.png=."#),
    .ok("a semicolon in quotes", disposition("form-data; name=\"a;b\"; filename=\"c;d\"") + end, "a;b/c;d=."),
    .ok("filename* is not read", disposition("form-data; name=a; filename*=UTF-8''x") + end, "a=."),
    .ok("an empty filename", disposition("form-data; name=a; filename=\"\"") + end, "a/=."),
    .ok("other fields are ignored", part("a", "1", "X-Y: z", "Content-Transfer-Encoding: binary") + end, "a=1"),
    .ok("a charset", part("a", "1", "Content-Type: text/plain; charset=utf-8") + end, "a (text/plain)=1"),
    .no("truncated", "nothing", ""),
    .no("truncated", "text", "hello"),
    .no("truncated", "another boundary", "--abc\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--abc--\r\n"),
    .no("truncated", "an end within a part", part("a", "1"), after: "a=1..."),
    .no("truncated", "an end within a boundary", part("a", "1") + "--xy", after: "a=1\r\n--xy..."),
    .no("truncated", "an end after a boundary", part("a", "1") + "--xyz", after: "a=1"),
    .no("truncated", "an end after half the last dashes", part("a", "1") + "--xyz-", after: "a=1"),
    .no("truncated", "an end within a head", "--xyz\r\nContent-Dispo"),
    .no("truncated", "an end before a head", "--xyz\r\n"),
    .no("malformed", "a longer boundary", part("a", "1") + "--xyzz\r\n", after: "a=1"),
    .no("malformed", "one dash after a boundary", part("a", "1") + "--xyz-\r\n", after: "a=1"),
    .no("malformed", "a bare LF after a boundary", "--xyz\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n" + end),
    .no("malformed", "a bare LF in a head", "--xyz\r\nContent-Disposition: form-data; name=a\n\r\n1\r\n" + end),
    .no("malformed", "no disposition", "--xyz\r\nContent-Type: text/plain\r\n\r\n1\r\n" + end),
    .no("malformed", "no head", "--xyz\r\n\r\n1\r\n" + end),
    .no("malformed", "another disposition", disposition("attachment; name=a") + end),
    .no("malformed", "no name", disposition("form-data; filename=a") + end),
    .no("malformed", "an empty name", disposition("form-data; name=\"\"") + end),
    .no("malformed", "two names", disposition("form-data; name=a; name=b") + end),
    .no("malformed", "an open quote", disposition("form-data; name=\"a") + end),
    .no("malformed", "text after the name", disposition("form-data; name=a b") + end),
    .no("malformed", "two dispositions", "--xyz\r\nContent-Disposition: form-data; name=a\r\n"
        + "Content-Disposition: form-data; name=b\r\n\r\n1\r\n" + end),
    .no("malformed", "a folded head", "--xyz\r\nContent-Disposition: form-data;\r\n name=a\r\n\r\n1\r\n" + end),
    .no("malformed", "a line without a colon", part("a", "1", "nonsense") + end),
    .no("malformed", "a blank before a colon", part("a", "1", "X : y") + end),
    .no("malformed", "NUL in a head", part("a", "1", "X: \0") + end),
    .no("malformed", "a bad content type", part("a", "1", "Content-Type: image") + end),
    .no("malformed", "two content types", part("a", "1", "Content-Type: image/png", "Content-Type: image/png") + end),
    .no("malformed", "base64", part("a", "1", "Content-Transfer-Encoding: base64") + end),
    .no("nested", "multipart within multipart", part("a", "1", "Content-Type: multipart/mixed; boundary=b") + end),
    .ok("part count at the limit", part("a", "1") + part("b", "2") + end, "a=1", "b=2") { $0.parts = 2 },
    .no("tooManyParts", "part count past the limit", part("a", "1") + part("b", "2") + part("c", "3") + end,
        after: "a=1", "b=2") { $0.parts = 2 },
    .ok("head fields at the limit", part("a", "1", "X: y") + end, "a=1") { $0.partHeadFields = 2 },
    .no("partHeadTooLarge", "head fields past the limit", part("a", "1", "X: y", "X: z") + end) {
        $0.partHeadFields = 2
    },
    .ok("head bytes at the limit", disposition("form-data; name=a") + end, "a=.") { $0.partHeadBytes = 42 },
    .no("partHeadTooLarge", "head bytes past the limit", disposition("form-data; name=ab") + end) {
        $0.partHeadBytes = 42
    },
    .no("partHeadTooLarge", "a head without an end", "--xyz\r\nX: " + String(repeating: "x", count: 60)) {
        $0.partHeadBytes = 42
    },
    .ok("preamble at the limit", "1234\r\n" + part("a", "1") + end, "a=1") { $0.preambleBytes = 4 },
    .no("malformed", "preamble past the limit", "12345\r\n" + part("a", "1") + end) { $0.preambleBytes = 4 },
]

@Suite("Multipart parser") struct MultipartParserTests {
    private static let type = MediaType("multipart", "form-data", parameters: [.init(name: "boundary", value: "xyz")])

    private struct Outcome: Equatable {
        var parts: [String] = []
        var error: MultipartError?
        var hasEnd = false
    }

    private static func outcome(_ pieces: [ArraySlice<UInt8>], _ limits: MultipartLimits) -> Outcome {
        var result = Outcome()
        var content: [UInt8]?
        do throws(MultipartError) {
            var parser = try MultipartParser(contentType: type, limits: limits)
            for number in 0...pieces.count {
                if number < pieces.count { parser.append(pieces[number]) } else { parser.finish() }
                while let event = try parser.next() {
                    switch event {
                    case .partBegin(let part):
                        var text = part.name
                        if let filename = part.filename { text += "/\(filename)" }
                        if let type = part.contentType { text += " (\(type.essence))" }
                        result.parts.append(text + "=")
                        content = []
                    case .bytes(let bytes): content? += bytes
                    case .partEnd:
                        result.parts[result.parts.count - 1] += String(decoding: content ?? [], as: UTF8.self)
                        content = nil
                    case .end: result.hasEnd = true
                    }
                }
            }
        } catch {
            result.error = error
        }
        if let content { result.parts[result.parts.count - 1] += String(decoding: content, as: UTF8.self) + "..." }
        return result
    }

    private func expect(_ outcome: Outcome, _ test: MultipartCase, _ manner: String) {
        var parts = outcome.parts
        // How much of an unfinished part has been told depends on what might still have been a boundary.
        if test.parts.last?.hasSuffix("...") == true, parts.last?.hasSuffix("...") == true {
            #expect(test.parts.last?.hasPrefix(parts.removeLast().dropLast(3)) == true, "\(test.name), \(manner)")
            #expect(parts == test.parts.dropLast(), "\(test.name), \(manner)")
        } else {
            #expect(parts == test.parts, "\(test.name), \(manner)")
        }
        #expect(outcome.hasEnd == (test.error == nil), "\(test.name), \(manner)")
        let name = outcome.error.map { String("\(Mirror(reflecting: $0).children.first?.label ?? "\($0)")") }
        let error = outcome.error == .truncated ? "truncated" : outcome.error == .nested ? "nested" : name
        #expect(error == test.error, "\(test.name), \(manner)")
    }

    @Test("each case whole, byte by byte, and cut at every position")
    func cuts() {
        for test in multipartCases {
            let whole = Self.outcome([test.bytes[...]], test.limits)
            expect(whole, test, "whole")
            let bytewise = Self.outcome(test.bytes.indices.map { test.bytes[$0...$0] }, test.limits)
            expect(bytewise, test, "byte by byte")
            for cut in 0...test.bytes.count {
                let outcome = Self.outcome([test.bytes[..<cut], test.bytes[cut...]], test.limits)
                expect(outcome, test, "cut at \(cut)")
            }
        }
    }

    @Test("each case in random pieces")
    func randomCuts() {
        var generator = SeededGenerator(state: 7578)
        for test in multipartCases {
            for _ in 0..<10 {
                expect(Self.outcome(randomPieces(test.bytes, &generator), test.limits), test, "in random pieces")
            }
        }
    }

    @Test("random content of line ends, dashes and letters comes back as it went in")
    func roundTrip() {
        var generator = SeededGenerator(state: 2046)
        let alphabet = Array("\r\n--xyz".utf8)
        for _ in 0..<300 {
            var content: [UInt8] = []
            for _ in 0..<Int.random(in: 0...60, using: &generator) {
                content.append(alphabet.randomElement(using: &generator) ?? 0)
            }
            let isAmbiguous = content.starts(with: Array("--xyz".utf8))
            guard !isAmbiguous, content.firstRange(of: Array("\r\n--xyz".utf8)) == nil else { continue }
            let head = "--xyz\r\nContent-Disposition: form-data; name=a\r\n\r\n"
            let bytes = Array(head.utf8) + content + Array("\r\n--xyz--\r\n".utf8)
            let outcome = Self.outcome(randomPieces(bytes, &generator), MultipartLimits())
            #expect(outcome.parts == ["a=" + String(decoding: content, as: UTF8.self)])
            #expect(outcome.error == nil)
        }
    }

    @Test("it streams: a long part is told as it comes, and little of it is held")
    func streams() throws {
        var parser = try MultipartParser(contentType: Self.type)
        parser.append(Array("--xyz\r\nContent-Disposition: form-data; name=a\r\n\r\n".utf8)[...])
        guard case .partBegin = try parser.next() else { throw MultipartError.truncated }
        var told = 0
        for number in 1...50 {
            parser.append([UInt8](repeating: 0x2D, count: 1000)[...])
            while case .bytes(let bytes) = try parser.next() { told += bytes.count }
            #expect(told >= number * 1000 - 7)
        }
    }

    @Test("an error lasts")
    func lasting() throws {
        var parser = try MultipartParser(contentType: Self.type)
        parser.append(Array("--xyz?".utf8)[...])
        #expect(throws: MultipartError.self) { try parser.next() }
        parser.append(Array("--xyz--".utf8)[...])
        #expect(throws: MultipartError.self) { try parser.next() }
    }

    @Test(
        "content types without a sound boundary are refused",
        arguments: [
            "multipart/form-data", "multipart/mixed; boundary=a", "text/plain", "multipart/form-data; boundary=\"\"",
            "multipart/form-data; boundary=\"a \"", "multipart/form-data; boundary=\"a;b\"",
            "multipart/form-data; boundary=" + String(repeating: "a", count: 71),
        ])
    func badTypes(text: String) throws {
        let type = try #require(MediaType.parse(text))
        #expect(throws: MultipartError.self) { _ = try MultipartParser(contentType: type) }
    }

    @Test("a boundary of 70 bytes is accepted")
    func longBoundary() throws {
        let boundary = String(repeating: "a", count: 70)
        let type = try #require(MediaType.parse("multipart/form-data; boundary=\(boundary)"))
        _ = try MultipartParser(contentType: type)
    }

    @Test("a part's bytes are slices of what was given: no more than what a cut may have parted is moved")
    func partsAreNotCopied() throws {
        let media = try #require(MediaType.parse("multipart/form-data; boundary=xyz"))
        var generator = SeededGenerator(state: 7578)
        let content = (0..<1_000_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let body = Array(part("a", "").dropLast().utf8) + content + Array(("\r\n" + end).utf8)
        var parser = try MultipartParser(contentType: media)
        var (told, moved) = (0, 0)
        for start in stride(from: 0, to: body.count, by: 1000) {
            let piece = body[start..<min(start + 1000, body.count)]
            let place = piece.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
            parser.append(piece)
            while let event = try parser.next() {
                guard case .bytes(let bytes) = event else { continue }
                let address = bytes.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
                told += bytes.count
                if !(place..<place + 1000).contains(address) { moved += bytes.count }
            }
        }
        #expect(told == content.count)
        // One byte in 256 is a CR, with which a delimiter may begin where the piece ends.
        #expect(moved < 1000)
    }
}
