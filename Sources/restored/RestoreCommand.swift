import ArgumentParser
import Engine
import Service

/// `restored restore IN... -o OUT`.
struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Restores pictures.",
        discussion: """
            With several pictures, OUT is a folder. They are restored together; a broken one is named, the others go on, and \
            the exit status is that of the first that failed.
            """)

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case png, jpeg
    }

    @Argument(help: "JPEG or PNG files.")
    var inputs: [String]

    @Option(name: .shortAndLong, help: "The restored picture, or a folder for several.")
    var output: String

    @OptionGroup var engineOptions: EngineOptions

    @Option(help: "Network evaluations, from 1 to the bundle's T; sde and ode take at least 10.")
    var steps: Int?

    @Option(help: "posterior, sde or ode.")
    var sampler: String?

    @Option(help: "Seed of the noise, for the same result again.")
    var seed: UInt64?

    @Option(help: "Labels to treat, in order, separated by commas; auto to find out.")
    var degradation: String = "auto"

    @Option(help: "Side of the tiles in pixels, 64 to 1024; else the whole picture, or what memory allows.")
    var tile: Int?

    @Option(help: "Pixels that neighbouring tiles share, at most half a tile; else 32, or half a tile.")
    var overlap: Int?

    @Flag(help: "Restore although the picture is labelled clean, as the likeliest degradation.")
    var force = false

    @Option(help: "Form of the result; else by OUT's extension, else PNG.")
    var format: Format?

    @Option(help: "Quality of a JPEG, 1 to 100; else 90.")
    var quality: Int?

    @Flag(help: "Keep the EXIF block.")
    var keepMetadata = false

    @Flag(help: "Print one line of JSON a picture, in the order in which they are done.")
    var json = false

    func validate() throws {
        guard quality.map((1...100).contains) ?? true else { throw ValidationError("--quality must be from 1 to 100") }
        guard steps.map({ $0 >= 1 }) ?? true else { throw ValidationError("--steps must be at least 1") }
        _ = try options()
        for output in try outputs() where quality != nil && !writesJPEG(output) {
            throw ValidationError("--quality is for JPEG, and \(output) becomes a PNG")
        }
    }

    func run() async throws {
        let configuration = try engineOptions.configuration()
        let loaded: LoadedEngine
        do {
            if inputs.count > 1 { try PictureFile.makeFolder(output) }
            loaded = try await EngineOptions.load(configuration)
        } catch {
            throw CommandFailure(error).reported()
        }
        let files = zip(inputs, try outputs()).map { (input: $0, output: $1) }
        let failure = await restoreAll(
            files, options: try options(loaded.choices), engine: loaded.engine, configuration: configuration)
        if let failure { throw ExitCode(failure.status.rawValue) }
    }

    /// The options, as far as they can be told without the engine.
    private func options() throws -> RestorationOptions {
        var options = RestorationOptions()
        options.seed = seed
        options.force = force
        guard tile.map(TileBounds.sides.contains) ?? true,
            overlap.map(TileBounds.overlaps(ofTile: tile).contains) ?? true
        else {
            throw ValidationError(
                "--tile must be from \(TileBounds.sides.lowerBound) to \(TileBounds.sides.upperBound), and --overlap at "
                    + "most half of it, \(TileBounds.overlaps(ofTile: tile).upperBound)")
        }
        options.tile = tile
        options.overlap = overlap
        guard let labels = CommaList.pieces(of: degradation) else {
            throw ValidationError(
                "--degradation must be auto, or labels separated by commas, none empty and none twice")
        }
        options.degradations = labels == ["auto"] ? nil : labels
        return options
    }

    private func options(_ choices: RestorationChoices) throws -> RestorationOptions {
        var options = try options()
        guard let chosen = choices.sampler(named: sampler) else {
            throw ValidationError(
                "--sampler must be one of \(choices.samplerNames.joined(separator: ", ")), not '\(sampler ?? "")'")
        }
        if let steps, !chosen.steps.contains(steps) {
            throw ValidationError(
                "--steps must be from \(chosen.steps.lowerBound) to \(chosen.steps.upperBound) with the sampler "
                    + "\(chosen.kind.rawValue), not \(steps)")
        }
        options.sampler = sampler == nil ? nil : chosen.kind
        options.steps = steps ?? (sampler == nil ? nil : chosen.defaultSteps)
        return options
    }

    /// Where each input's result goes: distinct places, none of them an input.
    private func outputs() throws -> [String] {
        let isFolder = inputs.count > 1 || PictureFile.isFolder(output)
        let outputs = inputs.map { input in
            isFolder ? "\(output)/\(PictureFile.stem(input)).\(format == .jpeg ? "jpg" : "png")" : output
        }
        guard Set(outputs).count == outputs.count else {
            throw ValidationError("two of the pictures would have the same name in \(output)")
        }
        // The same file may be named in many ways.
        let identities = Set(inputs.compactMap(PictureFile.identity))
        if let both = outputs.first(where: { PictureFile.identity($0).map(identities.contains) ?? false }) {
            throw ValidationError("\(both) is one of the pictures and would be written over")
        }
        return outputs
    }

    func writesJPEG(_ output: String) -> Bool {
        format.map { $0 == .jpeg } ?? ["jpg", "jpeg"].contains(PictureFile.pathExtension(output))
    }
}
