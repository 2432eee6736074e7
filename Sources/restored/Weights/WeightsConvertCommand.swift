import ArgumentParser
import Bundles
import Checkpoints
import Glibc
import Settings

/// `restored weights convert IN... [-o OUT]`.
struct WeightsConvertCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert", abstract: "Converts checkpoints and bundles to safetensors.",
        discussion: """
            A bundle's folder becomes another one (-o), or is converted where it is. A checkpoint alone becomes a file (-o). With \
            --as NAME, or --kind KIND, the inputs are the files of a catalogue's entry that were come by in other ways, and the \
            bundle goes to the folder of weights. Converting once more changes nothing.
            """)

    @Argument(help: "A bundle's folder or name, a checkpoint, or with --as the files of a bundle.")
    var inputs: [String]

    @Option(name: .shortAndLong, help: "The new folder, or the new .safetensors file.")
    var output: FilePath?

    @Option(name: .customLong("as"), help: "Name of the catalogue's entry that the files are of.")
    var entryName: String?

    @Option(help: "In place of --as: the kind of the bundle, where the catalogue has one of it.")
    var kind: String?

    @OptionGroup var weightsOptions: WeightsOptions
    @OptionGroup var catalogueOptions: CatalogueOptions
    @OptionGroup var flags: FetchFlags

    func validate() throws {
        guard entryName == nil || kind == nil else { throw ValidationError("either --as or --kind") }
        let entryName = entryName ?? kind
        guard entryName != nil || inputs.count == 1 else { throw ValidationError("several inputs are the files of --as NAME") }
        guard entryName == nil || output == nil else { throw ValidationError("--as puts the bundle into the folder of weights") }
        guard entryName != nil || flags.digests.isEmpty else { throw ValidationError("--sha256 is for the files of --as NAME") }
    }

    func run() async throws {
        try await CommandFailure.reporting {
            var configuration = try weightsOptions.configuration()
            catalogueOptions.apply(to: &configuration)
            let preparation = BundlePlaces.preparation(configuration, checks: !flags.noCheck)
            if let entry = try entry(configuration) {
                // What isn't given is fetched where it has an address: the merges of a text tower, say.
                var options = try BundlePlaces.fetchOptions(configuration)
                try flags.apply(to: &options, for: entry)
                options.localFiles = try localFiles(entry)
                let fetch = BundleFetch(
                    entry, into: try BundlePlaces.weightsToChange(configuration), options: options,
                    preparation: preparation)
                return try await WeightsFetchReport.run(fetch)
            }
            let input = try Self.place(inputs[0], configuration)
            guard let status = try FileStatus.following(input) else {
                throw CommandFailure(.noInput, "\(input): \(SystemFault(number: ENOENT).reason)")
            }
            guard status.kind != .folder else {
                let conversion = BundleFolderConversion(
                    try input.textualName(), to: try output.map { try Self.text($0) }, keepsOriginal: flags.keepOriginal,
                    preparation: preparation)
                let hasChanged = try await conversion.run()
                return try StandardOutput.printLine(
                    hasChanged ? "converted: \(output ?? input)" : "\(input) is converted already")
            }
            try convertFile(input)
        }
    }

    /// Of the catalogue, where one is named.
    private func entry(_ configuration: Configuration) throws -> CatalogueEntry? {
        guard entryName != nil || kind != nil else { return nil }
        let catalogue = try BundlePlaces.catalogue(configuration)
        if let entryName { return try catalogue.entry(entryName) }
        let entries = catalogue.entries.filter { $0.kind == kind }
        guard let entry = entries.first, entries.count == 1 else {
            let names = entries.isEmpty ? "none" : entries.map(\.name).joined(separator: ", ")
            throw ValidationError("--kind \(kind ?? "") names one entry of the catalogue, which has \(names): --as NAME")
        }
        return entry
    }

    /// A plain word is a file that is here, before it is a bundle's name.
    private static func place(_ text: String, _ configuration: Configuration) throws -> FilePath {
        let path = FilePath(escaped: text)
        if let status = try FileStatus.following(path), status.kind != .folder { return path }
        return try BundlePlaces.folder(text, configuration)
    }

    private func convertFile(_ input: FilePath) throws {
        guard let output, output.ending == "safetensors" else {
            throw ValidationError("a checkpoint becomes a file: -o NAME.safetensors")
        }
        do {
            let dictionary = try StateDict(contentsOf: input.textualName())
            var tensors: [String: StoredTensor] = [:]
            for name in dictionary.names { tensors[name] = dictionary[name] }
            try SafetensorsWriter.write(tensors, metadata: dictionary.metadata, to: Self.text(output))
            try StandardOutput.printLine("\(output): \(tensors.count) tensors")
        } catch let error as CheckpointError {
            switch error {
            case .unreadable: throw CommandFailure(.noInput, "\(input): \(error)")
            case .unwritable: throw CommandFailure(.inputOutput, "\(output): \(error)")
            default: throw CommandFailure(.badData, "\(input): \(error)")
            }
        }
    }

    /// Each input by its name, or by being the one that is left.
    private func localFiles(_ entry: CatalogueEntry) throws -> [String: String] {
        var files: [String: String] = [:]
        var others: [FilePath] = []
        for input in inputs {
            let path = FilePath(escaped: input)
            let name = String(decoding: path.bytes.split(separator: UInt8(ascii: "/")).last ?? [], as: UTF8.self)
            if entry.files.contains(where: { $0.name == name }) {
                files[name] = try path.textualName()
            } else {
                others.append(path)
            }
        }
        guard let other = others.first else { return files }
        let missing = entry.files.filter { files[$0.name] == nil }
        let withoutAddress = missing.filter { $0.address == nil }
        let candidates = withoutAddress.isEmpty ? missing : withoutAddress
        guard others.count == 1, candidates.count == 1, let file = candidates.first else {
            throw ValidationError(
                "which file is \(other)? Expected the names \(entry.files.map(\.name).joined(separator: ", "))")
        }
        files[file.name] = try other.textualName()
        return files
    }

    /// Of a place that may not be there yet.
    private static func text(_ path: FilePath) throws -> String {
        guard String(validating: path.bytes, as: UTF8.self) != nil else {
            throw ValidationError("-o must be UTF-8")
        }
        return path.text
    }
}
