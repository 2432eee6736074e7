import Glibc
import HTTPServer
import Testing

extension Sockets {
    @Suite("Limits, each at the limit and one past it") struct Limits {
        @Test("request line, field line, head, field count")
        func headLimits() async throws {
            let test = try TestServer {
                $0.wire.requestLineBytes = 100
                $0.wire.fieldLineBytes = 50
                $0.wire.headBytes = 400
                $0.wire.fieldCount = 5
            }
            func status(_ bytes: String) async throws -> Int? { try await test.answers(to: bytes).first?.status }
            let line = "GET /" + String(repeating: "a", count: 100 - 14)
            #expect(try await status(request(line)) == 404)
            #expect(try await status(request(line + "a")) == 414)
            let field = "A: " + String(repeating: "b", count: 47)
            #expect(try await status(request("GET /hello", field)) == 200)
            #expect(try await status(request("GET /hello", field + "b")) == 431)
            #expect(try await status(request("GET /hello", "A: 1", "A: 2", "A: 3", "A: 4")) == 200)
            #expect(try await status(request("GET /hello", "A: 1", "A: 2", "A: 3", "A: 4", "A: 5")) == 431)
        }

        @Test("a chunked body at the limit is read, one byte more is 413 and close")
        func chunkedBody() async throws {
            let test = try TestServer()
            for (count, status) in [(TestHandler.echoLimit, 200), (TestHandler.echoLimit + 1, 413)] {
                let client = try test.client()
                let size = String(count, radix: 16)
                try await client.send(
                    request("POST /echo", "Transfer-Encoding: chunked")
                        + "\(size)\r\n\(String(repeating: "x", count: count))\r\n0\r\n\r\n")
                let response = try await client.response()
                #expect(response.status == status)
                #expect(response.closes == (status == 413))
            }
        }

        @Test("a declared body at the limit is read, one byte more is 413 and close")
        func declaredBody() async throws {
            let test = try TestServer()
            for (count, status) in [(TestHandler.echoLimit, 200), (TestHandler.echoLimit + 1, 413)] {
                let client = try test.client()
                try await client.send(
                    request("POST /echo", "Content-Length: \(count)", body: String(repeating: "x", count: count)))
                let response = try await client.response()
                #expect(response.status == status)
                #expect(response.closes == (status == 413))
            }
        }

        @Test("sixteen trailers, 4 KiB in all, are read, one more is 431 and close")
        func trailers() async throws {
            let test = try TestServer()
            let many = { (count: Int) in String(repeating: "A: 1\r\n", count: count) }
            // Two bytes each for the line's end and for the empty line after it.
            let long = { (bytes: Int) in "A: " + String(repeating: "x", count: bytes - 7) + "\r\n" }
            for (trailers, status) in [(many(16), 200), (many(17), 431), (long(4096), 200), (long(4097), 431)] {
                let client = try test.client()
                try await client.send(
                    request("POST /echo", "Transfer-Encoding: chunked") + "1\r\nx\r\n0\r\n\(trailers)\r\n")
                let response = try await client.response()
                #expect(response.status == status)
                #expect(response.closes == (status == 431))
            }
        }

        @Test("an unread body up to the bound is drained and the connection goes on; a longer one closes it")
        func unreadBody() async throws {
            let test = try TestServer { $0.limits.drainedBodyBytes = 1000 }
            for framing in ["length", "chunked"] {
                for (count, goesOn) in [(1000, true), (1001, false)] {
                    let client = try test.client()
                    let body = String(repeating: "x", count: count)
                    if framing == "length" {
                        try await client.send(request("GET /hello", "Content-Length: \(count)", body: body))
                    } else {
                        let size = String(count, radix: 16)
                        try await client.send(
                            request("GET /hello", "Transfer-Encoding: chunked") + "\(size)\r\n\(body)\r\n0\r\n\r\n")
                    }
                    try await client.send(request("GET /nowhere"))
                    client.halfClose()
                    let responses = try await test.responses(of: client)
                    #expect(responses.map(\.status) == (goesOn ? [200, 404] : [200]))
                }
            }
        }

        @Test("a connection serves so many requests and says so")
        func requestsPerConnection() async throws {
            let test = try TestServer { $0.limits.requestsPerConnection = 2 }
            let client = try test.client()
            try await client.send(request("GET /hello"))
            #expect(try await client.response().closes == false)
            try await client.send(request("GET /hello"))
            let rest = try await test.responses(of: client)
            #expect(rest.map(\.closes) == [true])
        }

        @Test("connections over the limit are told 503 while all others are busy; one that ends makes room")
        func connections() async throws {
            let test = try TestServer { $0.limits.connections = 2 }
            let (first, second) = (try test.client(), try test.client())
            for client in [first, second] { try await client.send(request("GET /late")) }
            await eventually("both are busy") { test.witness.value.started == 2 }
            let third = try test.client()
            try await third.send(request("GET /hello"))
            let refused = try await test.responses(of: third)
            #expect(refused.map(\.status) == [503])
            #expect(refused[0]["server"] == "problem")
            #expect(test.witness.value.refused == 1)
            first.reset()
            await eventually("there is room") { test.server.connectionCount == 1 }
            let fourth = try test.client()
            try await fourth.send(request("GET /hello"))
            #expect(try await fourth.response().status == 200)
            test.handler.gate.change { $0 = true }
            #expect(try await second.response().text == "late")
        }

        @Test("at the limit a newcomer takes the place of the connection that has been idle longest")
        func idleMakesRoom() async throws {
            let test = try TestServer {
                $0.limits.connections = 3
                $0.limits.arrivalTime = .milliseconds(1)
                $0.queueCount = 1
            }
            let (first, second, third) = (try test.client(), try test.client(), try test.client())
            for client in [first, second, third] {
                try await client.send(request("GET /hello"))
                #expect(try await client.response().status == 200)
            }
            // Now the second has been idle longest, for the first asks again.
            try await first.send(request("GET /hello"))
            #expect(try await first.response().status == 200)
            try await Task.sleep(for: .milliseconds(10))
            let newcomer = try test.client()
            try await newcomer.send(request("GET /hello"))
            #expect(try await newcomer.response().status == 200)
            #expect(try await second.readToEnd().isEmpty)
            for client in [first, third, newcomer] {
                try await client.send(request("GET /hello"))
                #expect(try await client.response().status == 200)
            }
            #expect(test.server.connectionCount == 3)
            #expect(test.witness.value.refused == 0)
        }

        @Test("an idle connection of another queue makes room as well, and a busy one never does")
        func idleElsewhereMakesRoom() async throws {
            let test = try TestServer {
                $0.limits.connections = 2
                $0.limits.arrivalTime = .milliseconds(1)
                $0.queueCount = 2
            }
            let (busy, idle) = (try test.client(), try test.client())
            try await busy.send(request("GET /late"))
            try await idle.send(request("GET /hello"))
            #expect(try await idle.response().status == 200)
            await eventually("one is busy") { test.witness.value.started == 1 }
            // Each is idle by the time the next one comes; every other comes to the busy one's queue.
            var newcomers: [TestClient] = []
            for _ in 0..<4 {
                try await Task.sleep(for: .milliseconds(10))
                let newcomer = try test.client()
                newcomers.append(newcomer)
                try await newcomer.send(request("GET /hello"))
                #expect(try await newcomer.response().status == 200)
            }
            #expect(try await idle.readToEnd().isEmpty)
            test.handler.gate.change { $0 = true }
            #expect(try await busy.response().text == "late")
        }

        @Test("a connection between two requests that follow each other keeps its place")
        func busyKeepAlive() async throws {
            let test = try TestServer {
                $0.limits.connections = 1
                $0.limits.arrivalTime = .seconds(60)
            }
            let client = try test.client()
            try await client.send(request("GET /hello"))
            #expect(try await client.response().status == 200)
            let newcomer = try test.client()
            try await newcomer.send(request("GET /hello"))
            #expect(try await test.responses(of: newcomer).map(\.status) == [503])
            try await client.send(request("GET /hello"))
            #expect(try await client.response().status == 200)
        }

        @Test("connections that never sent anything make room once they have had time to", arguments: [true, false])
        func silentOnesMakeRoom(hadTime: Bool) async throws {
            let test = try TestServer {
                $0.limits.connections = 2
                $0.limits.firstByteTime = .seconds(60)
                $0.limits.arrivalTime = hadTime ? .milliseconds(1) : .seconds(60)
            }
            let silent = [try test.client(), try test.client()]
            await eventually("they are there") { test.witness.value.opened == 2 }
            try await Task.sleep(for: .milliseconds(5))
            let newcomer = try test.client()
            try await newcomer.send(request("GET /hello"))
            #expect(try await newcomer.response().status == (hadTime ? 200 : 503))
            if hadTime {
                await eventually("one is let go") { silent.contains { $0.available() == nil } }
            } else {
                #expect(silent.allSatisfy { $0.available() == [] })
            }
        }

        @Test("connections from one address are limited apart")
        func connectionsPerAddress() async throws {
            let test = try TestServer { $0.limits.connectionsPerAddress = 1 }
            let first = try test.client()
            try await first.send(request("GET /hello"))
            #expect(try await first.response().status == 200)
            let second = try test.client()
            #expect(try await test.responses(of: second).map(\.status) == [503])
        }

        @Test("a crowd over the limit is dropped once the refusals are too many, and a good client gets in after it")
        func crowd() async throws {
            let test = try TestServer {
                $0.limits.connections = 1
                $0.limits.lingeringTime = .milliseconds(200)
            }
            let good = try test.client()
            try await good.send(request("GET /late"))
            await eventually("it is busy") { test.witness.value.started == 1 }
            let crowd = try (0..<150).map { _ in try test.client() }
            await eventually("all are refused") { test.witness.value.refused == 150 }
            test.handler.gate.change { $0 = true }
            #expect(try await good.response().text == "late")
            try await good.send(request("GET /hello"))
            #expect(try await good.response().status == 200)
            for client in crowd { client.leave() }
        }
    }
}
