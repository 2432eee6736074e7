import Checkpoints
import FoundationEssentials

/// Where a bundle's files come from: `fetched.json` in its folder.
struct FetchRecord: Codable, Equatable {
    static let name = "fetched.json"
    private static let byteLimit = 1 << 20

    /// Of the catalogue's entry.
    var bundle: String
    var version: String
    var files: [FetchedFile]

    subscript(_ file: String) -> FetchedFile? { files.first { $0.file == file } }

    init(of entry: CatalogueEntry) {
        bundle = entry.name
        version = entry.version
        files = []
    }

    /// Nil where a folder has none.
    init?(in folder: String) {
        guard let bytes = Disk.read(folder + "/" + Self.name, upTo: Self.byteLimit),
            let record = try? JSONDecoder().decode(FetchRecord.self, from: Data(bytes))
        else { return nil }
        self = record
    }

    func write(to folder: String) throws(FetchError) {
        try Disk.write(JSON.bytes(self), to: folder + "/" + Self.name)
    }

    /// With this file, in place of another of its name.
    mutating func add(_ file: FetchedFile) {
        files.removeAll { $0.file == file.file }
        files.append(file)
    }
}
