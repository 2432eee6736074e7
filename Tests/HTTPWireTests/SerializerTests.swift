import HTTPTypes
import HTTPWire
import Testing

@Suite("Answers") struct SerializerTests {
    private func head(
        _ status: HTTPResponse.Status, _ fields: HTTPFields = [:], _ framing: ResponseFraming,
        _ connection: ConnectionDirective = .close
    ) -> String {
        var output: [UInt8] = []
        ResponseSerializer.appendHead(
            status: status, fields: fields, framing: framing, connection: connection,
            dateLine: Array("Date: now\r\n".utf8), to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    @Test("status line, date, fields in order, length, empty line")
    func plain() {
        let fields: HTTPFields = [.contentType: "text/plain", .setCookie: "a", .vary: "Accept"]
        #expect(
            head(.ok, fields, .length(1234567890)) == "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Type: text/plain\r\n"
                + "Set-Cookie: a\r\nVary: Accept\r\nContent-Length: 1234567890\r\nConnection: close\r\n\r\n")
    }

    @Test("framing fields of the handler are left out")
    func reserved() {
        var fields: HTTPFields = [
            .contentLength: "5", .transferEncoding: "chunked", .connection: "upgrade", .date: "then", .eTag: "x",
        ]
        if let name = HTTPField.Name("Keep-Alive") { fields[name] = "timeout=5" }
        #expect(
            head(.ok, fields, .length(0))
                == "HTTP/1.1 200 OK\r\nDate: now\r\nETag: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    }

    @Test("each framing and each word on the connection")
    func framings() {
        let (start, close) = ("HTTP/1.1 200 OK\r\nDate: now\r\n", "Connection: close\r\n\r\n")
        #expect(head(.ok, [:], .chunked) == start + "Transfer-Encoding: chunked\r\n" + close)
        #expect(head(.noContent, [:], .absent) == "HTTP/1.1 204 No Content\r\nDate: now\r\n" + close)
        #expect(head(.ok, [:], .untilClose, .close) == start + close)
        #expect(
            head(.ok, [:], .absent, .keepAlive(seconds: 75, requests: 999))
                == start + "Connection: keep-alive\r\nKeep-Alive: timeout=75, max=999\r\n\r\n")
    }

    @Test("a status given as a number gets its usual reason, an unknown one none")
    func reasons() {
        #expect(head(429, [:], .absent).hasPrefix("HTTP/1.1 429 Too Many Requests\r\n"))
        #expect(head(299, [:], .absent).hasPrefix("HTTP/1.1 299 \r\n"))
    }

    @Test("a field's value cannot split the answer")
    func splitting() {
        let fields: HTTPFields = [.location: "/a\r\nSet-Cookie: b"]
        #expect(!head(.found, fields, .absent).contains("\r\nSet-Cookie"))
    }

    @Test("chunks, none for no bytes, and a parser reads them back")
    func chunks() throws {
        var output = Array("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
        for size in [1, 0, 15, 16, 255, 4096] {
            ResponseSerializer.appendChunk([UInt8](repeating: 0x61, count: size), to: &output)
        }
        output += ResponseSerializer.lastChunk
        var parser = RequestParser()
        parser.append(output[...])
        var count = 0
        while let event = try parser.next() {
            if case .body(let bytes) = event { count += bytes.count }
        }
        #expect(count == 1 + 15 + 16 + 255 + 4096)
        #expect(parser.bufferedByteCount == 0 && !parser.isInHead)
    }

    @Test(
        "dates",
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (951_868_799, "Tue, 29 Feb 2000 23:59:59 GMT"),
            (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"), (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"), (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (Int64.max, "Fri, 31 Dec 9999 23:59:59 GMT"), (-1, "Thu, 01 Jan 1970 00:00:00 GMT"),
        ] as [(Int64, String)])
    func dates(seconds: Int64, text: String) {
        #expect(HTTPDate.text(secondsSinceEpoch: seconds) == text)
    }

    @Test("events: a line for each line of data, and nothing in a name or id can begin a new one")
    func events() {
        func text(_ event: ServerSentEvent) -> String { String(decoding: event.bytes, as: UTF8.self) }
        #expect(text(ServerSentEvent(data: "a")) == "data: a\n\n")
        #expect(text(ServerSentEvent(data: "")) == "data: \n\n")
        #expect(text(ServerSentEvent(data: "a\nb\r\nc\rd\n")) == "data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n")
        #expect(
            text(ServerSentEvent(name: "step\ndata: x", data: "é", id: "1\r\n2"))
                == "id: 12\nevent: stepdata: x\ndata: é\n\n")
        #expect(String(decoding: ServerSentEvent.heartbeat, as: UTF8.self).hasPrefix(":"))
    }
}
