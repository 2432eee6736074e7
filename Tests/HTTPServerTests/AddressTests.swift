import Glibc
import HTTPServer
import Testing

extension Sockets {
    /// What a name stands for, and which of it can be had.
    @Suite("Addresses") struct Addresses {
        private func started(_ host: String, port: Int = 0) throws -> HTTPServer {
            var configuration = ServerConfiguration()
            configuration.addresses = [.tcp(host: host, port: port)]
            let server = try HTTPServer(configuration: configuration, handler: TestHandler(witness: Witness()))
            try server.start()
            return server
        }

        private func greeting(port: Int?, host: String) async throws -> String {
            let client = try TestClient(port: port, host: host)
            try await client.send(request("GET /hello"))
            return try await client.response().text
        }

        @Test(
            "localhost is both loopbacks, on one port, whatever the hosts file says",
            arguments: ["localhost", "LocalHost", "localhost."])
        func localhost(name: String) async throws {
            let server = try started(name)
            let port = try #require(server.port)
            #expect(server.addresses.sorted() == ["127.0.0.1:\(port)", "[::1]:\(port)"])
            #expect(server.unavailableAddresses.isEmpty)
            for host in ["127.0.0.1", "::1"] { #expect(try await greeting(port: port, host: host) == "hello") }
        }

        @Test("an address that is taken is left out and told of", arguments: ["127.0.0.1", "::1"])
        func partly(taken: String) async throws {
            let occupant = try started(taken)
            let port = try #require(occupant.port)
            let server = try started("localhost", port: port)
            #expect(server.addresses.count == 1 && server.addresses != occupant.addresses)
            #expect(server.unavailableAddresses.count == 1)
            let reason = try #require(server.unavailableAddresses.first).description
            #expect(reason == "bind failed for \(occupant.addresses[0]): Address already in use")
        }

        @Test("where none can be had each is named with its reason, and nothing stays open")
        func none() throws {
            let occupant = try started("localhost")
            let port = try #require(occupant.port)
            let error = #expect(throws: ServerError.self) { try started("localhost", port: port) }
            guard case .noneOfAddresses(let name, let reasons) = error else {
                Issue.record("expected noneOfAddresses, found \(String(describing: error))")
                return
            }
            #expect(name == "localhost, port \(port)")
            #expect(reasons.count == 2)
            for (address, reason) in zip(occupant.addresses, reasons) { #expect(reason.contains(address)) }
            occupant.shutdownNow()
        }

        @Test("any free port is one that is free at each address")
        func freePorts() throws {
            let servers = try (0..<20).map { _ in try started("localhost") }
            #expect(servers.allSatisfy { $0.addresses.count == 2 })
            #expect(Set(servers.compactMap(\.port)).count == servers.count)
        }

        @Test(":: takes both families with one socket")
        func everyAddress() async throws {
            let server = try started("::")
            #expect(server.addresses == ["[::]:\(try #require(server.port))"])
            for host in ["127.0.0.1", "::1"] { #expect(try await greeting(port: server.port, host: host) == "hello") }
        }

        @Test("a taken port is an error of ::, which falls back to IPv4 for want of IPv6 alone")
        func everyAddressTaken() throws {
            let occupant = try started("::1")
            #expect(throws: ServerError.self) { try started("::", port: try #require(occupant.port)) }
        }

        @Test("a name that stands for nothing is told", arguments: ["no-such-name.invalid", "1.2.3.4.5", "::g"])
        func unknown(name: String) {
            #expect {
                try started(name)
            } throws: {
                "\($0)".contains("cannot resolve \(name)")
            }
        }
    }
}
