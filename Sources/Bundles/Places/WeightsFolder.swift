import Glibc

/// The folder of bundles that were fetched or converted, each in a folder of its name.
package struct WeightsFolder: Sendable, Equatable {
    package let path: String

    package init(path: String) { self.path = path }

    /// What is set, else `restored` in `$XDG_DATA_HOME`, else in `~/.local/share`.
    ///
    /// - Parameters:
    ///   - setting: `--weights` or `RESTORED_WEIGHTS`; empty where neither is given.
    ///   - environment: for `XDG_DATA_HOME`, which counts only as an absolute path (XDG Base Directory Specification), and
    ///     `HOME`.
    /// - Returns: nil where nothing says where the user's files are.
    package init?(setting: String, environment: [String: String]) {
        if !setting.isEmpty {
            path = setting
        } else if let data = environment["XDG_DATA_HOME"], data.hasPrefix("/") {
            path = Self.joined(data, "restored")
        } else if let home = environment["HOME"], home.hasPrefix("/") {
            path = Self.joined(home, ".local/share/restored")
        } else {
            return nil
        }
    }

    /// Where the bundle of this name is, or would be.
    package func folder(of name: String) -> String { Self.joined(path, name) }

    /// Names of the bundles that are there, sorted.
    package var names: [String] {
        DirectoryListing.names(in: path).filter { BundleManifest.isPlain($0) && Self.isBundle(folder(of: $0)) }.sorted()
    }

    /// Whether a folder has a `bundle.json`.
    static func isBundle(_ folder: String) -> Bool { access(folder + "/bundle.json", F_OK) == 0 }

    private static func joined(_ folder: String, _ name: String) -> String {
        folder.hasSuffix("/") ? folder + name : folder + "/" + name
    }
}

extension WeightsFolder {
    /// The folder that a user means by `text`: a path, or the name of a bundle that was fetched.
    ///
    /// A plain word is both. A folder of that name with a `bundle.json`, below the one that the program was started in,
    /// goes first, one with folders of bundles in it last; `./NAME` is a path in any case.
    ///
    /// - Parameter weights: nil where there is no folder of weights.
    /// - Throws: `notThere` for a word that is neither. Whether a path leads to a bundle is told when it is loaded.
    package static func resolve(_ text: String, in weights: WeightsFolder?) throws(BundleError) -> String {
        guard BundleManifest.isPlain(text), !isBundle(text) else { return text }
        if let folder = weights?.folder(of: text), isBundle(folder) { return folder }
        guard BundleFolders.isFolderOfBundles(text) else { throw .notThere(name: text, weights: weights?.path) }
        return text
    }
}
