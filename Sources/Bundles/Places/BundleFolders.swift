/// Where bundles are: in a folder, or in folders within one.
package enum BundleFolders {
    /// The folder itself where it has a `bundle.json`; else those right in it that have one, by name, but for names that begin
    /// with a dot: what is on its way to its place. The folder itself again where there is none, for whoever loads it to say
    /// so.
    package static func bundles(in folder: String) -> [String] {
        guard !WeightsFolder.isBundle(folder) else { return [folder] }
        let path = folder.hasSuffix("/") ? folder : folder + "/"
        let names = DirectoryListing.names(in: folder).filter { !$0.hasPrefix(".") }
        let found = names.sorted().map { path + $0 }.filter(WeightsFolder.isBundle)
        return found.isEmpty ? [folder] : found
    }

    /// Whether bundles are right in a folder, and it is none itself.
    package static func isFolderOfBundles(_ folder: String) -> Bool { bundles(in: folder) != [folder] }

    /// The same for a folder that had bundles before: where it is not there for a moment, or empty, these have not gone.
    ///
    /// - Parameter former: the folders of all bundles that there were.
    /// - Throws: `unreadable` where there is none, and there were some.
    package static func bundles(in folder: String, after former: [String]) throws(BundleError) -> [String] {
        let found = bundles(in: folder)
        let path = folder.hasSuffix("/") ? folder : folder + "/"
        guard found == [folder], !WeightsFolder.isBundle(folder), former.contains(where: { $0.hasPrefix(path) }) else {
            return found
        }
        throw .unreadable(file: folder, reason: "there were bundles in it, and now there are none")
    }
}
