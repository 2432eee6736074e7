import HTTPServer
import Testing

/// One successful call of `send`.
private struct Sending: Sendable {
    let address: Int
    let asked: Int
    let sent: Int
}

extension SystemCalls {
    /// As the kernel's, but each `send` is noted.
    fileprivate static func noting(_ sendings: Locked<[Sending]>) -> SystemCalls {
        var system = SystemCalls.live
        system.send = { descriptor, bytes, count in
            let result = SystemCalls.live.send(descriptor, bytes, count)
            let sending = Sending(address: Int(bitPattern: bytes), asked: count, sent: result)
            if result > 0 { sendings.change { $0.append(sending) } }
            return result
        }
        return system
    }
}

extension Sockets {
    @Suite("Long answers") struct LongAnswers {
        @Test("a long answer is sent from where it is, but for the beginning that goes with its head")
        func uncopied() async throws {
            let sendings = Locked<[Sending]>([])
            let test = try TestServer(system: .noting(sendings))
            let clients = try (0..<3).map { _ in try test.client() }
            for client in clients { try await client.send(request("GET /kept")) }
            for client in clients { #expect(try await client.response().body == TestHandler.kept) }
            let start = TestHandler.kept.withUnsafeBytes { Int(bitPattern: $0.baseAddress) }
            let place = start..<start + TestHandler.kept.count
            let copied = sendings.value.reduce(0) { $0 + (place.contains($1.address) ? 0 : $1.sent) }
            #expect(copied > 3 * 65536 && copied < 3 * 65536 + 3 * 1024)
            // However fast its client reads, one connection doesn't keep the others waiting.
            #expect(sendings.value.allSatisfy { $0.asked <= 1 << 20 })
        }

        @Test("a head leaves with its body, or with the beginning of a long one")
        func together() async throws {
            let sendings = Locked<[Sending]>([])
            let test = try TestServer(system: .noting(sendings))
            let client = try test.client()
            try await client.send(request("GET /hello"))
            #expect(try await client.response().text == "hello")
            await eventually("it was sent in one call") { sendings.value.count == 1 }
            try await client.send(request("GET /kept"))
            #expect(try await client.response().body.count == TestHandler.kept.count)
            #expect(sendings.value[1].asked > 65536)
            // What comes after a long answer is in order.
            try await client.send(request("GET /kept") + request("GET /hello"))
            #expect(try await client.response().body == TestHandler.kept)
            #expect(try await client.response().text == "hello")
        }

        @Test("what an answer retains lives until its last byte has left")
        func retained() async throws {
            let test = try TestServer()
            let client = try test.client(receiveBuffer: 65536)
            try await client.send(request("GET /kept"))
            await eventually("the answer begins") { client.available(limit: 1) == [UInt8(ascii: "H")] }
            try await Task.sleep(for: .milliseconds(50))
            #expect(test.witness.value.released == 0)
            await eventually("it has left") {
                _ = client.available()
                return test.witness.value.released == 1
            }
        }

        @Test("what an answer retains goes with its connection, and where there is no body to send")
        func retainedByLostAnswers() async throws {
            let test = try TestServer()
            let client = try test.client(receiveBuffer: 4096)
            try await client.send(request("GET /kept"))
            await eventually("the answer begins") { client.available(limit: 1) == [UInt8(ascii: "H")] }
            client.reset()
            await eventually("the connection lets go of it") { test.witness.value.released == 1 }
            let other = try test.client()
            try await other.send(request("HEAD /kept"))
            #expect(try await other.response(toHead: true).status == 200)
            await eventually("so does an answer without its body") { test.witness.value.released == 2 }
        }
    }
}
