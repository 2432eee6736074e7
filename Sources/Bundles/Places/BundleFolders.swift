/// Where bundles are: in a folder, or in folders within one.
package enum BundleFolders {
    /// The folder itself where it has a `bundle.json`; else those right in it that have one, by name. The folder itself
    /// again where there is none, for whoever loads it to say so.
    package static func bundles(in folder: String) -> [String] {
        guard !WeightsFolder.isBundle(folder) else { return [folder] }
        let path = folder.hasSuffix("/") ? folder : folder + "/"
        let names = DirectoryListing.names(in: folder).filter { !$0.hasPrefix(".") }
        let found = names.sorted().map { path + $0 }.filter(WeightsFolder.isBundle)
        return found.isEmpty ? [folder] : found
    }
}
