/// The variables that Kubernetes sets in every container for each service of its namespace. Those of a service named
/// `restored`, or `restored-` and more, begin as the settings do: `RESTORED_PORT=tcp://10.0.0.1:8080`,
/// `RESTORED_API_SERVICE_HOST=10.0.0.1`.
package enum ServiceLink {
    /// Those among an environment's variables that would have to be settings by their names, sorted.
    package static func names(in environment: [String: String]) -> [String] {
        environment.filter { isOne($0.key, $0.value) }.map(\.key).sorted()
    }

    /// Whether both name and value are as Kubernetes makes them, so that a misspelt setting is still told.
    static func isOne(_ name: String, _ value: String) -> Bool {
        guard name.hasPrefix("RESTORED_") else { return false }
        // RESTORED_SERVICE_PORT_HTTP_METRICS, RESTORED_API_PORT_8080_TCP_ADDR: what the service is called is any words.
        let words = name.split(separator: "_", omittingEmptySubsequences: false)
        return words.indices.dropFirst().contains { isLink(words[$0...], value) }
    }

    /// Whether these are the words of a variable behind the name of its service.
    private static func isLink(_ words: ArraySlice<Substring>, _ value: String) -> Bool {
        switch (words.first, words.dropFirst().first, words.count) {
        case ("SERVICE", "HOST", 2): isAddress(value)
        // The name of the port may have several words.
        case ("SERVICE", "PORT", 2...): isPort(value)
        case ("PORT", _, 1): isURL(value)
        case ("PORT", let port?, 3...4): isPort(String(port)) && isPortDetail(words.dropFirst(2), value)
        default: false
        }
    }

    /// `TCP`, `TCP_PROTO`, `TCP_PORT` or `TCP_ADDR`, of any protocol.
    private static func isPortDetail(_ words: ArraySlice<Substring>, _ value: String) -> Bool {
        guard let transport = words.first?.lowercased(), transports.contains(transport) else { return false }
        return switch words.dropFirst().first {
        case nil: isURL(value)
        case "PROTO": value == transport
        case "PORT": isPort(value)
        case "ADDR": isAddress(value)
        default: false
        }
    }

    private static let transports = ["tcp", "udp", "sctp"]

    /// `tcp://10.0.0.1:8080`.
    private static func isURL(_ value: String) -> Bool { transports.contains { value.hasPrefix($0 + "://") } }

    private static func isPort(_ value: String) -> Bool {
        !value.isEmpty && value.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }

    /// IPv4 or IPv6 in digits.
    private static func isAddress(_ value: String) -> Bool {
        !value.isEmpty && value.unicodeScalars.allSatisfy { $0.properties.isASCIIHexDigit || $0 == "." || $0 == ":" }
    }
}
