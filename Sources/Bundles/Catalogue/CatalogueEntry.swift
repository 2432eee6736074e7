package import Checkpoints

/// A bundle that can be had: what it is for, under which terms, from where, and what its `bundle.json` will say.
package struct CatalogueEntry: Sendable, Equatable {
    package let name: String
    package let version: String
    /// What it takes away, in a line.
    package let restores: String
    package let licence: String
    package let trainingDataTerms: String
    /// Whether the terms want to be accepted before anything is fetched.
    package let asksForAcceptance: Bool
    /// A page about it.
    package let page: String
    /// How files that no server has under a fixed address are come by.
    package let obtain: String?
    package let files: [File]
    /// The kind's own part of `bundle.json`, in which objects name `files` without digests; nil where no version of the
    /// program runs these networks yet.
    package let bundle: JSONValue?

    package struct File: Sendable, Equatable {
        package let name: String
        /// Nil where no server has it under a fixed address.
        package let address: WebAddress?
        package let bytes: Int?
        /// Where the exact size isn't known: roughly, for people and for the look at what room there is.
        package let roughBytes: Int?
        package let sha256: String?
    }

    /// Bytes to fetch, as far as that is known.
    package var roughBytes: Int { files.reduce(0) { $0 + ($1.bytes ?? $1.roughBytes ?? 0) } }

    /// Of which recipe.
    package var kind: String? { bundle.map { $0["kind"]?.text ?? BundleManifest.defaultKind } }

    /// Where the files that have no address are come by, in a line.
    package var obtainWords: String {
        "see \(page)" + (obtain.map { ": " + $0 } ?? "") + "; then restored weights convert --as \(name) FILE..., or --url"
    }

    init(_ reader: ConfigurationReader) throws(ConfigurationError) {
        name = try reader.text("name", upTo: 64)
        guard BundleManifest.isPlain(name) else {
            throw reader.fault("name", "expected letters, digits, '.', '_' and '-'")
        }
        version = try reader.text("version", upTo: 64)
        restores = try reader.text("restores", upTo: 1_000)
        licence = try reader.text("licence", upTo: 1_000)
        trainingDataTerms = try reader.text("trainingDataTerms", upTo: 10_000)
        asksForAcceptance = try reader.flag("accept", default: false)
        page = try reader.text("page", upTo: 1_000)
        obtain = reader.has("obtain") ? try reader.text("obtain", upTo: 1_000) : nil
        files = try (reader.objectList("files") ?? []).map { file throws(ConfigurationError) in try File(file) }
        guard (1...64).contains(files.count), Set(files.map(\.name)).count == files.count else {
            throw reader.fault("files", "expected 1 to 64 files of different names")
        }
        bundle = try reader.wholeObject("bundle")
        try checkBundle(reader)
    }

    /// `bundle` names the files and no others, and makes a manifest.
    private func checkBundle(_ reader: ConfigurationReader) throws(ConfigurationError) {
        guard bundle != nil else { return }
        let unknown = String(repeating: "0", count: 64)
        do throws(ConfigurationError) {
            let document = try manifest(digests: Dictionary(uniqueKeysWithValues: files.map { ($0.name, unknown) }))
            let named = Set(try BundleManifest(ConfigurationReader(document)).files.map(\.name))
            guard named == Set(files.map(\.name)) else {
                throw ConfigurationError("names \(named.sorted().joined(separator: ", ")), expected those in files")
            }
        } catch {
            throw reader.fault("bundle", error.description)
        }
    }
}

extension CatalogueEntry {
    /// The `bundle.json` of these files.
    ///
    /// - Throws: where an object of `bundle` names a file that has no digest.
    package func manifest(digests: [String: String]) throws(ConfigurationError) -> JSONValue {
        guard let bundle else { throw ConfigurationError("there is no bundle of this entry") }
        var document = try Self.withDigests(bundle, digests)
        let texts = ["name": name, "version": version, "licence": licence, "trainingDataTerms": trainingDataTerms]
        for (key, text) in texts { document[key] = .text(text) }
        return document
    }

    private static func withDigests(
        _ value: JSONValue, _ digests: [String: String]
    ) throws(ConfigurationError) -> JSONValue {
        switch value {
        case .object(var members):
            for (key, member) in members { members[key] = try withDigests(member, digests) }
            if let file = members["file"]?.text {
                guard let digest = digests[file] else {
                    throw ConfigurationError("\(ConfigurationReader.shown(file)) is not among the files")
                }
                members["sha256"] = .text(digest)
            }
            return .object(members)
        case .list(let elements):
            return .list(try elements.map { element throws(ConfigurationError) in try withDigests(element, digests) })
        default: return value
        }
    }
}

extension CatalogueEntry.File {
    /// What the program itself writes beside them.
    private static let taken = ["bundle.json", "fetched.json", "check.safetensors", "README.md"]

    fileprivate init(_ reader: ConfigurationReader) throws(ConfigurationError) {
        name = try reader.text("file", upTo: 64)
        guard BundleManifest.isPlain(name), !Self.taken.contains(name) else {
            throw reader.fault("file", "expected a plain file name, and none of \(Self.taken.joined(separator: ", "))")
        }
        let sizes = 1...1 << 40
        bytes = try reader.optionalSize("bytes", sizes)
        roughBytes = try reader.optionalSize("rough_bytes", sizes)
        sha256 = reader.has("sha256") ? try reader.text("sha256", upTo: 64) : nil
        if let sha256, !SHA256Text.isOne(sha256) {
            throw reader.fault("sha256", "expected 64 lower-case hexadecimal digits")
        }
        guard reader.has("url") else {
            address = nil
            return
        }
        let text = try reader.text("url", upTo: WebAddress.byteLimit)
        do throws(FetchError) {
            address = try WebAddress(text)
        } catch {
            throw reader.fault("url", error.description)
        }
        // Whoever is on the way could put another file there, and nothing would tell.
        guard address?.scheme == .https || sha256 != nil else {
            throw reader.fault("url", "expected https, or a sha256 beside it")
        }
    }
}
