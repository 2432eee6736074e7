package import HTTPWire

/// Where and within which limits a server serves.
package struct ServerConfiguration: Sendable {
    /// Where it listens.
    package enum Address: Sendable, Equatable {
        /// A host name or address and a port; port 0 takes a free one, which `HTTPServer.port` tells.
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

/// Limits of connections: counts, bytes and times. Each is inclusive.
package struct ServerLimits: Sendable, Equatable {
    /// Connections open at a time; one more takes the place of an idle one, or is answered 503 and closed.
    package var connections = 1024
    /// Connections open at a time from one address; nil for no limit. One more is answered 503 and closed.
    package var connectionsPerAddress: Int?
    /// Requests served over one connection.
    package var requestsPerConnection = 1000
    /// From the connection to the first byte of its first request; then it is closed.
    package var firstByteTime = Duration.seconds(10)
    /// How long a connection that has sent nothing yet is not taken for an idle one, whose place another may have: its
    /// first bytes may be on their way.
    package var arrivalTime = Duration.seconds(1)
    /// From the first byte of a head to its last, however the bytes drip; then 408.
    package var headTime = Duration.seconds(10)
    /// Spent waiting for bytes of one body; then 408. Time in which the server did not want any is not counted.
    package var bodyTime = Duration.seconds(60)
    /// The least rate of a body past `bodyGraceTime`, in bytes a second; slower is 408.
    package var bodyBytesPerSecond = 1024
    package var bodyGraceTime = Duration.seconds(5)
    /// Without a byte of an answer taken by the client; then the connection is closed.
    package var writeStallTime = Duration.seconds(30)
    /// The least rate at which a client takes a waiting answer past `writeStallTime`, in bytes a second.
    package var writeBytesPerSecond = 1024
    /// Between two requests on a connection.
    package var keepAliveTime = Duration.seconds(30)
    /// How long and for how many bytes a connection about to close still takes what the client sends, so that the
    /// client can read its answer before the connection is reset.
    package var lingeringTime = Duration.seconds(2)
    package var lingeringBytes = 65536
    /// Up to how many bytes of a body that no one reads are taken so that the connection can go on.
    package var drainedBodyBytes = 65536
    /// How long, in a drain, a fresh connection has to send its first byte.
    package var drainFirstByteTime = Duration.seconds(1)
    /// How often the times above are looked at.
    package var timerTick = Duration.milliseconds(250)

    package init() {}

    /// The first limit that makes no sense, in words; nil where all do.
    package var problem: String? {
        let counts: [(String, Int)] = [
            ("connections", connections), ("connectionsPerAddress", connectionsPerAddress ?? 1),
            ("requestsPerConnection", requestsPerConnection),
        ]
        for (name, value) in counts where !(1...1_000_000).contains(value) {
            return "\(name) must be from 1 to 1000000, not \(value)"
        }
        let amounts: [(String, Int)] = [
            ("bodyBytesPerSecond", bodyBytesPerSecond), ("writeBytesPerSecond", writeBytesPerSecond),
            ("lingeringBytes", lingeringBytes), ("drainedBodyBytes", drainedBodyBytes),
        ]
        for (name, value) in amounts where !(0...(1 << 30)).contains(value) {
            return "\(name) must be from 0 to \(1 << 30), not \(value)"
        }
        let times: [(String, Duration)] = [
            ("firstByteTime", firstByteTime), ("arrivalTime", arrivalTime), ("headTime", headTime),
            ("bodyTime", bodyTime), ("bodyGraceTime", bodyGraceTime), ("writeStallTime", writeStallTime),
            ("keepAliveTime", keepAliveTime), ("lingeringTime", lingeringTime),
            ("drainFirstByteTime", drainFirstByteTime), ("timerTick", timerTick),
        ]
        for (name, value) in times where value < .milliseconds(1) || value > .seconds(86_400) {
            return "\(name) must be from 1 millisecond to 1 day, not \(value)"
        }
        return nil
    }
}

extension Duration {
    /// In nanoseconds; for durations that `ServerLimits.problem` has let pass.
    var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (product, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max : product &+ UInt64(attoseconds / 1_000_000_000)
    }
}
