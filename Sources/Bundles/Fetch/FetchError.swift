/// Why weights were not fetched. What was there before is there still. `description` is one line.
package enum FetchError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A file at hand that isn't there, or can't be read.
    case unreadable(path: String, reason: String)
    case badCatalogue(path: String, reason: String)
    /// The catalogue has nothing of this name.
    case unknown(name: String, known: [String])
    case badAddress(String, reason: String)
    /// A variable holds no token.
    case badToken(variable: String)
    case cancelled
    /// `--offline`, and this is not here yet.
    case offline(file: String)
    /// No server is known to have the file.
    case noAddress(file: String, obtain: String)
    /// The server will not give it; asking again would not help.
    case refused(address: String, status: Int)
    /// No answer, or none that can be used, however often it was tried.
    case unreachable(address: String, reason: String)
    case tooManyRedirections(address: String, limit: Int)
    /// From https to http.
    case insecureRedirection(from: String, to: String)
    /// Over http from another machine, and nobody knows what the file has to be.
    case insecure(address: String, file: String)
    case wrongDigest(file: String, expected: String, found: String, source: DigestSource)
    case wrongSize(file: String, expected: Int, found: Int)
    case contradiction(file: String, reason: String)
    case overLimit(file: String, bytes: Int, limit: Int)
    case noRoom(folder: String, needed: Int, free: Int)
    case system(path: String, reason: String)
    /// The licence wants to be accepted first.
    case licence(bundle: String, terms: String)
    /// This version can't run the networks.
    case unsupported(bundle: String, reason: String)
    /// What was fetched can't be converted, or doesn't fit its configuration.
    case unfit(bundle: String, reason: String, remedy: String)

    package var description: String {
        switch self {
        case .unreadable(let path, let reason), .badCatalogue(let path, let reason): "\(path): \(reason)"
        case .unknown(let name, let known):
            "the catalogue has no \(Self.shown(name)); it has \(known.joined(separator: ", "))"
        case .badAddress(let text, let reason): "\(Self.shown(WebAddress.shown(text))) is not an address to fetch from: \(reason)"
        case .badToken(let variable): "\(variable) must hold up to 1024 visible ASCII characters without spaces"
        case .cancelled: "cancelled; what has come is kept, and the next fetch goes on from there"
        case .offline(let file): "\(file) is not here and --offline was asked for"
        case .noAddress(let file, let obtain): "no address of \(file) is known: \(obtain)"
        case .refused(let address, let status):
            "\(address) answered \(status)" + (Self.hint(status).map { ": " + $0 } ?? "")
        case .unreachable(let address, let reason): "\(address): \(reason); what has come is kept"
        case .tooManyRedirections(let address, let limit): "\(address) leads on and on: over \(limit) redirections"
        case .insecureRedirection(let from, let to): "\(from) leads to \(Self.shown(to)), which is not https"
        case .insecure(let address, let file):
            "\(Self.shown(address)) is not https, and nobody knows what \(file) has to be: "
                + "give an https address, or --sha256 \(file)=HEX"
        case .wrongDigest(let file, let expected, let found, let source):
            "\(file) is not the file that was asked for: expected SHA-256 \(expected) (\(source.words)), found \(found)"
                + (source == .recorded ? "; where it was published anew, --sha256 \(file)=\(found) takes it" : "")
        case .wrongSize(let file, let expected, let found):
            "\(file) has \(found) bytes, expected \(expected)"
        case .contradiction(let file, let reason): "\(file): \(reason)"
        case .overLimit(let file, let bytes, let limit): "\(file) would have \(bytes) bytes, at most \(limit) are taken"
        case .noRoom(let folder, let needed, let free):
            "\(folder) has \(free) bytes left and \(needed) are needed"
        case .system(let path, let reason): "\(path): \(reason)"
        case .licence(let bundle, let terms):
            "\(bundle) comes under terms that want to be accepted first, by restored weights fetch \(bundle) --accept-licence: \(terms)"
        case .unsupported(let bundle, let reason): "\(bundle) can't be run by this version: \(reason)"
        case .unfit(let bundle, let reason, let remedy):
            "what was fetched as \(bundle) can't be used: \(reason); \(remedy)"
        }
    }

    private static func hint(_ status: Int) -> String? {
        switch status {
        case 401, 403: "it wants a token, or another one (HF_TOKEN for Hugging Face)"
        case 404, 410: "the file is not there"
        default: nil
        }
    }

    /// Text from a server, fit for one line.
    private static func shown(_ text: String) -> String {
        let printable = text.unicodeScalars.prefix(200).map { (0x20...0x7E).contains($0.value) ? Character($0) : "?" }
        return String(printable)
    }
}

/// Who says what a file's SHA-256 is.
package enum DigestSource: String, Sendable, Codable {
    case catalogue
    /// `--sha256`
    case given
    /// The hub's own answer (`X-Linked-Etag`).
    case hub
    /// Nobody but an earlier fetch of this file.
    case recorded
    /// Nobody: it is what came, and is recorded.
    case firstUse = "first use"

    package var words: String {
        switch self {
        case .catalogue: "by the catalogue"
        case .given: "by --sha256"
        case .hub: "by the hub"
        case .recorded: "recorded when it was first fetched"
        case .firstUse: "as it came, now recorded"
        }
    }
}
