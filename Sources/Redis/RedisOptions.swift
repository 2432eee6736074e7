/// How connections to a server behave.
package struct RedisOptions: Sendable {
    package var connectTimeout = Duration.seconds(2)
    /// For logging on and choosing the database.
    package var handshakeTimeout = Duration.seconds(2)
    /// Between tries to connect: the first, and the longest, to which it doubles.
    package var firstRetryDelay = Duration.milliseconds(50)
    package var longestRetryDelay = Duration.seconds(1)
    /// How often a connection that only listens asks whether the server is still there.
    package var pingInterval = Duration.seconds(5)
    package var limits = RedisLimits()
    /// Whom to trust, in place of what the system trusts.
    package var certificateFile: String?
    package var certificateFolder: String?

    package init() {}

    /// With what users of curl expect of the environment: `CURL_CA_BUNDLE`, `SSL_CERT_FILE`, `SSL_CERT_DIR`.
    package init(environment: [String: String]) {
        func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        certificateFile = value("CURL_CA_BUNDLE") ?? value("SSL_CERT_FILE")
        certificateFolder = value("CURL_CA_BUNDLE") == nil ? value("SSL_CERT_DIR") : nil
    }
}
