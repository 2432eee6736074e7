import Glibc
import HTTPServer
import Testing

extension Sockets {
    @Suite("Requests and answers") struct Requests {
        @Test("an answer has status, date, length and body, and the connection goes on")
        func answers() async throws {
            let test = try TestServer()
            let client = try test.client()
            for number in 1...3 {
                try await client.send(request("GET /hello"))
                let response = try await client.response()
                #expect(response.status == 200)
                #expect(response.text == "hello")
                #expect(response["content-length"] == "5")
                #expect(response["date"]?.hasSuffix(" GMT") == true)
                #expect(response["connection"] == "keep-alive")
                #expect(response["keep-alive"] == "timeout=75, max=\(1000 - number)")
            }
            #expect(test.witness.value.opened == 1)
        }

        @Test("HEAD has the length of GET and no body")
        func head() async throws {
            let test = try TestServer()
            let client = try test.client()
            try await client.send(request("HEAD /hello") + request("GET /hello"))
            let head = try await client.response(toHead: true)
            #expect(head["content-length"] == "5")
            #expect(try await client.response().text == "hello")
        }

        @Test("204 has neither body nor length")
        func noContent() async throws {
            let test = try TestServer()
            let client = try test.client()
            try await client.send(request("GET /empty") + request("GET /hello"))
            let empty = try await client.response()
            #expect(empty.status == 204)
            #expect(empty["content-length"] == nil)
            #expect(try await client.response().text == "hello")
        }

        @Test("requests sent without waiting are answered in order, quick ones behind slow ones")
        func pipelining() async throws {
            let test = try TestServer()
            let client = try test.client()
            try await client.send(request("GET /late") + request("GET /hello") + request("GET /nowhere"))
            await eventually("the slow one starts") { test.witness.value.started == 1 }
            #expect(test.witness.value.accepted == ["GET /late"])
            test.handler.gate.change { $0 = true }
            #expect(try await client.response().text == "late")
            #expect(try await client.response().text == "hello")
            #expect(try await client.response().status == 404)
        }

        @Test("a thousand pipelined requests are answered, the last with close")
        func manyPipelined() async throws {
            let test = try TestServer()
            let client = try test.client()
            try await client.send(String(repeating: request("GET /hello"), count: 1200))
            let responses = try await test.responses(of: client)
            #expect(responses.count == 1000)
            #expect(responses.allSatisfy { $0.text == "hello" })
            #expect(responses.dropLast().allSatisfy { !$0.closes })
            #expect(responses.last?.closes == true)
        }

        @Test("a broken request after a good one: the answer, then 400 and close")
        func brokenAfterGood() async throws {
            let test = try TestServer()
            let good = request("GET /hello")
            let responses = try await test.answers(to: good + "GET  / HTTP/1.1\r\n\r\n" + good)
            #expect(responses.map(\.status) == [200, 400])
            #expect(responses[1].closes)
            #expect(responses[1]["server"] == "problem")
        }

        @Test("a body is echoed, by length and chunked, in pieces")
        func bodies() async throws {
            let test = try TestServer()
            let client = try test.client()
            try await client.send(request("POST /echo", "Content-Length: 10", body: "01234"))
            try await Task.sleep(for: .milliseconds(5))
            try await client.send("56789")
            #expect(try await client.response().text == "0123456789")
            try await client.send(request("POST /echo", "Transfer-Encoding: chunked", body: "3\r\nabc\r\n2;x=1\r\nd"))
            try await Task.sleep(for: .milliseconds(5))
            try await client.send("e\r\n0\r\nTrailer: 1\r\n\r\n")
            #expect(try await client.response().text == "abcde")
            try await client.send(request("POST /echo"))
            #expect(try await client.response().text == "")
        }

        @Test("HTTP/1.0 closes unless asked to persist")
        func http10() async throws {
            let test = try TestServer()
            let client = try test.client()
            try await client.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            #expect(try await client.response()["connection"] == "keep-alive")
            try await client.send("GET /hello HTTP/1.0\r\n\r\n")
            let last = try await test.responses(of: client)
            #expect(last.map(\.text) == ["hello"])
            #expect(last[0].closes)
        }

        @Test("Connection: close is honoured")
        func close() async throws {
            let test = try TestServer()
            let client = try test.client()
            try await client.send(request("GET /hello", "Connection: close") + request("GET /hello"))
            let responses = try await test.responses(of: client)
            #expect(responses.count == 1)
            #expect(responses[0].closes)
        }

        @Test("100 Continue comes when the body is first asked for")
        func expectContinue() async throws {
            let test = try TestServer()
            let client = try test.client()
            try await client.send(request("POST /echo", "Expect: 100-continue", "Content-Length: 3"))
            #expect(try await client.response().status == 100)
            try await client.send("abc")
            #expect(try await client.response().text == "abc")
            try await client.send(request("GET /hello"))
            #expect(try await client.response().text == "hello")
        }

        @Test("an answer that needs no body comes instead of 100 Continue, and closes", arguments: ["/hello", "/lazy"])
        func answerInsteadOfContinue(path: String) async throws {
            let test = try TestServer()
            let client = try test.client()
            try await client.send(request("POST \(path)", "Expect: 100-continue", "Content-Length: 3"))
            let responses = try await test.responses(of: client)
            #expect(responses.map(\.status) == [200])
            #expect(responses[0].closes)
        }

        @Test("a declared body over the limit is refused without 100 Continue")
        func declaredTooLarge() async throws {
            let test = try TestServer()
            let client = try test.client()
            let over = TestHandler.echoLimit + 1
            try await client.send(request("POST /echo", "Expect: 100-continue", "Content-Length: \(over)"))
            let responses = try await test.responses(of: client)
            #expect(responses.map(\.status) == [413])
            #expect(responses[0].closes)
        }

        @Test("an unknown expectation is 417")
        func unknownExpectation() async throws {
            let test = try TestServer()
            #expect(try await test.answers(to: request("POST /echo", "Expect: miracles")).map(\.status) == [417])
        }

        @Test("a stream comes chunked, and the connection goes on")
        func stream() async throws {
            let test = try TestServer()
            let client = try test.client()
            try await client.send(request("GET /events") + request("HEAD /events") + request("GET /hello"))
            #expect(try await client.response().text == "data: 1\n\ndata: 2\n\ndata: 3\n\n")
            let head = try await client.response(toHead: true)
            #expect(head.status == 200)
            #expect(head["transfer-encoding"] == "chunked")
            #expect(head["content-length"] == nil)
            #expect(try await client.response().text == "hello")
        }

        @Test("a stream to HTTP/1.0 ends with the connection")
        func streamToHTTP10() async throws {
            let test = try TestServer()
            let client = try test.client()
            try await client.send("GET /events HTTP/1.0\r\n\r\n")
            let responses = try await test.responses(of: client)
            #expect(responses.map(\.text) == ["data: 1\n\ndata: 2\n\ndata: 3\n\n"])
            #expect(responses[0]["transfer-encoding"] == nil)
        }

        @Test("a stream that fails is cut off without its last chunk")
        func brokenStream() async throws {
            let test = try TestServer()
            let client = try test.client()
            try await client.send(request("GET /broken"))
            let bytes = try await client.readToEnd()
            #expect(String(decoding: bytes, as: UTF8.self).hasSuffix("4\r\nhalf\r\n"))
        }

        @Test("whoever answers what is no request is told where it came from")
        func refusedPeer() async throws {
            let test = try TestServer()
            #expect(try await test.answers(to: "nonsense\r\n\r\n").map(\.status) == [400])
            #expect(test.witness.value.refusedPeers == ["127.0.0.1"])
        }

        @Test("IPv6 and Unix sockets serve as well, and the socket file goes with the server")
        func otherFamilies() async throws {
            let path = "/tmp/restored-test-\(getpid()).socket"
            let test = try TestServer(addresses: [.tcp(host: "::1", port: 0), .unix(path: path)])
            let overIPv6 = try TestClient(port: test.port, host: "::1")
            try await overIPv6.send(request("GET /hello"))
            #expect(try await overIPv6.response().text == "hello")
            let overUnix = try TestClient(path: path)
            try await overUnix.send(request("GET /hello"))
            #expect(try await overUnix.response().text == "hello")
            test.server.shutdownNow()
            await eventually("the file goes") { access(path, F_OK) != 0 }
        }
    }
}
