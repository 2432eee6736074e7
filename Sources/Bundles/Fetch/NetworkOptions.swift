import Glibc

/// How fetches behave on the network. The defaults are what `restored weights fetch` does.
package struct NetworkOptions: Sendable {
    /// Tokens by the one host that gets each, over https alone.
    package var tokens: [String: String] = [:]
    /// Certificates to trust instead of the system's: a file, a folder.
    package var certificateFile: String?
    package var certificateFolder: String?
    /// Whether proxies are taken from the environment, as libcurl does.
    package var usesProxies = true
    /// Seconds for a connection to be made.
    package var connectTimeout = 30
    /// A transfer slower than so many bytes a second for so many seconds has stalled.
    package var stallRate = 1_024
    package var stallSeconds = 30
    package var redirectionLimit = 10
    /// Further attempts that bring nothing, one after another. One that brings a share of the file begins to count anew.
    package var retries = 5
    /// Before the first further attempt; each next one waits twice as long, and up to half of that more or less.
    package var firstDelay = Duration.seconds(1)
    package var longestDelay = Duration.seconds(60)
    /// The longest that a server may ask to wait (`Retry-After`).
    package var longestRetryAfter = Duration.seconds(300)
    /// Bytes of a file.
    package var fileLimit = 64 << 30
    /// Bytes of disk that are left free.
    package var diskReserve = 64 << 20
    /// Bytes that are free where a folder is; nil where that isn't known.
    package var freeBytes: @Sendable (_ folder: String) -> Int? = { Disk.freeBytes(at: $0) }
    /// Waits; tests don't.
    package var pause: @Sendable (Duration) -> Void = Self.sleep
    /// 0..<1, by which delays are spread.
    package var random: @Sendable () -> Double = { .random(in: 0..<1) }

    package init() {}

    /// With what users of curl and of Hugging Face's own programs expect of the environment: `CURL_CA_BUNDLE`,
    /// `SSL_CERT_FILE`, `SSL_CERT_DIR`, `HF_TOKEN`. Proxies are read by libcurl itself.
    ///
    /// - Throws: where the token can't be one.
    package init(environment: [String: String]) throws(FetchError) {
        func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        certificateFile = value("CURL_CA_BUNDLE") ?? value("SSL_CERT_FILE")
        certificateFolder = value("CURL_CA_BUNDLE") == nil ? value("SSL_CERT_DIR") : nil
        guard let token = value("HF_TOKEN") else { return }
        // It becomes part of a head; what it is stays out of the message.
        guard token.utf8.count <= 1_024, token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw .badToken(variable: "HF_TOKEN")
        }
        tokens[Self.hub] = token
    }

    private static let hub = "huggingface.co"

    /// The token that this address gets; nil for none. A redirection to another host takes none along.
    package func token(for address: WebAddress) -> String? {
        address.scheme == .https ? tokens[address.host] : nil
    }

    /// How long to wait before the attempt with this number, from 1 on.
    func delay(before attempt: Int) -> Duration {
        let doubled = firstDelay * Double(1 << min(max(attempt, 1) - 1, 30))
        return min(doubled, longestDelay) * (0.5 + random())
    }
}

extension NetworkOptions {
    /// On the calling thread, however often a signal interrupts it.
    private static func sleep(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        var time = timespec(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
        var rest = timespec()
        while nanosleep(&time, &rest) != 0, errno == EINTR { time = rest }
    }
}
