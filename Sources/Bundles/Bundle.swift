package import Checkpoints
import Synchronization

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
    /// SHA-256 of `bundle.json`, and of those beside it that it names, in lower-case hexadecimal.
    package let manifestDigest: String
    private let files: [String: CheckpointBytes]
    /// Shares loops out among the threads that the bundle was loaded with.
    package let loop: ParameterReader.ParallelLoop
    private let isShared: Bool
    let account: WeightAccount

    /// Bytes as float32 of the tensors in the files that networks were built of so far.
    package var weightBytes: Int { account.bytes }

    /// Loads a folder: checks what all bundles have in `bundle.json`, maps the files that it names and compares their
    /// SHA-256.
    ///
    /// - Parameter loop: shares files, and then parts of networks, out among threads; nil for one after the other.
    /// - Throws: the first thing that is wrong.
    package static func load(
        _ directory: String, sharedBy loop: ParameterReader.ParallelLoop? = nil
    ) throws(BundleError) -> Bundle {
        try load(directory, sharedBy: loop, account: WeightAccount())
    }

    /// - Parameter account: that its networks are counted in.
    static func load(
        _ directory: String, sharedBy loop: ParameterReader.ParallelLoop?, account: WeightAccount
    ) throws(BundleError) -> Bundle {
        let (reader, digest) = try reader(in: directory)
        let manifest = try malformed { () throws(ConfigurationError) in try BundleManifest(reader) }
        let found = Mutex([Result<CheckpointBytes, BundleError>?](repeating: nil, count: manifest.files.count))
        let isShared = loop != nil
        let loop = loop ?? { count, body in for item in 0..<count { body(item) } }
        loop(manifest.files.count) { index in
            let bytes = Result { () throws(BundleError) in try checkedBytes(of: manifest.files[index], in: directory) }
            found.withLock { $0[index] = bytes }
        }
        var files: [String: CheckpointBytes] = [:]
        for case (let file, let bytes?) in zip(manifest.files, found.withLock { $0 }) { files[file.name] = try bytes.get() }
        return Bundle(
            directory: directory, manifest: manifest, configuration: reader, manifestDigest: digest, files: files, loop: loop,
            isShared: isShared, account: account)
    }

    /// Reads and checks what all bundles have in a folder's `bundle.json`; its files are not looked at.
    package static func manifest(in directory: String) throws(BundleError) -> BundleManifest {
        let (reader, _) = try reader(in: directory)
        return try malformed { () throws(ConfigurationError) in try BundleManifest(reader) }
    }

    /// How it shares loops out; nil for one item after the other.
    var sharedLoop: ParameterReader.ParallelLoop? { isShared ? loop : nil }

    /// The `bundle.json` of a folder, and the SHA-256 that stands for it and those beside it that it names.
    static func reader(in directory: String) throws(BundleError) -> (reader: ConfigurationReader, digest: String) {
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
        let reader = try malformed { () throws(ConfigurationError) in try ConfigurationReader(json: json) }
        return (reader, Neighbours.digest(FileDigest.sha256(of: bytes), of: reader, in: directory))
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

    static func malformed<Value>(
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

    private func network<Network>(
        of tensors: StateDict, precision: Precision, _ build: (ParameterReader) throws(CheckpointError) -> Network
    ) throws(CheckpointError) -> Network {
        if isShared {
            // What is wrong is told as one thread finds it, in the network's own order.
            do { return try build(ParameterReader(tensors, precision: precision, sharedBy: loop)) } catch {}
        }
        return try build(ParameterReader(tensors, precision: precision))
    }

    /// Builds a network of the tensors in the file that an object of `bundle.json` names, on the bundle's threads.
    ///
    /// - Parameters:
    ///   - precision: what its layers pack their weights for.
    ///   - choose: which of the file's tensors are meant.
    /// - Throws: `BundleError` that names the file, and what `choose` and `build` say of it.
    package func network<Network>(
        from object: ConfigurationReader, precision: Precision = .fp32,
        choosing choose: (StateDict) throws(CheckpointError) -> StateDict = { tensors in tensors },
        _ build: (ParameterReader) throws(CheckpointError) -> Network
    ) throws(BundleError) -> Network {
        let (name, bytes) = try file(of: object)
        do throws(CheckpointError) {
            let tensors = try choose(StateDict(bytes))
            let network = try network(of: tensors, precision: precision, build)
            account.add(tensors, of: directory + "/" + name)
            return network
        } catch {
            throw .checkpoint(file: name, error)
        }
    }

    /// Refuses keys and sections that nobody asked for.
    package func finish() throws(BundleError) {
        try Self.malformed { () throws(ConfigurationError) in try configuration.finish() }
    }
}

/// What the networks of a bundle were built of.
final class WeightAccount {
    private var byFile: [String: Int] = [:]

    var bytes: Int { byFile.values.reduce(0, +) }

    func add(_ dictionary: StateDict, of file: String) { byFile[file] = dictionary.bytesAsFloats }
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
