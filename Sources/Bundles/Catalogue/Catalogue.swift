package import Checkpoints

/// The bundles that can be had: the one that comes with the program (`Weights/catalogue.json`), or a user's own.
package struct Catalogue: Sendable, Equatable {
    /// Bytes of a catalogue's file, and entries in it.
    package static let byteLimit = 4 << 20
    package static let entryLimit = 1_000

    /// In the order of the file.
    package let entries: [CatalogueEntry]

    /// - Throws: the first thing that is wrong, with its place.
    package init(json: [UInt8]) throws(ConfigurationError) {
        guard json.count <= Self.byteLimit else {
            throw ConfigurationError("expected at most \(Self.byteLimit) bytes, found \(json.count)")
        }
        let reader = try ConfigurationReader(json: json)
        let list = try reader.objectList("bundles") ?? []
        guard list.count <= Self.entryLimit else {
            throw reader.fault("bundles", "expected at most \(Self.entryLimit), found \(list.count)")
        }
        entries = try list.map { entry throws(ConfigurationError) in try CatalogueEntry(entry) }
        guard Set(entries.map(\.name)).count == entries.count else {
            throw reader.fault("bundles", "two have the same name")
        }
        try reader.finish()
    }

    /// Reads a file.
    package init(contentsOf path: String) throws(FetchError) {
        guard let bytes = Disk.read(path, upTo: Self.byteLimit) else {
            throw .unreadable(path: path, reason: "no file of up to \(Self.byteLimit) bytes that can be read")
        }
        do throws(ConfigurationError) {
            try self.init(json: bytes)
        } catch {
            throw .badCatalogue(path: path, reason: error.description)
        }
    }

    /// The one that comes with the program.
    package static func builtIn() throws(FetchError) -> Catalogue {
        do throws(ConfigurationError) {
            return try Catalogue(json: PackageResources.catalogue_json)
        } catch {
            throw .badCatalogue(path: "the program's own catalogue", reason: error.description)
        }
    }

    package subscript(_ name: String) -> CatalogueEntry? { entries.first { $0.name == name } }

    /// - Throws: for a name that it hasn't, with those that it has.
    package func entry(_ name: String) throws(FetchError) -> CatalogueEntry {
        guard let entry = self[name] else { throw .unknown(name: name, known: entries.map(\.name)) }
        return entry
    }
}
