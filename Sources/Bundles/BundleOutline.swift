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

    /// About the bytes that its tensors take as float32, told without reading them: what the header of a safetensors file
    /// says, and the size of a PyTorch file, of which nothing is known before it has been read whole.
    ///
    /// - Throws: where a file can't be read.
    func ownWeightBytes() throws(BundleError) -> Int {
        var bytes = 0
        for file in manifest.files where file.hasTensors {
            do throws(CheckpointError) {
                let contents = try CheckpointBytes(contentsOf: directory + "/" + file.name)
                bytes += StateDict.isArchive(contents) ? contents.count : try StateDict(contents).bytesAsFloats
            } catch {
                throw .init(error, file: file.name)
            }
        }
        return bytes
    }
}
