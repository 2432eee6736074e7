package import ArgumentParser
package import Engine
import Images
import Service

/// `restored restore IN... -o OUT`.
package struct RestoreCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Restores pictures.",
        discussion: """
            OUT is a file, which takes the place of one that is there when it is whole, or a folder, which is made where OUT \
            ends in /, or where there are several pictures. They are restored together; a broken one is named, the others go \
            on, and the exit status is that of the first that failed. Links are followed; pipes and devices are written \
            through.
            """)

    @Argument(help: "JPEG or PNG files; - for standard input.")
    var inputs: [FilePath]

    @Option(name: .shortAndLong, help: "The restored picture, or a folder; - for standard output.")
    var output: FilePath

    @OptionGroup var engineOptions: EngineOptions

    @Option(help: Self.help(.steps))
    var steps: String?

    @Option(help: Self.help(.sampler))
    var sampler: String?

    @Option(help: Self.help(.seed))
    var seed: String?

    @Option(help: Self.help(.degradation))
    var degradation: String?

    @Option(help: Self.help(.prompt))
    var prompt: String?

    @Option(help: Self.help(.reference))
    var reference: FilePath?

    @Option(help: Self.help(.mode))
    var mode: String?

    @Option(help: Self.help(.rounds))
    var rounds: String?

    @Option(help: Self.help(.guidance))
    var guidance: String?

    @Option(help: Self.help(.colour))
    var colour: String?

    @Option(help: Self.help(.tile))
    var tile: String?

    @Option(help: Self.help(.overlap))
    var overlap: String?

    @Flag(help: Self.help(.force))
    var force = false

    @Option(help: "Form of the result; else by OUT's ending, and PNG in a folder, a pipe or a device.")
    var format: ImageFormat?

    @Option(help: "Quality of a JPEG, 1 to 100; else 90.")
    var quality: Int?

    @Flag(help: "Keep EXIF, XMP, IPTC and the resolution.")
    var keepMetadata = false

    @Flag(help: "Print one line of JSON a picture, in the order in which they are done.")
    var json = false

    package init() {}

    package func validate() throws {
        guard quality.map((1...100).contains) ?? true else { throw ValidationError("--quality must be from 1 to 100") }
        try InputFile.checkStandardInput(inputs + (reference.map { [$0] } ?? []))
        for output in try outputs() {
            guard try format(of: output) == .jpeg || quality == nil else {
                throw ValidationError("--quality is for JPEG, and \(output) becomes a PNG")
            }
        }
    }

    package func run() async throws { try await run(with: .standard) }

    /// - Parameter recipes: the kinds of bundles there are.
    package func run(with recipes: RecipeRegistry) async throws {
        let configuration = try engineOptions.configuration()
        let memory = configuration.makeMemoryBudget()
        let engine: any RestorationEngine
        var options: RestorationOptions
        do {
            engine = try await EngineOptions.load(configuration, pictureMemory: memory, recipes: recipes)
            options = try engine.recipe.options(reading: given)
            if let reference { options.reference = try await Self.reference(reference, limits: configuration.imageLimits) }
            try engine.recipe.check(options)
            if isFolder { try OutputPlace.makeFolder(output) }
        } catch {
            throw CommandFailure(error).reported()
        }
        let files = try zip(inputs, outputs()).map { (input: $0, output: $1, format: try format(of: $1)) }
        let failure = await restoreAll(
            files, options: options, engine: engine, limits: configuration.imageLimits, memory: memory)
        if let failure { throw ExitCode(failure.status.rawValue) }
    }

    private static func help(_ option: RestorationOption) -> ArgumentHelp { ArgumentHelp(option.help) }

    /// The options as they were written; what of them the bundle takes shows once it is loaded.
    private var given: [RestorationOption: String] {
        let texts: [RestorationOption: String?] = [
            .steps: steps, .sampler: sampler, .seed: seed, .degradation: degradation, .prompt: prompt, .mode: mode,
            .rounds: rounds, .guidance: guidance, .colour: colour, .tile: tile, .overlap: overlap,
            .force: force ? "true" : nil,
        ]
        return texts.compactMapValues { $0 }
    }

    private var isFolder: Bool { inputs.count > 1 || output.endsInSlash || OutputPlace.isFolder(output) }

    /// Where each input's result goes: distinct places, none of them an input.
    private func outputs() throws -> [FilePath] {
        guard !output.isEmpty else { throw ValidationError("--output must not be empty") }
        guard isFolder else { return try checked([output]) }
        guard !output.isStandardStream, OutputPlace.isFolder(output) || OutputPlace.isFree(output) else {
            throw ValidationError("\(output) is no folder" + (inputs.count > 1 ? ", as several pictures need" : ""))
        }
        let ending = Array((format == .jpeg ? ".jpg" : ".png").utf8)
        return try checked(inputs.map { output.appending($0.stem + ending) })
    }

    private func checked(_ outputs: [FilePath]) throws -> [FilePath] {
        // The same file may be named in many ways.
        let files = outputs.compactMap(OutputPlace.identity)
        guard Set(outputs).count == outputs.count, Set(files).count == files.count else {
            throw ValidationError("two of the pictures would have the same name in \(output)")
        }
        let sources = Set(inputs.compactMap(InputFile.identity))
        if let both = outputs.first(where: { OutputPlace.identity($0).map(sources.contains) ?? false }) {
            throw ValidationError("\(both) is one of the pictures and would be written over")
        }
        return outputs
    }

    private func format(of output: FilePath) throws -> ImageFormat {
        if let format { return format }
        switch output.ending {
        case "png": return .png
        case "jpg", "jpeg": return .jpeg
        case nil where OutputPlace.isStream(output): return .png
        default:
            throw ValidationError(
                "a result is a PNG or a JPEG: \(output) must end in .png, .jpg or .jpeg, or --format say which "
                    + "(in / for a folder)")
        }
    }
}

extension ImageFormat: ExpressibleByArgument {
    /// `jpg` is taken for `jpeg`, as the service takes it.
    package init?(argument: String) {
        self.init(rawValue: argument == "jpg" ? "jpeg" : argument)
    }
}
