package import Checkpoints

/// Why a bundle was not loaded. `description` is one line.
package enum BundleError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What was asked for is neither a folder here nor the name of a bundle that was fetched.
    case notThere(name: String, weights: String?)
    /// There is no `bundle.json`, or it can't be read; the reason is the system's.
    case unreadable(file: String, reason: String)
    /// `bundle.json` is not what it should be.
    case malformed(ConfigurationError)
    /// A file is not the one that `bundle.json` was written for.
    case wrongDigest(file: String, expected: String, found: String)
    /// A weight file is unsound, or doesn't fit the configuration.
    case checkpoint(file: String, CheckpointError)
    /// A merges file is unsound, or has too few merges for the vocabulary.
    case merges(file: String, reason: String)

    package var description: String {
        switch self {
        case .notThere(let name, let weights):
            "there is no bundle \(name), neither a folder here nor "
                + (weights.map { "in \($0)" } ?? "fetched, for no folder of weights is known (RESTORED_WEIGHTS)")
                + "; restored weights list shows what there is"
        case .unreadable(let file, let reason): "\(file) can't be read: \(reason)"
        case .malformed(let error): "bundle.json" + (error.key.isEmpty ? ": " : ", ") + error.description
        case .wrongDigest(let file, let expected, let found):
            "\(file) is not the file of this bundle: expected SHA-256 \(expected), found \(found)"
        case .checkpoint(let file, let error): "\(file): \(error.description)"
        case .merges(let file, let reason): "\(file): \(reason)"
        }
    }
}
