import Glibc
import HTTPServer
import Testing

/// What a test makes go wrong, and what the server opened and closed.
private struct Faults: Sendable {
    var failures: [Int32] = []
    var accepts = 0
    var opened: Set<Int32> = []
    var shutdowns = 0
}

extension SystemCalls {
    /// As the kernel's, but `accept` first fails with those errors, and descriptors are counted.
    fileprivate static func counting(_ faults: Locked<Faults>) -> SystemCalls {
        var system = SystemCalls.live
        system.accept = { listener in
            var failure: Int32?
            faults.change {
                $0.accepts += 1
                if !$0.failures.isEmpty { failure = $0.failures.removeFirst() }
            }
            if let failure { return .failure(errno: failure) }
            let accepted = SystemCalls.live.accept(listener)
            if case .connection(let descriptor, _) = accepted { faults.change { _ = $0.opened.insert(descriptor) } }
            return accepted
        }
        system.close = { descriptor in
            faults.change { _ = $0.opened.remove(descriptor) }
            SystemCalls.live.close(descriptor)
        }
        return system
    }
}

extension Sockets {
    @Suite("System calls that fail") struct SystemFaults {
        @Test(
            "accept goes on after each error that passes",
            arguments: [EINTR, ECONNABORTED, EPROTO, EMFILE, ENFILE, ENOBUFS, ENOMEM])
        func accept(error: Int32) async throws {
            let faults = Locked(Faults(failures: [error, error]))
            let test = try TestServer(system: .counting(faults))
            // Where descriptors ran out, one client may have been let go to keep the queue moving.
            await eventually("a client is served") {
                guard let client = try? test.client() else { return false }
                try? await client.send(request("GET /hello"))
                return (try? await client.response())?.status == 200
            }
        }

        @Test("a lack of descriptors that lasts does not spin")
        func noSpin() async throws {
            let faults = Locked(Faults(failures: [Int32](repeating: EMFILE, count: 100_000)))
            let test = try TestServer(system: .counting(faults))
            let client = try test.client()
            try await Task.sleep(for: .milliseconds(500))
            #expect(faults.value.accepts < 40)
            faults.change { $0.failures = [] }
            try await client.send(request("GET /hello"))
            #expect(try await client.response().status == 200)
        }

        @Test("reads and writes that are interrupted, short or not ready change nothing")
        func shortAndInterrupted() async throws {
            var system = SystemCalls.live
            let turn = Locked(0)
            system.receive = { descriptor, buffer, _ in
                turn.change { $0 += 1 }
                if turn.value % 3 == 0 { return -Int(EINTR) }
                if turn.value % 7 == 0 { return -Int(EAGAIN) }
                return SystemCalls.live.receive(descriptor, buffer, 1)
            }
            system.send = { descriptor, bytes, count in
                turn.change { $0 += 1 }
                if turn.value % 3 == 0 { return -Int(EINTR) }
                if turn.value % 7 == 0 { return -Int(EAGAIN) }
                return SystemCalls.live.send(descriptor, bytes, min(count, 3))
            }
            let test = try TestServer(system: system)
            let client = try test.client()
            try await client.send(
                request("POST /echo", "Content-Length: 5", body: "abcde") + request("GET /hello")
                    + request("GET /events"))
            #expect(try await client.response().text == "abcde")
            #expect(try await client.response().text == "hello")
            #expect(try await client.response().text == "data: 1\n\ndata: 2\n\ndata: 3\n\n")
        }

        @Test("a body comes to its reader in the very memory that the kernel filled", arguments: [true, false])
        func uncopiedBody(isChunked: Bool) async throws {
            let filled = Locked<[Range<UInt>]>([])
            var system = SystemCalls.live
            system.receive = { descriptor, buffer, count in
                let result = SystemCalls.live.receive(descriptor, buffer, count)
                let start = UInt(bitPattern: buffer)
                if result > 0 { filled.change { $0.append(start..<start + UInt(result)) } }
                return result
            }
            let test = try TestServer(system: system)
            test.witness.filled.change { $0 = { filled.value } }
            let client = try test.client()
            let (pieces, size) = (400, 10_000)
            if isChunked {
                try await client.send(request("POST /slowly", "Transfer-Encoding: chunked"))
            } else {
                try await client.send(request("POST /slowly", "Content-Length: \(pieces * size)"))
            }
            test.handler.gate.change { $0 = true }
            for _ in 0..<pieces {
                if isChunked { try await client.send(String(size, radix: 16) + "\r\n") }
                try await client.send([UInt8](repeating: 0x78, count: size))
                if isChunked { try await client.send("\r\n") }
            }
            if isChunked { try await client.send("0\r\n\r\n") }
            #expect(try await client.response().status == 200)
            #expect(test.witness.value.bytesRead == pieces * size)
            #expect(test.witness.value.bytesInPlace == pieces * size)
        }

        @Test("a write to a client that is gone ends the connection and nothing else", arguments: [EPIPE, ECONNRESET])
        func brokenPipe(error: Int32) async throws {
            let fails = Locked(true)
            var system = SystemCalls.live
            system.send = { descriptor, bytes, count in
                fails.value ? -Int(error) : SystemCalls.live.send(descriptor, bytes, count)
            }
            let test = try TestServer(system: system)
            let first = try test.client()
            try await first.send(request("GET /hello"))
            #expect(try await first.readToEnd().isEmpty)
            fails.change { $0 = false }
            let second = try test.client()
            try await second.send(request("GET /hello"))
            #expect(try await second.response().status == 200)
        }

        @Test("every descriptor accepted is closed, whatever its client did")
        func descriptors() async throws {
            let faults = Locked(Faults())
            let test = try TestServer(system: .counting(faults)) {
                $0.limits.firstByteTime = .milliseconds(50)
                $0.limits.headTime = .milliseconds(50)
                $0.limits.bodyGraceTime = .milliseconds(50)
                $0.limits.keepAliveTime = .milliseconds(50)
                $0.limits.lingeringTime = .milliseconds(50)
                $0.limits.writeStallTime = .milliseconds(100)
            }
            let openings = [
                "", "GET", "GET /hello HTTP/1.1\r\n", request("GET /hello"), request("GET /hang"), "garbage\r\n",
                request("GET /big"), request("POST /echo", "Content-Length: 10", body: "a"), request("GET /flood"),
                request("POST /lazy", "Content-Length: 1000000", body: "a"),
            ]
            for (index, opening) in (openings + openings + openings).enumerated() {
                let client = try test.client()
                try await client.send(opening)
                switch index / openings.count {
                case 0: client.halfClose()
                case 1: client.reset()
                default: try await Task.sleep(for: .milliseconds(5))
                }
            }
            await eventually("all are closed") { faults.value.opened.isEmpty && test.server.connectionCount == 0 }
            let value = test.witness.value
            #expect(value.opened == value.closed)
        }

        @Test("configurations that make no sense and addresses that are taken are told, in words")
        func badStarts() throws {
            var configuration = ServerConfiguration()
            configuration.limits.headTime = .zero
            let handler = TestHandler(witness: Witness())
            let problem = "headTime must be from 1 millisecond to 1 day, not 0.0 seconds"
            #expect(throws: ServerError.badConfiguration(problem)) {
                _ = try HTTPServer(configuration: configuration, handler: handler)
            }
            let test = try TestServer()
            configuration = ServerConfiguration()
            configuration.addresses = [.tcp(host: "127.0.0.1", port: try #require(test.port))]
            let second = try HTTPServer(configuration: configuration, handler: handler)
            let error = #expect(throws: ServerError.self) { try second.start() }
            guard case .systemCall("bind", _, EADDRINUSE, _) = error else {
                Issue.record("expected bind to fail: \(String(describing: error))")
                return
            }
        }
    }

    @Suite("Crowds") struct Crowds {
        @Test("a thousand idle connections cost hardly a thread, and requests still pass")
        func idleConnections() async throws {
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            limit.rlim_cur = min(limit.rlim_max, 4096)
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            try #require(limit.rlim_cur >= 2400, "the machine allows too few descriptors for this test")
            let test = try TestServer()
            let before = Self.threadCount()
            var clients: [TestClient] = []
            for _ in 0..<1000 {
                let client = try test.client()
                clients.append(client)
                try await client.send(request("GET /hello"))
            }
            for client in clients { #expect(try await client.response().status == 200) }
            #expect(test.server.connectionCount == 1000)
            #expect(Self.threadCount() - before < 16)
            for client in [clients[0], clients[999]] {
                try await client.send(request("GET /hello"))
                #expect(try await client.response().status == 200)
            }
            clients = []
            await eventually("all are gone") { test.server.connectionCount == 0 }
        }

        private static func threadCount() -> Int {
            guard let directory = opendir("/proc/self/task") else { return 0 }
            defer { closedir(directory) }
            var count = 0
            while readdir(directory) != nil { count += 1 }
            return count - 2
        }

        @Test("many clients at once each get their own answers")
        func concurrency() async throws {
            let test = try TestServer()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<40 {
                    group.addTask {
                        let client = try test.client()
                        for round in 0..<10 {
                            let body = "client \(number), round \(round)"
                            try await client.send(
                                request("POST /echo", "Content-Length: \(body.utf8.count)", body: body))
                            #expect(try await client.response().text == body)
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }
}
