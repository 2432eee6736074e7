import ArgumentParser
import Bundles

/// Which of a catalogue's files those are that a command names: by their names; by the folder that they stand in, as diffusers names
/// the files of all networks alike (`unet/diffusion_pytorch_model.safetensors` is `unet.safetensors`); or by being the one that is
/// left.
struct GivenFiles {
    private let inputs: [FilePath]

    init(_ inputs: [FilePath]) { self.inputs = inputs }

    /// The inputs by the names of an entry's files.
    ///
    /// - Throws: where that can't be told of one.
    func files(of entry: CatalogueEntry) throws -> [String: FilePath] {
        var files: [String: FilePath] = [:]
        var others: [FilePath] = []
        for input in inputs {
            guard let name = Self.name(of: input, in: entry), files[name] == nil else {
                others.append(input)
                continue
            }
            files[name] = input
        }
        guard let other = others.first else { return files }
        let missing = entry.files.filter { files[$0.name] == nil }
        let withoutAddress = missing.filter { $0.address == nil }
        let candidates = withoutAddress.isEmpty ? missing : withoutAddress
        guard others.count == 1, candidates.count == 1, let file = candidates.first else {
            throw ValidationError(
                "which file is \(other)? Expected the names \(entry.files.map(\.name).joined(separator: ", "))")
        }
        files[file.name] = other
        return files
    }

    /// Whether they are all of an entry's files that have no address.
    func complete(_ entry: CatalogueEntry) -> Bool {
        guard let files = try? files(of: entry) else { return false }
        return entry.files.allSatisfy { $0.address != nil || files[$0.name] != nil }
    }

    private static func name(of path: FilePath, in entry: CatalogueEntry) -> String? {
        let parts = path.bytes.split(separator: UInt8(ascii: "/")).suffix(2).map { String(decoding: $0, as: UTF8.self) }
        if let name = parts.last, entry.files.contains(where: { $0.name == name }) { return name }
        guard parts.count == 2 else { return nil }
        return entry.files.first { $0.name.split(separator: ".").first.map { $0 == parts[0] } ?? false }?.name
    }
}
