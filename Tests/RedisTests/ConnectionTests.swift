import Foundation
import Redis
import Synchronization
import TestSupport
import Testing

/// What becomes of commands when a server is not as it should be: a server of the test's own writes the bytes.
@Suite("Connections to Redis servers that misbehave")
struct RedisFaultTests {
    private static let greeting = "+OK\r\n+PONG\r\n"

    private func connect(_ server: FaultyServer, _ change: (inout RedisOptions) -> Void = { _ in }) throws -> RedisConnection {
        var options = RedisOptions()
        options.firstRetryDelay = .milliseconds(1)
        change(&options)
        let connection = RedisConnection(try RedisAddress("redis://127.0.0.1:\(server.port)"), options)
        try connection.start(name: "redis-test")
        return connection
    }

    private func failure(_ connection: RedisConnection, within: Duration = .seconds(20)) async -> RedisError? {
        do throws(RedisError) {
            _ = try await connection.send(RedisCommand("GET", "a"), within: within)
            return nil
        } catch {
            return error
        }
    }

    @Test("an answer that breaks off is no answer, and the next command goes over a new connection", arguments: [
        "", "$3\r\nab", "*2\r\n:1\r\n", "+O",
    ])
    func halfAnswer(answer: String) async throws {
        let server = try FaultyServer { number, line in
            line.send(Self.greeting)
            guard line.awaitCommand("GET") else { return }
            line.send(number == 0 ? answer : "$2\r\nok\r\n")
        }
        let connection = try connect(server)
        defer { withExtendedLifetime(server) { connection.close() } }
        guard case .unavailable = await failure(connection) else {
            Issue.record("half an answer was taken for one")
            return
        }
        await untilConnected(connection)
        #expect(try await connection.send(RedisCommand("GET", "a"), within: .seconds(20)).text == "ok")
    }

    @Test("an answer that comes too late is not taken for that to a later command")
    func lateAnswer() async throws {
        let server = try FaultyServer { number, line in
            line.send(Self.greeting)
            guard line.awaitCommand("GET") else { return }
            // The first connection's comes once the client has given up.
            if number == 0 { line.awaitEnd() }
            line.send(number == 0 ? "$4\r\nlate\r\n" : "$3\r\nnew\r\n")
            line.awaitEnd()
        }
        let connection = try connect(server)
        defer { withExtendedLifetime(server) { connection.close() } }
        await untilConnected(connection)
        guard case .unavailable = await failure(connection, within: .milliseconds(50)) else {
            Issue.record("an answer came that was not sent")
            return
        }
        await untilConnected(connection)
        #expect(try await connection.send(RedisCommand("GET", "a"), within: .seconds(20)).text == "new")
    }

    @Test("an answer over the limits, one of no known form, and one that nobody asked for end the connection", arguments: [
        "$9\r\n", "!\r\n", "$2\r\nok\r\n+more\r\n",
    ])
    func unusable(answer: String) async throws {
        let server = try FaultyServer { _, line in
            line.send(Self.greeting)
            guard line.awaitCommand("GET") else { return }
            line.send(answer)
            line.awaitEnd()
        }
        let connection = try connect(server) { $0.limits.textBytes = 8 }
        defer { withExtendedLifetime(server) { connection.close() } }
        // A connection may end for other reasons as well where many tests run at once: what counts is what is said of the answer.
        var error: RedisError?
        for _ in 0..<20 {
            await untilConnected(connection)
            error = await failure(connection)
            guard case .unavailable = error else { break }
        }
        if answer.hasPrefix("$2") {
            #expect(error == nil)
            while server.count < 2 { try await Task.sleep(for: .milliseconds(1)) }
        } else {
            guard case .malformed = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test("a server that refuses the handshake is away, for the reason that it gives")
    func refusedHandshake() async throws {
        let server = try FaultyServer { _, line in
            line.send("-ERR DB index is out of range\r\n-LOADING Redis is loading the dataset in memory\r\n")
            line.awaitEnd()
        }
        let connection = try connect(server)
        defer { withExtendedLifetime(server) { connection.close() } }
        #expect(await failure(connection) == .refused("ERR DB index is out of range"))
        #expect(!connection.isConnected)
    }

    @Test("where nobody listens, commands fail at once")
    func nobody() async throws {
        let server = try FaultyServer { _, _ in }
        server.stop()
        let connection = try connect(server)
        defer { withExtendedLifetime(server) { connection.close() } }
        guard case .unavailable = await failure(connection, within: .seconds(600)) else {
            Issue.record("somebody answered")
            return
        }
    }

    private func untilConnected(_ connection: RedisConnection) async {
        let start = ContinuousClock.now
        while !connection.isConnected {
            guard ContinuousClock.now - start < .seconds(60) else {
                Issue.record("there is no connection")
                return
            }
            try? await Task.sleep(for: .milliseconds(1))
        }
    }
}

@Suite("Connections to a Redis server", .enabled(if: RedisServer.isThere, "redis-server is not installed"))
struct RedisConnectionTests {
    @Test("texts of any bytes and sizes come back as they were, many commands at once in their order")
    func roundTrip() async throws {
        let server = try RedisServer()
        let connection = RedisConnection(try RedisAddress(server.url), RedisOptions())
        try connection.start(name: "redis-test")
        defer { connection.close() }
        let large = (0..<(3 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }
        for bytes in [[], [0, 13, 10, 255], large] {
            _ = try await connection.send(RedisCommand(["SET", "a"], bytes: [bytes]), within: .seconds(20))
            #expect(try await connection.send(RedisCommand("GET", "a"), within: .seconds(20)).bytes == bytes)
        }
        try await withThrowingTaskGroup { group in
            for number in 0..<200 {
                group.addTask {
                    let echo = try await connection.send(RedisCommand("ECHO", "\(number)"), within: .seconds(20))
                    #expect(echo.text == "\(number)")
                }
            }
            try await group.waitForAll()
        }
        let answers = try await connection.send(
            [RedisCommand("LPUSH", "a", "b"), RedisCommand("PING")], within: .seconds(20))
        #expect(answers.count == 2 && answers[1] == .status("PONG"))
        guard case .error = answers[0] else {
            Issue.record("a list was made of a text")
            return
        }
    }

    @Test("only the right password is let in", arguments: [":right@", ":wrong@", "", "default:right@", "other:right@"])
    func passwords(credentials: String) async throws {
        let server = try RedisServer(["--requirepass", "right"])
        let connection = RedisConnection(
            try RedisAddress("redis://\(credentials)127.0.0.1:\(server.port)/1"), RedisOptions())
        try connection.start(name: "redis-test")
        defer { connection.close() }
        let isRight = [":right@", "default:right@"].contains(credentials)
        do throws(RedisError) {
            let answer = try await connection.send(RedisCommand("PING"), within: .seconds(20))
            #expect(isRight && answer == .status("PONG"))
        } catch {
            #expect(!isRight && ["WRONGPASS", "NOAUTH"].contains(error.code ?? ""), "\(error)")
        }
    }

    @Test("a connection comes back after its server, and hears again what it listens to")
    func reconnecting() async throws {
        let server = try RedisServer()
        let address = try RedisAddress(server.url)
        let (messages, heard) = AsyncStream.makeStream(of: String.self)
        let (events, event) = AsyncStream.makeStream(of: RedisConnection.Event.self)
        let listener = RedisConnection(
            address, RedisOptions(), channel: "news", onMessage: { heard.yield($0) }, onEvent: { event.yield($0) })
        let speaker = RedisConnection(address, RedisOptions())
        try listener.start(name: "redis-listen")
        try speaker.start(name: "redis-test")
        defer {
            listener.close()
            speaker.close()
        }
        var (nextMessage, nextEvent) = (messages.makeAsyncIterator(), events.makeAsyncIterator())
        #expect(await nextEvent.next() == .connected)
        _ = try await speaker.send(RedisCommand("PUBLISH", "news", "one"), within: .seconds(20))
        #expect(await nextMessage.next() == "one")
        server.stop()
        guard case .lost = await nextEvent.next() else {
            Issue.record("nothing was lost")
            return
        }
        try server.start()
        #expect(await nextEvent.next() == .connected)
        while !speaker.isConnected { try await Task.sleep(for: .milliseconds(1)) }
        _ = try await speaker.send(RedisCommand("PUBLISH", "news", "two"), within: .seconds(20))
        #expect(await nextMessage.next() == "two")
    }

    @Test("over TLS a certificate that nobody vouches for is refused, and one that is given is trusted",
        .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/openssl"), "needs openssl"))
    func tls() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("restored-redis-tls-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let request = Process()
        request.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        request.currentDirectoryURL = folder
        request.standardError = FileHandle.nullDevice
        request.arguments = [
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
            "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "certificate.pem",
        ]
        try request.run()
        request.waitUntilExit()
        let certificate = folder.appendingPathComponent("certificate.pem").path
        let plain = try RedisServer()
        // A second port, for TLS alone.
        let port = plain.port == 65_535 ? plain.port - 1 : plain.port + 1
        let server = try RedisServer([
            "--tls-port", "\(port)", "--tls-cert-file", certificate, "--tls-key-file",
            folder.appendingPathComponent("key.pem").path, "--tls-auth-clients", "no", "--tls-ca-cert-file", certificate,
        ])
        defer { withExtendedLifetime((plain, server)) {} }
        let address = try RedisAddress("rediss://127.0.0.1:\(port)")
        for file in [nil, certificate] {
            var options = RedisOptions()
            options.certificateFile = file
            let connection = RedisConnection(address, options)
            try connection.start(name: "redis-tls")
            defer { connection.close() }
            do throws(RedisError) {
                let large = [UInt8](repeating: 9, count: 1 << 20)
                let echo = try await connection.send(RedisCommand(["ECHO"], bytes: [large]), within: .seconds(20))
                #expect(file != nil && echo.bytes == large)
            } catch {
                #expect(file == nil && error.reason.contains("certificate"), "\(error)")
            }
        }
    }
}
