import Foundation
import HTTPServer
import HTTPTypes
import HTTPWire
import TestSupport
import Testing

/// Requests as real clients send them, byte for byte, read by the wire's own parser and answered by the service.
@Suite("Requests of real clients")
struct ClientCaseTests {
    let subject = ServiceUnderTest()

    /// Sends the one request that the bytes are.
    private func send(_ bytes: [UInt8]) async throws -> Answer {
        var parser = RequestParser()
        parser.append(bytes[...])
        var head: MessageHead?
        var body: [UInt8] = []
        while let event = try parser.next() {
            switch event {
            case .head(let found): head = found
            case .body(let piece): body += piece
            case .end: #expect(parser.bufferedByteCount == 0)
            }
        }
        let request = try #require(head).request
        return await subject.send(
            request.method, request.path ?? "", fields: request.headerFields, body: body, pieces: 3)
    }

    private static func file(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: Repository.root.appending(path: "Tests/Fixtures/Cases/\(name).http")))
    }

    @Test("recorded ones are answered 200", arguments: [
        "accept-json-charset", "accept-old-java", "form-boundary-equals", "form-dotnet", "form-latin1-name",
        "form-part-type-image", "host-underscore",
    ])
    func recorded(name: String) async throws {
        let answer = try await send(try Self.file(name))
        #expect(answer.status == 200, "\(answer.detail)")
        #expect(answer["Content-Type"] == "application/json")
    }

    /// A form with the picture and one parameter, its boundary and the head of the picture's part as given.
    private static func form(type: String, boundary: String, disposition: [UInt8], more: String = "") -> [UInt8] {
        var body = Array("--\(boundary)\r\nContent-Disposition: form-data; name=\"steps\"\r\n\r\n3\r\n".utf8)
        body += Array("--\(boundary)\r\nContent-Disposition: ".utf8) + disposition + Array("\r\n\(more)\r\n".utf8)
        body += ServiceUnderTest.png + Array("\r\n--\(boundary)--\r\n".utf8)
        let head = "POST /restore HTTP/1.1\r\nHost: a\r\nContent-Type: \(type)\r\nContent-Length: \(body.count)\r\n\r\n"
        return Array(head.utf8) + body
    }

    private static let plain = Array("form-data; name=\"image\"; filename=\"a.png\"".utf8)

    @Test("boundaries of JavaMail, of old Apple and of .NET", arguments: [
        ("multipart/form-data; boundary=----=_Part_0_1234.5678", "----=_Part_0_1234.5678"),
        ("multipart/form-data; boundary=\"----=_Part_0_1234.5678\"", "----=_Part_0_1234.5678"),
        ("multipart/form-data; boundary=Boundary+0xAbCdEf:1/2", "Boundary+0xAbCdEf:1/2"),
        ("multipart/form-data; boundary===0123?(a)==", "==0123?(a)=="),
        ("multipart/form-data; charset=utf-8; boundary=\"3a-4c-5e\"", "3a-4c-5e"),
        ("multipart/form-data;boundary=a@b.c", "a@b.c"),
    ])
    func boundaries(type: String, boundary: String) async throws {
        let answer = try await send(Self.form(type: type, boundary: boundary, disposition: Self.plain))
        #expect(answer.status == 200, "\(answer.detail)")
        #expect(subject.engine.seen.last?.steps == 3)
    }

    @Test("a boundary in doubt is a 400 that speaks of it, before the body is read", arguments: [
        "multipart/form-data; boundary=a b", "multipart/form-data; boundary=a; boundary=b", "multipart/form-data",
        "multipart/form-data; boundary=\"a", "multipart/form-data, boundary=a",
    ])
    func doubtfulBoundaries(type: String) async throws {
        let answer = try await send(Self.form(type: type, boundary: "a", disposition: Self.plain))
        #expect(answer.status == 400)
        #expect(answer.detail.contains("boundary"), "\(answer.detail)")
    }

    @Test("file names in every state", arguments: [
        "filename=\"café.png\"", "filename=\"\"", "filename=", "filename", "filename*=utf-8''%e2%82%ac.png",
        "filename=a.png; filename*=utf-8''a.png", "filename=my photo.png", "filename=\"my \"best\".png\"",
        "filename=\"open.png", "filename=\"C:\\fakepath\\a.png\"", "filename=\"a;b=c.png\"", "filename=\"=?utf-8?B?w6k=?=\"",
        "size=3; filename=\"\u{1}\u{7F}.png\"", "filename=\"a\\\".png\"", "",
    ])
    func filenames(parameter: String) async throws {
        // In front as well, where it is closed: else the name is part of it.
        let isOpen = parameter.filter { $0 == "\"" }.count % 2 == 1 && !parameter.contains("\\\"")
        for text in ["form-data; name=\"image\"; \(parameter)", "Form-Data; \(isOpen ? "" : parameter); name=image"] {
            let type = "multipart/form-data; boundary=XX"
            let answer = try await send(Self.form(type: type, boundary: "XX", disposition: Array(text.utf8)))
            #expect(answer.status == 200, "\(text): \(answer.detail)")
        }
    }

    @Test("file names that are no text", arguments: [[0xE9], [0xFF, 0xFE], [0x82, 0xA0, 0x5C], [0xC3], [0, 1, 2]] as [[UInt8]])
    func undecodableFilenames(bytes: [UInt8]) async throws {
        let disposition = Array("form-data; name=\"image\"; filename=\"a".utf8) + bytes + Array(".png\"".utf8)
        let answer = try await send(
            Self.form(type: "multipart/form-data; boundary=XX", boundary: "XX", disposition: disposition))
        #expect(answer.status == 200, "\(answer.detail)")
    }

    @Test("types of parts in every state", arguments: [
        "Content-Type: image\r\n", "Content-Type: image/*\r\n", "Content-Type:\r\n", "Content-Type: image/jpeg\r\n",
        "Content-Type: text/plain; charset=\r\n", "Content-Type: /\r\n", "Content-Type: image/png\r\nContent-Type: x\r\n",
        "Content-Type: image/png;\r\n\tname=\"a.png\"\r\nContent-Transfer-Encoding: binary\r\n", "Content-Length: 7\r\n", "",
    ])
    func partTypes(line: String) async throws {
        let answer = try await send(
            Self.form(
                type: "multipart/form-data; boundary=XX", boundary: "XX", disposition: Self.plain,
                more: line))
        #expect(answer.status == 200, "\(answer.detail)")
    }

    @Test("only the name must be sound", arguments: [
        "form-data; filename=\"a.png\"", "form-data; name=\"\"; filename=a", "form-data; name=\"ima", "form-data; name=a b",
        "form-data; name=image; name=image", "attachment; name=image", "form-data; name*=utf-8''image", "",
    ])
    func names(disposition: String) async throws {
        let answer = try await send(
            Self.form(type: "multipart/form-data; boundary=XX", boundary: "XX", disposition: Array(disposition.utf8)))
        #expect(answer.status == 400)
        #expect(answer.kind == "malformed-form")
    }

    @Test("curl's default type, an empty Host and empty lines before", arguments: [
        "POST /classify HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n",
        "POST /classify HTTP/1.1\r\nHost:\r\n", "\r\n\r\nPOST /classify HTTP/1.1\r\nHost: a\r\n",
        "POST /classify HTTP/1.1\r\nHost: my_service:8080\r\nContent-Type: image/*\r\nAccept: application/json;v=1, */*;q=0.1\r\n",
        "POST /classify HTTP/1.0\r\nContent-Type:\r\nAccept: application/*; charset=UTF-8\r\n",
    ])
    func heads(head: String) async throws {
        let body = ServiceUnderTest.jpeg
        let answer = try await send(Array("\(head)Content-Length: \(body.count)\r\n\r\n".utf8) + body)
        #expect(answer.status == 200, "\(answer.detail)")
    }
}
