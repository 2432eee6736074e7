import Glibc
import HTTPServer
import Testing

extension Sockets {
    @Suite("Clients that leave") struct Leaving {
        @Test("a reset cancels the work")
        func reset() async throws {
            let test = try TestServer()
            let client = try test.client()
            try await client.send(request("GET /hang"))
            await eventually("the work starts") { test.witness.value.started == 1 }
            client.reset()
            await eventually("the work is cancelled") { test.witness.value.cancelled == 1 }
            await eventually("the connection is gone") { test.server.connectionCount == 0 }
        }

        @Test("an ordinary close cancels the work as well")
        func leave() async throws {
            let test = try TestServer()
            var client: TestClient? = try test.client()
            try await client?.send(request("GET /hang"))
            await eventually("the work starts") { test.witness.value.started == 1 }
            client = nil
            await eventually("the work is cancelled") { test.witness.value.cancelled == 1 }
        }

        @Test("a half-close does not cancel: the answer still comes")
        func halfClose() async throws {
            let test = try TestServer()
            let client = try test.client()
            try await client.send(request("GET /late"))
            client.halfClose()
            await eventually("the work starts") { test.witness.value.started == 1 }
            try await Task.sleep(for: .milliseconds(100))
            #expect(test.witness.value.cancelled == 0)
            test.handler.gate.change { $0 = true }
            let responses = try await test.responses(of: client)
            #expect(responses.last?.text == "late")
            #expect(responses.dropLast().allSatisfy { $0.status == 100 })
        }

        @Test("a half-closed HTTP/1.0 client is sent no interim answer")
        func halfCloseHTTP10() async throws {
            let test = try TestServer()
            let client = try test.client()
            try await client.send("GET /late HTTP/1.0\r\n\r\n")
            client.halfClose()
            await eventually("the work starts") { test.witness.value.started == 1 }
            try await Task.sleep(for: .milliseconds(50))
            test.handler.gate.change { $0 = true }
            #expect(try await test.responses(of: client).map(\.status) == [200])
        }

        @Test("one client's leaving does not touch another's work")
        func others() async throws {
            let test = try TestServer()
            let (leaver, stayer) = (try test.client(), try test.client())
            try await leaver.send(request("GET /hang"))
            try await stayer.send(request("GET /late"))
            await eventually("both start") { test.witness.value.started == 2 }
            leaver.reset()
            await eventually("one is cancelled") { test.witness.value.cancelled == 1 }
            test.handler.gate.change { $0 = true }
            #expect(try await stayer.response().text == "late")
            #expect(test.witness.value.cancelled == 1)
        }

        @Test("an end within the head is 400, within the body an error for its reader and 400")
        func truncation() async throws {
            let test = try TestServer()
            for request in [
                "GET /hello HT", request("POST /echo", "Content-Length: 10", body: "abc"),
                request("POST /echo", "Transfer-Encoding: chunked", body: "5\r\nab"),
            ] {
                // A half-closed client may be asked by an interim answer whether it is still there.
                let statuses = try await test.answers(to: request).map(\.status).filter { $0 != 100 }
                #expect(statuses == [400])
            }
        }

        @Test("a reset within the body ends it for its reader")
        func resetInBody() async throws {
            let test = try TestServer()
            let client = try test.client()
            try await client.send(request("POST /echo", "Content-Length: 10", body: "abc"))
            await eventually("the work starts") { test.witness.value.started == 1 }
            client.reset()
            await eventually("the reader hears of it") { test.witness.value.bodyErrors == [.disconnected] }
        }

        @Test("a stream's producer is told when its client leaves")
        func streamLeave() async throws {
            let test = try TestServer()
            var client: TestClient? = try test.client()
            try await client?.send(request("GET /flood"))
            await eventually("it flows") { test.witness.value.bytesRead > 0 }
            client = nil
            await eventually("the producer ends") { test.witness.value.cancelled == 1 }
        }
    }

    @Suite("Drain and shutdown") struct Draining {
        @Test("what is under way is answered, idle connections close, new ones are refused by the system")
        func drain() async throws {
            let test = try TestServer()
            let (idle, busy) = (try test.client(), try test.client())
            try await idle.send(request("GET /hello"))
            #expect(try await idle.response().status == 200)
            try await busy.send(request("GET /late"))
            await eventually("the work starts") { test.witness.value.started == 1 }
            async let outcome = test.server.drain(timeout: .seconds(20))
            #expect(try await idle.readToEnd().isEmpty)
            await eventually("no one is accepted") { (try? test.client()) == nil }
            test.handler.gate.change { $0 = true }
            let last = try await test.responses(of: busy)
            #expect(last.map(\.text) == ["late"])
            #expect(last[0].closes)
            #expect(await outcome.isComplete)
        }

        @Test("once a drain is announced each answer is its connection's last, idle connections stay and new ones are served")
        func announcement() async throws {
            let test = try TestServer()
            let idle = try test.client()
            try await idle.send(request("GET /hello"))
            #expect(try await idle.response().closes == false)
            test.server.announceDrain()
            let other = try test.client()
            try await other.send(request("GET /hello"))
            #expect(try await other.response().closes)
            #expect(try await other.readToEnd().isEmpty)
            try await idle.send(request("GET /hello"))
            #expect(try await idle.response().closes)
            #expect(try await idle.readToEnd().isEmpty)
        }

        @Test("what does not finish in time is counted")
        func unfinished() async throws {
            let test = try TestServer()
            let client = try test.client()
            try await client.send(request("GET /hang"))
            await eventually("the work starts") { test.witness.value.started == 1 }
            #expect(await test.server.drain(timeout: .milliseconds(50)) == DrainOutcome(unfinishedRequests: 1))
            test.server.shutdownNow()
            #expect(try await client.readToEnd().isEmpty)
        }

        @Test("shutdown closes everything at once and cancels the work")
        func shutdown() async throws {
            let test = try TestServer()
            let client = try test.client()
            try await client.send(request("GET /hang"))
            await eventually("the work starts") { test.witness.value.started == 1 }
            test.server.shutdownNow()
            #expect(try await client.readToEnd().isEmpty)
            await eventually("the work is cancelled") { test.witness.value.cancelled == 1 }
        }

        @Test("a server that is let go closes what it had")
        func release() async throws {
            var test: TestServer? = try TestServer()
            let client = try #require(try test?.client())
            test = nil
            #expect(try await client.readToEnd().isEmpty)
        }
    }
}
