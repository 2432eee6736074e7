import ArgumentParser
import CSystem
import Settings

/// `restored health`: whether a service takes work. The container's own check.
struct HealthCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health", abstract: "Asks a running service whether it is ready.",
        discussion: "Exits 0 where it is, 69 where it isn't or doesn't answer.")

    @Argument(help: "What to ask; else /health/ready at RESTORED_HOST and RESTORED_PORT.")
    var url: String?

    @Option(help: "How long to wait for the answer: seconds, or such as 5s or 1m.", transform: Self.seconds)
    var timeout: Int = 5

    func validate() throws {
        if let url, !url.hasPrefix("http://") { throw ValidationError("the URL must start with http://") }
    }

    /// A duration as the service's settings take it.
    private static func seconds(_ text: String) throws -> Int {
        guard let seconds = Quantity.number(text, in: .seconds), (1...3600).contains(seconds) else {
            throw ValidationError("--timeout must be from 1s to 1h, not '\(text)'")
        }
        return seconds
    }

    func run() throws {
        let addresses = try url.map { [$0] } ?? EngineOptions.environmentConfiguration().readinessURLs
        var failures: [CommandFailure] = []
        for address in addresses {
            switch Self.status(of: address, timeout: timeout) {
            case .success(200): return try StandardOutput.printLine("ready")
            case .success(let status): throw CommandFailure(.unavailable, "\(address) answered \(status)").reported()
            case .failure(let failure): failures.append(failure)
            }
        }
        let reasons = failures.map(\.message).joined(separator: "; ")
        throw CommandFailure(failures.first?.status ?? .unavailable, reasons).reported()
    }

    /// The status of one GET, without proxies and redirects; its body is thrown away.
    private static func status(of address: String, timeout: Int) -> Result<Int, CommandFailure> {
        guard let handle = curl_easy_init() else {
            return .failure(CommandFailure(.internalFault, "libcurl can't be used"))
        }
        defer { curl_easy_cleanup(handle) }
        let discard: ccurl_write_function = { _, size, count, _ in size * count }
        let settings = [
            ccurl_set_text(handle, CURLOPT_URL, address),
            ccurl_set_text(handle, CURLOPT_PROTOCOLS_STR, "http"),
            ccurl_set_text(handle, CURLOPT_PROXY, ""),
            ccurl_set_long(handle, CURLOPT_FOLLOWLOCATION, 0),
            ccurl_set_long(handle, CURLOPT_NOSIGNAL, 1),
            ccurl_set_long(handle, CURLOPT_TIMEOUT, timeout),
            ccurl_set_writer(handle, discard, nil),
        ]
        if let code = settings.first(where: { $0 != CURLE_OK }) { return .failure(failure(address, code)) }
        let code = curl_easy_perform(handle)
        guard code == CURLE_OK else { return .failure(failure(address, code)) }
        var status = 0
        ccurl_get_status(handle, &status)
        return .success(status)
    }

    private static func failure(_ address: String, _ code: CURLcode) -> CommandFailure {
        CommandFailure(.unavailable, "\(address): \(String(cString: curl_easy_strerror(code)))")
    }
}
