package import Checkpoints

/// A bundle in memory: what its `bundle.json` says, and its files, mapped and known to be the right ones.
///
/// It knows no kind of bundle: whoever builds a kind's networks asks for its sections and their files, then calls
/// `finish`, which refuses what nobody asked for.
///
/// Where Foundation is imported as well, its own `Bundle` makes the name ambiguous: write `Bundles.Bundle` there.
package struct Bundle {
    package let directory: String
    package let manifest: BundleManifest
    /// The whole `bundle.json`, for what is the kind's own.
    package let configuration: ConfigurationReader
    private let files: [String: CheckpointBytes]

    /// Loads a folder: checks what all bundles have in `bundle.json`, maps the files that it names and compares their
    /// SHA-256.
    ///
    /// - Throws: the first thing that is wrong.
    package static func load(_ directory: String) throws(BundleError) -> Bundle {
        let reader = try reader(in: directory)
        let manifest = try malformed { () throws(ConfigurationError) in try BundleManifest(reader) }
        var files: [String: CheckpointBytes] = [:]
        for file in manifest.files { files[file.name] = try checkedBytes(of: file, in: directory) }
        return Bundle(directory: directory, manifest: manifest, configuration: reader, files: files)
    }

    /// Reads and checks what all bundles have in a folder's `bundle.json`; its files are not looked at.
    package static func manifest(in directory: String) throws(BundleError) -> BundleManifest {
        let reader = try reader(in: directory)
        return try malformed { () throws(ConfigurationError) in try BundleManifest(reader) }
    }

    private static func reader(in directory: String) throws(BundleError) -> ConfigurationReader {
        let bytes: CheckpointBytes
        do {
            bytes = try CheckpointBytes(contentsOf: directory + "/bundle.json")
        } catch .unreadable(let reason) {
            throw .unreadable(file: directory + "/bundle.json", reason: reason)
        } catch {
            throw .malformed(ConfigurationError("is empty"))
        }
        guard bytes.count <= BundleManifest.byteLimit else {
            throw .malformed(ConfigurationError(
                "expected at most \(BundleManifest.byteLimit) bytes, found \(bytes.count)"))
        }
        let json = bytes.withBytes(in: 0..<bytes.count) { [UInt8]($0) }
        return try malformed { () throws(ConfigurationError) in try ConfigurationReader(json: json) }
    }

    private static func checkedBytes(
        of file: BundleManifest.File, in directory: String
    ) throws(BundleError) -> CheckpointBytes {
        let bytes: CheckpointBytes
        do {
            bytes = try CheckpointBytes(contentsOf: directory + "/" + file.name)
        } catch {
            throw .init(error, file: file.name)
        }
        let found = FileDigest.sha256(of: bytes)
        guard found == file.sha256 else { throw .wrongDigest(file: file.name, expected: file.sha256, found: found) }
        return bytes
    }

    private static func malformed<Value>(
        _ read: () throws(ConfigurationError) -> Value
    ) throws(BundleError) -> Value {
        do {
            return try read()
        } catch {
            throw .malformed(error)
        }
    }
}

// MARK: - What a kind asks for

extension Bundle {
    /// The section of a network, or an object within one.
    ///
    /// - Throws: where `bundle.json` has none.
    package func section(_ path: String...) throws(BundleError) -> ConfigurationReader {
        try Self.malformed { () throws(ConfigurationError) in
            var reader = configuration
            for key in path { reader = try reader.object(key) }
            return reader
        }
    }

    /// The bytes of the file that an object of `bundle.json` names by `file` and `sha256`, and its name.
    ///
    /// - Throws: where it names none.
    package func file(
        of object: ConfigurationReader
    ) throws(BundleError) -> (name: String, bytes: CheckpointBytes) {
        let file = try Self.malformed { () throws(ConfigurationError) in try BundleManifest.File(object) }
        // The bytes are the very ones whose digest was taken, so nothing can be put in between.
        guard let bytes = files[file.name] else {
            throw .malformed(object.fault("file", "\(file.name) is not among the bundle's files"))
        }
        return (file.name, bytes)
    }

    /// The tensors of one of the bundle's files.
    ///
    /// - Throws: `BundleError` that names the file.
    package func tensors(of file: BundleManifest.File) throws(BundleError) -> StateDict {
        guard let bytes = files[file.name] else {
            throw .unreadable(file: file.name, reason: "not among the bundle's files")
        }
        do throws(CheckpointError) {
            return try StateDict(bytes)
        } catch {
            throw .checkpoint(file: file.name, error)
        }
    }

    /// Builds a network of the tensors in the file that an object of `bundle.json` names.
    ///
    /// - Throws: `BundleError` that names the file, and what `build` says of it.
    package func network<Network>(
        from object: ConfigurationReader, _ build: (ParameterReader) throws(CheckpointError) -> Network
    ) throws(BundleError) -> Network {
        let (name, bytes) = try file(of: object)
        do throws(CheckpointError) {
            return try build(ParameterReader(StateDict(bytes)))
        } catch {
            throw .checkpoint(file: name, error)
        }
    }

    /// Refuses keys and sections that nobody asked for.
    package func finish() throws(BundleError) {
        try Self.malformed { () throws(ConfigurationError) in try configuration.finish() }
    }
}

extension BundleError {
    /// What a weight file's error means for its bundle.
    init(_ error: CheckpointError, file: String) {
        if case .unreadable(let reason) = error {
            self = .unreadable(file: file, reason: reason)
        } else {
            self = .checkpoint(file: file, error)
        }
    }
}
