package import ArgumentParser
package import Engine
import Images
import Service

/// `restored restore IN... -o OUT`.
package struct RestoreCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Restores pictures.",
        discussion: """
            With several pictures, OUT is a folder. They are restored together; a broken one is named, the others go on, and \
            the exit status is that of the first that failed.
            """)

    @Argument(help: "JPEG or PNG files.")
    var inputs: [String]

    @Option(name: .shortAndLong, help: "The restored picture, or a folder for several.")
    var output: String

    @OptionGroup var engineOptions: EngineOptions

    @Option(help: Self.help(.steps))
    var steps: String?

    @Option(help: Self.help(.sampler))
    var sampler: String?

    @Option(help: Self.help(.seed))
    var seed: String?

    @Option(help: Self.help(.degradation))
    var degradation: String?

    @Option(help: Self.help(.rounds))
    var rounds: String?

    @Option(help: Self.help(.tile))
    var tile: String?

    @Option(help: Self.help(.overlap))
    var overlap: String?

    @Flag(help: Self.help(.force))
    var force = false

    @Option(help: "Form of the result; else by OUT's extension, else PNG.")
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
        for output in try outputs() where quality != nil && format(of: output) != .jpeg {
            throw ValidationError("--quality is for JPEG, and \(output) becomes a PNG")
        }
    }

    package func run() async throws { try await run(with: .standard) }

    /// - Parameter recipes: the kinds of bundles there are.
    package func run(with recipes: RecipeRegistry) async throws {
        let configuration = try engineOptions.configuration()
        let memory = configuration.makeMemoryBudget()
        let engine: any RestorationEngine
        let options: RestorationOptions
        do {
            if inputs.count > 1 { try PictureFile.makeFolder(output) }
            engine = try await EngineOptions.load(configuration, pictureMemory: memory, recipes: recipes)
            options = try engine.recipe.options(reading: given)
        } catch {
            throw CommandFailure(error).reported()
        }
        let files = zip(inputs, try outputs()).map { (input: $0, output: $1) }
        let failure = await restoreAll(
            files, options: options, engine: engine, limits: configuration.imageLimits, memory: memory)
        if let failure { throw ExitCode(failure.status.rawValue) }
    }

    private static func help(_ option: RestorationOption) -> ArgumentHelp { ArgumentHelp(option.help) }

    /// The options as they were written; what of them the bundle takes shows once it is loaded.
    private var given: [RestorationOption: String] {
        let texts: [RestorationOption: String?] = [
            .steps: steps, .sampler: sampler, .seed: seed, .degradation: degradation, .rounds: rounds, .tile: tile,
            .overlap: overlap, .force: force ? "true" : nil,
        ]
        return texts.compactMapValues { $0 }
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

    func format(of output: String) -> ImageFormat {
        format ?? (["jpg", "jpeg"].contains(PictureFile.pathExtension(output)) ? .jpeg : .png)
    }
}

extension ImageFormat: ExpressibleByArgument {}
