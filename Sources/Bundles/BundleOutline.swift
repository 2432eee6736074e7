package import Checkpoints

/// What is known of a bundle before it is loaded.
package struct BundleOutline {
    package let directory: String
    package let manifest: BundleManifest
    /// The whole `bundle.json`, for what is the kind's own.
    package let configuration: ConfigurationReader
    /// SHA-256 of `bundle.json`, and of those beside it that it names, in lower-case hexadecimal. It names the weights as well,
    /// by their digests in it.
    package let manifestDigest: String

    /// Reads `bundle.json` and no other file.
    ///
    /// - Throws: where it is missing or wrong.
    package init(_ directory: String) throws(BundleError) {
        let (reader, digest) = try Bundle.reader(in: directory)
        manifest = try Bundle.malformed { () throws(ConfigurationError) in try BundleManifest(reader) }
        self.directory = directory
        configuration = reader
        manifestDigest = digest
    }

    /// The bytes that its tensors take as float32, told without reading them, by the directories of the files; where one can't
    /// be read, by its size. What of them a recipe keeps in another form is known once it is loaded.
    ///
    /// - Parameter sections: whose files count; nil for all.
    /// - Throws: where a file isn't there.
    func ownWeightBytes(of sections: [String]? = nil) throws(BundleError) -> Int {
        let names = sections.map { Set($0.compactMap { try? configuration.object($0).text("file", upTo: 64) }) }
        var bytes = 0
        for file in manifest.files where file.hasTensors && names?.contains(file.name) ?? true {
            do throws(CheckpointError) {
                let contents = try CheckpointBytes(contentsOf: directory + "/" + file.name)
                if StateDict.isArchive(contents) {
                    bytes += (try? StateDict(contents))?.bytesAsFloats ?? contents.count
                } else {
                    bytes += try StateDict(contents).bytesAsFloats
                }
            } catch {
                throw .init(error, file: file.name)
            }
        }
        return bytes
    }
}
