/// Why a server could not start.
package enum ServerError: Error, Sendable, Equatable, CustomStringConvertible {
    case badConfiguration(String)
    /// A name that does not resolve, in the resolver's words.
    case unknownHost(String, reason: String)
    /// `socket`, `bind`, `listen` or another call failed.
    case systemCall(String, address: String, errno: Int32, reason: String)
    /// The process may not open as many descriptors as the connections need.
    case tooFewDescriptors(needed: Int, allowed: Int)
    case alreadyStarted

    package var description: String {
        switch self {
        case .badConfiguration(let detail): detail
        case .unknownHost(let host, let reason): "cannot resolve \(host): \(reason)"
        case .systemCall(let call, let address, _, let reason): "\(call) failed for \(address): \(reason)"
        case .tooFewDescriptors(let needed, let allowed):
            "the connection limit needs \(needed) descriptors, and the process may open \(allowed) (ulimit -n)"
        case .alreadyStarted: "the server was started already"
        }
    }
}
