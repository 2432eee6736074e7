package import Checkpoints

/// Bundles in folders beside another one, which names them where it makes use of them:
///
///     "classifier": {"bundle": "mini"}
enum Neighbours {
    /// What stands for a folder's name in an object of `bundle.json`.
    private static let key = "bundle"

    /// The folder that an object names.
    ///
    /// - Throws: for what is no plain name: it leads to a folder beside this one, and nowhere else.
    static func folder(_ object: ConfigurationReader, beside directory: String) throws(BundleError) -> String {
        let name = try Bundle.malformed { () throws(ConfigurationError) in try object.text(key, upTo: 64) }
        guard BundleManifest.isPlain(name) else {
            throw .malformed(object.fault(key, "expected the name of a folder beside this one"))
        }
        return folder(name, beside: directory)
    }

    private static func folder(_ name: String, beside directory: String) -> String { directory + "/../" + name }

    /// Every folder that a `bundle.json` names, each once.
    static func folders(of reader: ConfigurationReader, beside directory: String) -> [String] {
        let names = reader.allObjects.compactMap { try? $0.text(key, upTo: 64) }.filter(BundleManifest.isPlain)
        return Set(names).sorted().map { folder($0, beside: directory) }
    }

    /// The digest of a `bundle.json` together with those that stand for its neighbours' weights: where they are replaced, it
    /// is another bundle as well.
    static func digest(_ own: String, of reader: ConfigurationReader, in directory: String) -> String {
        let folders = folders(of: reader, beside: directory)
        guard !folders.isEmpty else { return own }
        let others = folders.map { folder in
            (try? CheckpointBytes(contentsOf: folder + "/bundle.json")).map(FileDigest.sha256) ?? "none"
        }
        return FileDigest.sha256(of: ([own] + others).joined(separator: "\n"))
    }
}

extension Bundle {
    /// The bundle in a folder beside this one's that an object names by `bundle`. What is built of it counts as this one's.
    ///
    /// - Throws: as `load`, and for what is no folder's plain name.
    package func neighbour(of object: ConfigurationReader) throws(BundleError) -> Bundle {
        try .load(Neighbours.folder(object, beside: directory), sharedBy: sharedLoop, account: account)
    }
}

extension BundleOutline {
    /// The same, without its weights.
    package func neighbour(of object: ConfigurationReader) throws(BundleError) -> BundleOutline {
        try BundleOutline(Neighbours.folder(object, beside: directory))
    }

    /// The bytes of its tensors as float32, and of those of its neighbours, told without reading them.
    ///
    /// - Parameter borrowed: the sections of neighbours that are made use of; nil for all.
    /// - Throws: where a file can't be read.
    package func weightBytes(borrowing borrowed: [String]? = nil) throws(BundleError) -> Int {
        var bytes = try ownWeightBytes()
        for folder in Neighbours.folders(of: configuration, beside: directory) {
            bytes += try BundleOutline(folder).ownWeightBytes(of: borrowed)
        }
        return bytes
    }
}
