import Checkpoints
import Crypto

/// What the store's server does undivided: a script beside this file, which says what it takes and gives.
enum JobScript: String, CaseIterable, Sendable {
    case accept, begin, renew, release, end, cancel, overview

    /// Its text, as the server takes it.
    var text: [UInt8] { Self.prepared[self]?.text ?? [] }

    /// The name under which the server knows it once it has seen it.
    var digest: String { Self.prepared[self]?.digest ?? "" }

    private static let prepared: [JobScript: (text: [UInt8], digest: String)] = Dictionary(
        uniqueKeysWithValues: allCases.map { script in
            let text = Array("#!lua\(script.flags)\n".utf8) + PackageResources.common_lua + script.body
            return (script, (text, Hexadecimal.text(Array(Insecure.SHA1.hash(data: text)))))
        })

    /// Where the server's memory is full no new job is taken in, but those that there are go on to their ends.
    private var flags: String { self == .accept ? "" : " flags=allow-oom" }

    private var body: [UInt8] {
        switch self {
        case .accept: PackageResources.accept_lua
        case .begin: PackageResources.begin_lua
        case .renew: PackageResources.renew_lua
        case .release: PackageResources.release_lua
        case .end: PackageResources.end_lua
        case .cancel: PackageResources.cancel_lua
        case .overview: PackageResources.overview_lua
        }
    }
}
