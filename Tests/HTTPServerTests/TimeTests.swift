import Glibc
import HTTPServer
import Testing

extension Sockets {
    @Suite("Times") struct Times {
        @Test("a connection that sends nothing is closed without a word")
        func firstByte() async throws {
            let test = try TestServer { $0.limits.firstByteTime = .milliseconds(100) }
            #expect(try await test.client().readToEnd().isEmpty)
            #expect(test.witness.value.accepted.isEmpty)
        }

        @Test("an idle connection is closed without a word")
        func keepAlive() async throws {
            let test = try TestServer { $0.limits.keepAliveTime = .milliseconds(100) }
            let client = try test.client()
            try await client.send(request("GET /hello"))
            #expect(try await client.response().status == 200)
            #expect(try await client.readToEnd().isEmpty)
        }

        @Test("empty lines after a request neither begin another one nor end the wait for it")
        func emptyLinesBetween() async throws {
            let clock = Locked(Duration.seconds(1000))
            var system = SystemCalls.live
            system.now = { clock.value }
            let test = try TestServer(system: system)
            let client = try test.client()
            try await client.send(request("POST /echo", "Content-Length: 3", body: "abc") + "\r\n\r\n")
            #expect(try await client.response().text == "abc")
            clock.change { $0 += .seconds(74) }
            try await client.send(request("GET /hello"))
            #expect(try await client.response().text == "hello")
        }

        @Test("a head that drips is 408 after its time, whatever drips")
        func slowHead() async throws {
            let test = try TestServer { $0.limits.headTime = .milliseconds(200) }
            let client = try test.client()
            let dripping = Task {
                try await client.send("GET /hello HTTP/1.1\r\nHost: test\r\n")
                while !Task.isCancelled {
                    try await client.send("A: b\r\n")
                    try await Task.sleep(for: .milliseconds(10))
                }
            }
            let response = try await client.response()
            dripping.cancel()
            #expect(response.status == 408)
            #expect(response.closes)
        }

        @Test("the second of two pipelined heads has its own time")
        func slowSecondHead() async throws {
            let test = try TestServer { $0.limits.headTime = .milliseconds(100) }
            let client = try test.client()
            try await client.send(request("GET /hello") + "GET /hello HTTP/1.1\r\n")
            #expect(try await test.responses(of: client).map(\.status) == [200, 408])
        }

        @Test("a body that stalls is 408 after the grace time")
        func stalledBody() async throws {
            let test = try TestServer { $0.limits.bodyGraceTime = .milliseconds(100) }
            let client = try test.client()
            try await client.send(request("POST /echo", "Content-Length: 100", body: "abc"))
            #expect(try await test.responses(of: client).map(\.status) == [408])
            #expect(test.witness.value.bodyErrors == [.tooSlow])
        }

        @Test("a slow body is served however long it takes, while bytes come at the least rate")
        func slowBody() async throws {
            let clock = Locked(Duration.seconds(1000))
            var system = SystemCalls.live
            system.now = { clock.value }
            let test = try TestServer(system: system) { $0.limits.bodyBytesPerSecond = 1 }
            test.handler.gate.change { $0 = true }
            let client = try test.client()
            try await client.send(request("POST /slowly", "Content-Length: 1000"))
            for number in 1...10 {
                // Each piece comes 50 seconds after the one before: ten times 60 seconds of silence are allowed.
                try await client.send(String(repeating: "x", count: 100))
                await eventually("it is read") { test.witness.value.bytesRead == number * 100 }
                clock.change { $0 += .seconds(number < 10 ? 50 : 0) }
            }
            #expect(try await client.response().status == 200)
        }

        @Test("a body of which nothing comes for its time is 408, without a least rate as well")
        func silentBody() async throws {
            let test = try TestServer {
                $0.limits.bodyTime = .milliseconds(100)
                $0.limits.bodyBytesPerSecond = 0
            }
            let client = try test.client()
            try await client.send(request("POST /echo", "Content-Length: 100", body: "abc"))
            #expect(try await test.responses(of: client).map(\.status) == [408])
            #expect(test.witness.value.bodyErrors == [.tooSlow])
        }

        @Test("a body that drips below the least rate is 408")
        func drippingBody() async throws {
            let test = try TestServer {
                $0.limits.bodyGraceTime = .milliseconds(100)
                $0.limits.bodyBytesPerSecond = 1 << 20
            }
            let client = try test.client()
            let dripping = Task {
                try await client.send(request("POST /echo", "Content-Length: 100000"))
                while !Task.isCancelled {
                    try await client.send("abcdefgh")
                    try await Task.sleep(for: .milliseconds(10))
                }
            }
            let response = try await client.response()
            dripping.cancel()
            #expect(response.status == 408)
        }

        @Test("a body that no one reads for a while is not too slow, and is held back")
        func backPressure() async throws {
            let test = try TestServer {
                $0.limits.bodyGraceTime = .seconds(1)
                $0.limits.bodyTime = .seconds(20)
            }
            let client = try test.client()
            let total = 16 << 20
            let sending = Task {
                try await client.send(request("POST /slowly", "Content-Length: \(total)"))
                try await client.send([UInt8](repeating: 0x78, count: total))
            }
            await eventually("the first bytes are read") { test.witness.value.bytesRead > 0 }
            // Longer than the grace time, but time in which the service itself doesn't read.
            try await Task.sleep(for: .milliseconds(1500))
            #expect(test.witness.value.bytesRead < 1 << 20)
            test.handler.gate.change { $0 = true }
            #expect(try await client.response().status == 200)
            try await sending.value
            #expect(test.witness.value.bytesRead == total)
        }

        @Test("a client that reads nothing of its answer is cut off")
        func slowReader() async throws {
            let test = try TestServer { $0.limits.writeStallTime = .milliseconds(150) }
            let client = try test.client(receiveBuffer: 4096)
            try await client.send(request("GET /big"))
            await eventually("it is closed") { test.witness.value.closed == 1 }
        }

        @Test("a client that takes its answer in drops is cut off as well")
        func drippingReader() async throws {
            let test = try TestServer {
                $0.limits.writeStallTime = .milliseconds(300)
                $0.limits.writeBytesPerSecond = 1 << 30
            }
            let client = try test.client(receiveBuffer: 4096)
            try await client.send(request("GET /big"))
            await eventually("it is closed") {
                _ = client.available(limit: 8192)
                return test.witness.value.closed == 1
            }
        }

        @Test("a stream's producer waits for a slow client, and is told when it is cut off")
        func slowStreamReader() async throws {
            let test = try TestServer { $0.limits.writeStallTime = .milliseconds(200) }
            let client = try test.client(receiveBuffer: 4096)
            try await client.send(request("GET /flood"))
            await eventually("the producer ends") { test.witness.value.cancelled == 1 }
            #expect(test.witness.value.bytesRead < 16 << 20)
        }

        @Test("a refused client that goes on sending can still read its answer, and is let go after a while")
        func lingering() async throws {
            let test = try TestServer { $0.limits.lingeringTime = .milliseconds(300) }
            let client = try test.client()
            let sending = Task {
                try await client.send(request("POST /echo", "Content-Length: 9000000"))
                try await client.send([UInt8](repeating: 0x78, count: 9_000_000))
            }
            let response = try await client.response()
            #expect(response.status == 413)
            await eventually("it is let go") { test.witness.value.closed == 1 }
            _ = await sending.result
        }
    }
}
