import CSystem
import Glibc

/// A connection to a server, by TCP or TLS: libcurl connects, checks certificates and encrypts, and carries what bytes it
/// is given. Used by one thread at a time.
final class RedisTransport {
    private let handle: UnsafeMutableRawPointer
    let descriptor: Int32

    private static let isReady = curl_global_init(3) == CURLE_OK  // CURL_GLOBAL_ALL, a macro that Swift can't evaluate

    /// Connects. Blocks, no longer than the options say.
    ///
    /// - Throws: `RedisError.unavailable`.
    init(_ address: RedisAddress, _ options: RedisOptions) throws(RedisError) {
        guard Self.isReady, let handle = curl_easy_init() else { throw .unavailable("libcurl can't be used") }
        let reason = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
        reason.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        defer {
            // It would outlive the buffer.
            _ = ccurl_set_reason(handle, nil)
            reason.deallocate()
        }
        var code = Self.prepare(handle, address, options, reason)
        if code == CURLE_OK { code = curl_easy_perform(handle) }
        var descriptor: Int32 = -1
        if code == CURLE_OK { code = ccurl_get_socket(handle, &descriptor) }
        guard code == CURLE_OK, descriptor >= 0 else {
            let said = String(cString: reason)
            let words = said.isEmpty ? String(cString: curl_easy_strerror(code)) : said
            curl_easy_cleanup(handle)
            throw .unavailable(words)
        }
        self.handle = handle
        self.descriptor = descriptor
    }

    deinit { curl_easy_cleanup(handle) }

    private static func prepare(
        _ handle: UnsafeMutableRawPointer, _ address: RedisAddress, _ options: RedisOptions,
        _ reason: UnsafeMutablePointer<CChar>
    ) -> CURLcode {
        let host = address.host.contains(":") ? "[\(address.host)]" : address.host
        let scheme = address.usesTLS ? "https" : "http"
        var settings: [() -> CURLcode] = [
            { ccurl_set_reason(handle, reason) },
            { ccurl_set_text(handle, CURLOPT_URL, "\(scheme)://\(host):\(address.port)/") },
            { ccurl_set_text(handle, CURLOPT_PROTOCOLS_STR, scheme) },
            // Only the connection is made; not a byte of HTTP is sent.
            { ccurl_set_long(handle, CURLOPT_CONNECT_ONLY, 1) },
            { ccurl_set_long(handle, CURLOPT_SSL_ENABLE_ALPN, 0) },
            { ccurl_set_text(handle, CURLOPT_PROXY, "") },
            { ccurl_set_long(handle, CURLOPT_TCP_KEEPALIVE, 1) },
            // Signals are process-wide, and this runs beside other threads.
            { ccurl_set_long(handle, CURLOPT_NOSIGNAL, 1) },
            { ccurl_set_long(handle, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(options.connectTimeout)) },
        ]
        if let file = options.certificateFile { settings.append { ccurl_set_text(handle, CURLOPT_CAINFO, file) } }
        if let folder = options.certificateFolder { settings.append { ccurl_set_text(handle, CURLOPT_CAPATH, folder) } }
        for set in settings {
            let code = set()
            if code != CURLE_OK { return code }
        }
        return CURLE_OK
    }

    /// Sends as many bytes as go without waiting.
    ///
    /// - Returns: how many; 0 where none does now.
    func send(_ bytes: ArraySlice<UInt8>) throws(RedisError) -> Int {
        var count = 0
        let code = bytes.withUnsafeBytes { curl_easy_send(handle, $0.baseAddress, $0.count, &count) }
        switch code {
        case CURLE_OK: return count
        case CURLE_AGAIN: return 0
        default: throw Self.broken(code)
        }
    }

    /// Receives what there is.
    ///
    /// - Returns: how many bytes; nil where there is none now.
    func receive(into buffer: UnsafeMutableRawBufferPointer) throws(RedisError) -> Int? {
        var count = 0
        let code = curl_easy_recv(handle, buffer.baseAddress, buffer.count, &count)
        switch code {
        case CURLE_OK where count > 0: return count
        case CURLE_OK: throw .unavailable("the server closed the connection")
        case CURLE_AGAIN: return nil
        default: throw Self.broken(code)
        }
    }

    private static func broken(_ code: CURLcode) -> RedisError {
        .unavailable("the connection broke: \(String(cString: curl_easy_strerror(code)))")
    }

    private static func milliseconds(_ duration: Duration) -> Int {
        Int(min(max(duration / .milliseconds(1), 1), 3_600_000))
    }
}
