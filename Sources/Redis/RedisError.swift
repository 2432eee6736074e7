/// Why a command has no answer, or not the wanted one.
package enum RedisError: Error, Sendable, Equatable {
    case badAddress(String)
    /// The server can't be reached, went away, or did not answer in time. Whether it did what it was asked is not known.
    case unavailable(String)
    /// The server answered with an error, such as `OOM command not allowed when used memory > 'maxmemory'.`
    case refused(String)
    /// What came is not what the protocol has, or more than is taken.
    case malformed(String)

    /// The first word of a refusal: `OOM`, `NOSCRIPT`, `WRONGPASS`.
    package var code: Substring? {
        guard case .refused(let message) = self else { return nil }
        return message.prefix { $0 != " " }
    }

    package var reason: String {
        switch self {
        case .badAddress(let reason), .unavailable(let reason), .refused(let reason), .malformed(let reason): reason
        }
    }
}
