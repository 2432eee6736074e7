package import ArgumentParser
import Bundles
import Checkpoints
import Glibc
import Settings

/// `restored weights convert IN... [-o OUT]`.
package struct WeightsConvertCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
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

    @Option(help: "In place of --as: the kind of the bundle, where the catalogue has one of it that these are the files of.")
    var kind: String?

    @OptionGroup var weightsOptions: WeightsOptions
    @OptionGroup var catalogueOptions: CatalogueOptions
    @OptionGroup var flags: FetchFlags

    package init() {}

    package func validate() throws {
        guard entryName == nil || kind == nil else { throw ValidationError("either --as or --kind") }
        let entryName = entryName ?? kind
        guard entryName != nil || inputs.count == 1 else { throw ValidationError("several inputs are the files of --as NAME") }
        guard entryName == nil || output == nil else { throw ValidationError("--as puts the bundle into the folder of weights") }
        guard entryName != nil || flags.digests.isEmpty else { throw ValidationError("--sha256 is for the files of --as NAME") }
    }

    package func run() async throws {
        try await CommandFailure.reporting {
            var configuration = try weightsOptions.configuration()
            catalogueOptions.apply(to: &configuration)
            let preparation = BundlePlaces.preparation(configuration, checks: !flags.noCheck)
            if let entry = try entry(configuration) {
                // What isn't given is fetched where it has an address: the merges of a text tower, say.
                var options = try BundlePlaces.fetchOptions(configuration)
                try flags.apply(to: &options, for: entry)
                options.localFiles = try given.files(of: entry).mapValues { try $0.textualName() }
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

    private var given: GivenFiles { GivenFiles(inputs.map { FilePath(escaped: $0) }) }

    /// Of the catalogue, where one is named, or the only one of a kind; or the only one of it that the inputs are all files of.
    private func entry(_ configuration: Configuration) throws -> CatalogueEntry? {
        guard entryName != nil || kind != nil else { return nil }
        let catalogue = try BundlePlaces.catalogue(configuration)
        if let entryName { return try catalogue.entry(entryName) }
        var entries = catalogue.entries.filter { $0.kind == kind }
        let complete = entries.filter { given.complete($0) }
        if entries.count > 1, complete.count == 1 { entries = complete }
        guard let entry = entries.first, entries.count == 1 else {
            let names = entries.isEmpty ? "none" : entries.map(\.name).joined(separator: ", ")
            throw ValidationError("--kind \(kind ?? "") names one entry of the catalogue, which has \(names): --as NAME, or all files of one")
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

    /// Of a place that may not be there yet.
    private static func text(_ path: FilePath) throws -> String {
        guard String(validating: path.bytes, as: UTF8.self) != nil else {
            throw ValidationError("-o must be UTF-8")
        }
        return path.text
    }
}
