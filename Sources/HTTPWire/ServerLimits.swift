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
    /// Without a byte of a body that is waited for; then 408. Time in which the server did not want any is not counted.
    package var bodyTime = Duration.seconds(60)
    /// The least rate of a body, in bytes a second, in each window as long as `bodyGraceTime` but the first; slower is
    /// 408. 0 for none.
    package var bodyBytesPerSecond = 16384
    package var bodyGraceTime = Duration.seconds(10)
    /// Without a byte of an answer taken by the client; then the connection is closed.
    package var writeStallTime = Duration.seconds(30)
    /// The least rate at which a client takes a waiting answer past `writeStallTime`, in bytes a second.
    package var writeBytesPerSecond = 1024
    /// Between two requests on a connection, as its `Keep-Alive` field tells: above the 60 seconds after which common
    /// balancers let go of a connection, so that none sends a request into one that closes here.
    package var keepAliveTime = Duration.seconds(75)
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
