import CSystem

/// One GET over libcurl. It follows no redirection and asks for no compression.
struct HTTPTransfer {
    /// Takes a piece of the body.
    typealias Sink = (UnsafeRawBufferPointer) throws(FetchError) -> Void

    /// How the answer ended.
    enum End: Equatable {
        case whole
        /// Cut off, stalled, or not even begun.
        case broken(reason: String, isWorthAnotherTry: Bool)
    }

    struct Answer {
        var head: AnswerHead
        var end: End
        /// How long the server asks to wait.
        var retryAfter: Duration?
    }

    /// Bytes of a body that nobody wants, after which the transfer is given up.
    private static let unwantedLimit = 64 << 10
    private static let isReady = curl_global_init(3) == CURLE_OK  // CURL_GLOBAL_ALL, a macro that Swift can't evaluate

    let address: WebAddress
    /// Lines such as `If-Range: "a"`.
    var fields: [String] = []
    /// Of the part that is asked for; nil for the whole file.
    var firstByte: Int?
    let network: NetworkOptions
    let isCancelled: () -> Bool

    /// - Parameter begin: called once, when the head of the answer is there; gives what takes the body, or nil where it
    ///   isn't wanted.
    /// - Throws: what `begin` or the sink throws, and `cancelled`.
    func run(_ begin: @escaping (AnswerHead) throws(FetchError) -> Sink?) throws(FetchError) -> Answer {
        guard Self.isReady, let handle = curl_easy_init() else {
            throw .unreachable(address: address.description, reason: "libcurl can't be used")
        }
        defer { curl_easy_cleanup(handle) }
        let reason = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
        reason.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        defer { reason.deallocate() }
        let receiver = Receiver(begin, isCancelled, unwantedLimit: Self.unwantedLimit)
        var list: UnsafeMutablePointer<curl_slist>?
        for field in fields { list = curl_slist_append(list, field) ?? list }
        defer { curl_slist_free_all(list) }

        var code = prepare(handle, list, reason, receiver)
        if code == CURLE_OK { code = withExtendedLifetime(receiver) { curl_easy_perform(handle) } }
        if let error = receiver.error { throw error }
        if code == CURLE_ABORTED_BY_CALLBACK { throw .cancelled }
        // A body of no bytes.
        if code == CURLE_OK { try receiver.beginOnce() }

        var seconds: curl_off_t = 0
        ccurl_get_number(handle, CURLINFO_RETRY_AFTER, &seconds)
        let said = String(cString: reason)
        let words = said.isEmpty ? String(cString: curl_easy_strerror(code)) : said
        let isWhole = code == CURLE_OK || receiver.isGivenUp
        return Answer(
            head: receiver.head,
            end: isWhole ? .whole : .broken(reason: words, isWorthAnotherTry: Self.passing.contains(code.rawValue)),
            retryAfter: seconds > 0 ? .seconds(min(seconds, 1 << 32)) : nil)
    }

    private func prepare(
        _ handle: UnsafeMutableRawPointer, _ list: UnsafeMutablePointer<curl_slist>?, _ reason: UnsafeMutablePointer<CChar>,
        _ receiver: Receiver
    ) -> CURLcode {
        let context = Unmanaged.passUnretained(receiver).toOpaque()
        var settings: [() -> CURLcode] = [
            { ccurl_set_reason(handle, reason) },
            { ccurl_set_text(handle, CURLOPT_URL, address.whole) },
            { ccurl_set_text(handle, CURLOPT_PROTOCOLS_STR, address.scheme.rawValue) },
            { ccurl_set_text(handle, CURLOPT_USERAGENT, "restored") },
            { ccurl_set_list(handle, CURLOPT_HTTPHEADER, list) },
            { ccurl_set_long(handle, CURLOPT_FOLLOWLOCATION, 0) },
            { ccurl_set_long(handle, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1) },
            // Signals are process-wide, and this runs beside other threads.
            { ccurl_set_long(handle, CURLOPT_NOSIGNAL, 1) },
            { ccurl_set_long(handle, CURLOPT_CONNECTTIMEOUT, network.connectTimeout) },
            { ccurl_set_long(handle, CURLOPT_LOW_SPEED_LIMIT, network.stallRate) },
            { ccurl_set_long(handle, CURLOPT_LOW_SPEED_TIME, network.stallSeconds) },
            { ccurl_set_writer(handle, { Receiver.at($3).take($0, $1 * $2) }, context) },
            { ccurl_set_head_reader(handle, { Receiver.at($3).takeLine($0, $1 * $2) }, context) },
            { ccurl_set_progress(handle, { context, _, _, _, _ in Receiver.at(context).mayGoOn }, context) },
        ]
        if let firstByte { settings.append { ccurl_set_text(handle, CURLOPT_RANGE, "\(firstByte)-") } }
        if !network.usesProxies { settings.append { ccurl_set_text(handle, CURLOPT_PROXY, "") } }
        if let file = network.certificateFile { settings.append { ccurl_set_text(handle, CURLOPT_CAINFO, file) } }
        if let folder = network.certificateFolder { settings.append { ccurl_set_text(handle, CURLOPT_CAPATH, folder) } }
        for set in settings {
            let code = set()
            if code != CURLE_OK { return code }
        }
        return CURLE_OK
    }

    /// What may be over the next time. A certificate that isn't trusted is none of it.
    private static let passing: Set<UInt32> = Set([
        CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT, CURLE_WEIRD_SERVER_REPLY, CURLE_HTTP2,
        CURLE_PARTIAL_FILE, CURLE_OPERATION_TIMEDOUT, CURLE_SSL_CONNECT_ERROR, CURLE_GOT_NOTHING, CURLE_SEND_ERROR,
        CURLE_RECV_ERROR, CURLE_HTTP2_STREAM,
    ].map(\.rawValue))
}

/// What libcurl calls back: on the thread of the transfer, while that lasts.
private final class Receiver {
    private(set) var head = AnswerHead()
    private(set) var error: FetchError?
    /// The rest of a body that nobody wants was not waited for.
    private(set) var isGivenUp = false
    private let begin: (AnswerHead) throws(FetchError) -> HTTPTransfer.Sink?
    private let isCancelled: () -> Bool
    private let unwantedLimit: Int
    private var unwanted = 0
    private var hasBegun = false
    private var sink: HTTPTransfer.Sink?

    init(
        _ begin: @escaping (AnswerHead) throws(FetchError) -> HTTPTransfer.Sink?, _ isCancelled: @escaping () -> Bool,
        unwantedLimit: Int
    ) {
        self.begin = begin
        self.isCancelled = isCancelled
        self.unwantedLimit = unwantedLimit
    }

    /// The one that `prepare` handed to libcurl.
    static func at(_ context: UnsafeMutableRawPointer?) -> Receiver {
        Unmanaged<Receiver>.fromOpaque(context.unsafelyUnwrapped).takeUnretainedValue()
    }

    /// Not 0 where the transfer is to end.
    var mayGoOn: Int32 { isCancelled() ? 1 : 0 }

    func takeLine(_ bytes: UnsafeMutablePointer<CChar>?, _ count: Int) -> Int {
        head.take(UnsafeRawBufferPointer(start: bytes, count: count))
        return count
    }

    /// - Returns: how many were taken; fewer end the transfer.
    func take(_ bytes: UnsafeMutablePointer<CChar>?, _ count: Int) -> Int {
        do throws(FetchError) {
            try beginOnce()
            guard let sink else {
                unwanted += count
                isGivenUp = unwanted > unwantedLimit
                return isGivenUp ? 0 : count
            }
            try sink(UnsafeRawBufferPointer(start: bytes, count: count))
            return count
        } catch {
            self.error = error
            return 0
        }
    }

    func beginOnce() throws(FetchError) {
        guard !hasBegun else { return }
        hasBegun = true
        sink = try begin(head)
    }
}
