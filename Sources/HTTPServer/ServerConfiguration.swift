package import HTTPWire

/// Where and within which limits a server serves.
package struct ServerConfiguration: Sendable {
    /// Where it listens.
    package enum Address: Sendable, Equatable {
        /// A host name or address and a port; port 0 takes a free one, which `HTTPServer.port` tells. A name is listened
        /// for at every address that it stands for and that can be had; `::` takes IPv4 as well.
        case tcp(host: String, port: Int)
        /// A Unix domain socket at that path, for the owner and the group.
        case unix(path: String)
    }

    package var addresses: [Address] = [.tcp(host: "127.0.0.1", port: 8080)]
    package var wire = WireLimits()
    package var limits = ServerLimits()
    /// Serial queues that connections are spread over.
    package var queueCount = 2
    /// Connections that the kernel holds until they are accepted.
    package var listenBacklog = 1024

    package init() {}

    /// The first value that makes no sense, in words; nil where all do.
    package var problem: String? {
        if addresses.isEmpty { return "there must be an address to listen on" }
        for case .tcp(_, let port) in addresses where !(0...65535).contains(port) {
            return "a port must be from 0 to 65535, not \(port)"
        }
        for case .unix(let path) in addresses where !(1...107).contains(path.utf8.count) || path.utf8.contains(0) {
            return "the path of a Unix socket must be 1 to 107 bytes long, not \(path.utf8.count)"
        }
        if !(1...64).contains(queueCount) { return "queueCount must be from 1 to 64, not \(queueCount)" }
        if !(1...65535).contains(listenBacklog) { return "listenBacklog must be from 1 to 65535, not \(listenBacklog)" }
        return wire.problem ?? limits.problem
    }
}

/// Why a server could not start.
package enum ServerError: Error, Sendable, Equatable, CustomStringConvertible {
    case badConfiguration(String)
    /// A name that does not resolve, in the resolver's words.
    case unknownHost(String, reason: String)
    /// `socket`, `bind`, `listen` or another call failed.
    case systemCall(String, address: String, errno: Int32, reason: String)
    /// Not one of the addresses that a name stands for could be had, each for its own reason.
    case noneOfAddresses(String, reasons: [String])
    /// The process may not open as many descriptors as the connections need.
    case tooFewDescriptors(needed: Int, allowed: Int)
    case alreadyStarted

    package var description: String {
        switch self {
        case .badConfiguration(let detail): detail
        case .unknownHost(let host, let reason): "cannot resolve \(host): \(reason)"
        case .systemCall(let call, let address, _, let reason): "\(call) failed for \(address): \(reason)"
        case .noneOfAddresses(let name, let reasons): "cannot listen on \(name): \(reasons.joined(separator: "; "))"
        case .tooFewDescriptors(let needed, let allowed):
            "the connection limit needs \(needed) descriptors, and the process may open \(allowed) (ulimit -n)"
        case .alreadyStarted: "the server was started already"
        }
    }
}
