import HTTPWire
import Testing

@Suite("Multipart parser") struct MultipartParserTests {
    private static let type = "multipart/form-data; boundary=xyz"

    private struct Outcome: Equatable {
        var parts: [String] = []
        var error: MultipartError?
        var hasEnd = false
    }

    private static func outcome(_ pieces: [ArraySlice<UInt8>], _ limits: MultipartLimits) -> Outcome {
        var result = Outcome()
        var content: [UInt8]?
        do throws(MultipartError) {
            guard let boundary = try MultipartBoundary(contentType: type) else { return result }
            var parser = MultipartParser(boundary: boundary, limits: limits)
            for number in 0...pieces.count {
                if number < pieces.count { parser.append(pieces[number]) } else { parser.finish() }
                while let event = try parser.next() {
                    switch event {
                    case .partBegin(let part):
                        var text = part.name
                        if part.isFile { text += "/file" }
                        if part.isQuotedPrintable { text += " (quoted)" }
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
        var parser = MultipartParser(boundary: try #require(try MultipartBoundary(contentType: Self.type)))
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
        var parser = MultipartParser(boundary: try #require(try MultipartBoundary(contentType: Self.type)))
        parser.append(Array("--xyz?".utf8)[...])
        #expect(throws: MultipartError.self) { try parser.next() }
        parser.append(Array("--xyz--".utf8)[...])
        #expect(throws: MultipartError.self) { try parser.next() }
    }

    @Test("a part's bytes are slices of what was given: no more than what a cut may have parted is moved")
    func partsAreNotCopied() throws {
        var generator = SeededGenerator(state: 7578)
        let content = (0..<1_000_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let body = Array(formPart("a", "").dropLast().utf8) + content + Array(("\r\n" + formEnd).utf8)
        var parser = MultipartParser(boundary: try #require(try MultipartBoundary(contentType: Self.type)))
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
