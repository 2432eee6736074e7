import Settings
import Testing

/// Variables that Kubernetes makes for the services of a namespace.
@Suite("Service variables")
struct ServiceLinkTests {
    /// All that Kubernetes makes for a service with two ports, one of them with a name.
    private static func variables(of service: String, address: String) -> [String: String] {
        var variables = ["SERVICE_HOST": address, "SERVICE_PORT": "80", "SERVICE_PORT_HTTP_METRICS": "80"]
        variables["PORT"] = "tcp://\(address):80"
        for (port, transport) in [("80", "tcp"), ("53", "udp"), ("9", "sctp")] {
            let name = "PORT_\(port)_\(transport.uppercased())"
            variables[name] = "\(transport)://\(address):\(port)"
            variables[name + "_PROTO"] = transport
            variables[name + "_PORT"] = port
            variables[name + "_ADDR"] = address
        }
        return Dictionary(uniqueKeysWithValues: variables.map { ("\(service)_\($0.key)", $0.value) })
    }

    @Test("none is a setting, of whichever service", arguments: [
        "RESTORED", "RESTORED_API", "RESTORED_PORT", "RESTORED_MY_SERVICE", "RESTORED_SERVICE_PORT", "RESTORED_GPU_2",
    ])
    func ignored(service: String) throws {
        for address in ["10.0.0.7", "fd00::7"] {
            let variables = Self.variables(of: service, address: address)
            #expect(try Configuration(arguments: [], environment: variables) == Configuration())
            #expect(ServiceLink.names(in: variables) == variables.keys.sorted())
        }
    }

    @Test("with them, settings keep their effect, and only they are listed")
    func settings() throws {
        let variables = Self.variables(of: "RESTORED_API", address: "10.0.0.7")
            .merging(["RESTORED_PORT": "81", "RESTORED_HOST": "10.0.0.8", "HOME": "/", "API_PORT": "tcp://10.0.0.1:1"]) { $1 }
        let configuration = try Configuration(arguments: [], environment: variables)
        #expect((configuration.port, configuration.host) == (81, "10.0.0.8"))
        #expect(ServiceLink.names(in: variables).allSatisfy { $0.hasPrefix("RESTORED_API_") })
    }

    @Test("what is nearly one is a misspelt setting, and named", arguments: [
        ("RESTORED_API_PORT", "80"), ("RESTORED_API_PORT", "http://10.0.0.1:80"), ("RESTORED_PORTS", "tcp://10.0.0.1:80"),
        ("RESTORED_API_SERVICE_HOST", "localhost"), ("RESTORED_API_SERVICE_HOST", ""), ("RESTORED_API_HOST", "10.0.0.1"),
        ("RESTORED_API_SERVICE_PORT", "x"), ("RESTORED_PORT_X_TCP", "tcp://10.0.0.1:80"), ("RESTORED_PORT_80", "80"),
        ("RESTORED_PORT_80_TCP_ADDRESS", "10.0.0.1"), ("RESTORED_PORT_80_ICMP_PORT", "80"), ("RESTORED_SERVICE", "x"),
        ("RESTORED_PORT_80_TCP_PROTO", "udp"), ("RESTORED_", ""), ("RESTORED_API", "10.0.0.1"), ("RESTORED_PORT", "8080x"),
    ])
    func misspelt(name: String, value: String) {
        #expect {
            try Configuration(arguments: [], environment: [name: value])
        } throws: {
            "\($0)".contains(name)
        }
        #expect(ServiceLink.names(in: [name: value]).isEmpty)
    }
}
