import HTTPWire
import Testing

@Suite("Request parser") struct RequestParserTests {
    static let cases = requestLineCases + fieldCases + bodyCases

    private func expect(
        _ pieces: [ArraySlice<UInt8>], of test: WireCase, like whole: Transcript? = nil, _ manner: String
    ) -> Transcript {
        let transcript = Transcript(pieces: pieces, limits: test.limits)
        #expect(transcript.requests == test.requests, "\(test.name), \(manner)")
        #expect(transcript.error?.status.code == test.refusal, "\(test.name), \(manner)")
        if let whole { #expect(transcript == whole, "\(test.name), \(manner)") }
        return transcript
    }

    @Test("each case in one piece")
    func whole() {
        for test in Self.cases { _ = expect([test.bytes[...]], of: test, "whole") }
    }

    @Test("each case byte by byte")
    func byteByByte() {
        for test in Self.cases {
            let whole = Transcript(pieces: [test.bytes[...]], limits: test.limits)
            _ = expect(test.bytes.indices.map { test.bytes[$0...$0] }, of: test, like: whole, "byte by byte")
        }
    }

    @Test("each case cut in two at every position")
    func cutInTwo() {
        for test in Self.cases {
            let whole = Transcript(pieces: [test.bytes[...]], limits: test.limits)
            for cut in 0...test.bytes.count {
                let pieces = [test.bytes[..<cut], test.bytes[cut...]]
                _ = expect(pieces, of: test, like: whole, "cut at \(cut)")
            }
        }
    }

    @Test("each case in random pieces")
    func randomCuts() {
        var generator = SeededGenerator(state: 9112)
        for test in Self.cases {
            let whole = Transcript(pieces: [test.bytes[...]], limits: test.limits)
            for _ in 0..<10 {
                _ = expect(randomPieces(test.bytes, &generator), of: test, like: whole, "in random pieces")
            }
        }
    }

    @Test("bytes changed at random never crash it, and never depend on how they are cut")
    func mutations() {
        var generator = SeededGenerator(state: 42)
        let interesting: [UInt8] = [0, 9, 10, 13, 32, 34, 44, 58, 59, 48, 0x2D, 0x7F, 0x80, 0xFF]
        for test in Self.cases where !test.bytes.isEmpty {
            for _ in 0..<20 {
                var bytes = test.bytes
                for _ in 0...Int.random(in: 0..<3, using: &generator) {
                    let index = Int.random(in: bytes.indices, using: &generator)
                    switch Int.random(in: 0..<3, using: &generator) {
                    case 0: bytes[index] = interesting.randomElement(using: &generator) ?? 0
                    case 1: bytes.insert(interesting.randomElement(using: &generator) ?? 0, at: index)
                    default: if bytes.count > 1 { bytes.remove(at: index) }
                    }
                }
                let whole = Transcript(pieces: [bytes[...]], limits: test.limits)
                let cut = Transcript(pieces: randomPieces(bytes, &generator), limits: test.limits)
                #expect(whole == cut, "\(bytes)")
            }
        }
    }

    @Test("default limits: 8 KiB lines, 32 KiB heads, 100 fields, each at the limit and one past it")
    func defaultLimits() {
        func status(_ bytes: String) -> Int? {
            Transcript(pieces: [Array(bytes.utf8)[...]], limits: WireLimits()).error?.status.code
        }
        func line(_ bytes: Int) -> String {
            "GET /\(String(repeating: "a", count: bytes - 14)) HTTP/1.1\r\nHost: a\r\n\r\n"
        }
        #expect(status(line(8192)) == nil)
        #expect(status(line(8193)) == 414)
        func field(_ bytes: Int) -> String { "X: \(String(repeating: "a", count: bytes - 3))\r\n" }
        let start = "GET / HTTP/1.1\r\nHost: a\r\n"
        #expect(status(start + field(8192) + "\r\n") == nil)
        #expect(status(start + field(8193) + "\r\n") == 431)
        // 25 bytes of start, 2 of the empty line, and each field 2 more than its text.
        let big = String(repeating: field(8000), count: 4)
        #expect(status(start + big + field(32768 - 27 - 4 * 8002 - 2) + "\r\n") == nil)
        #expect(status(start + big + field(32768 - 27 - 4 * 8002 - 1) + "\r\n") == 431)
        #expect(status(start + String(repeating: field(4), count: 99) + "\r\n") == nil)
        #expect(status(start + String(repeating: field(4), count: 100) + "\r\n") == 431)
    }

    @Test("it holds no more of a body than it was given, and nothing after it")
    func holdsLittle() throws {
        var parser = RequestParser()
        #expect(parser.bufferedByteCount == 0 && !parser.isInHead)
        parser.append(Array("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n".utf8)[...])
        #expect(parser.isInHead)
        guard case .head = try parser.next() else { throw Missing() }
        let piece = [UInt8](repeating: 0x61, count: 10_000)
        for _ in 0..<100 {
            parser.append(piece[...])
            guard case .body(let bytes) = try parser.next() else { throw Missing() }
            #expect(Array(bytes) == piece)
            #expect(parser.bufferedByteCount == 0)
        }
        guard case .end = try parser.next() else { throw Missing() }
        #expect(parser.bufferedByteCount == 0 && !parser.isInHead)
    }

    private struct Missing: Error {}
}
