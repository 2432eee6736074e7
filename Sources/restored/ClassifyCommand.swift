package import ArgumentParser
package import Engine
import Images
import Service

/// `restored classify IN... [--json]`.
package struct ClassifyCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "classify", abstract: "Names what is wrong with pictures.")

    @Argument(help: "JPEG or PNG files; - for standard input.")
    var inputs: [FilePath]

    @OptionGroup var engineOptions: EngineOptions

    @Option(help: "Labels to choose among, separated by commas; needs a bundle with a text tower.")
    var labels: String?

    @Flag(help: "Print one line of JSON a picture.")
    var json = false

    package init() {}

    package func validate() throws {
        if let labels, CommaList.pieces(of: labels) == nil {
            throw ValidationError("--labels must be labels separated by commas, none empty and none twice")
        }
        try InputFile.checkStandardInput(inputs)
    }

    package func run() async throws { try await run(with: .standard) }

    /// - Parameter recipes: the kinds of bundles there are.
    package func run(with recipes: RecipeRegistry) async throws {
        let configuration = try engineOptions.configuration()
        let engine: any RestorationEngine
        do {
            engine = try await EngineOptions.load(
                configuration, pictureMemory: configuration.makeMemoryBudget(), recipes: recipes)
        } catch {
            throw CommandFailure(error).reported()
        }
        let labels = labels.flatMap(CommaList.pieces)
        var firstFailure: ExitCode?
        for input in inputs {
            let line: String
            do {
                let picture = try await PictureCoding.picture(input, limits: configuration.imageLimits)
                let classification = try await engine.classify(picture, labels: labels)
                if json {
                    let document = ClassificationDocument(
                        classification, bundle: engine.bundle.identifier, width: picture.width,
                        height: picture.height, file: input.text)
                    line = document.line
                } else {
                    let percent = (classification.best.probability * 1000).rounded() / 10
                    let nearest = classification.best.nearest.map { ", nearest to \($0)" } ?? ""
                    line = "\(input): \(classification.best.label) (\(percent) %\(nearest))"
                }
            } catch {
                let failure = CommandFailure(error).naming(input).reported()
                firstFailure = firstFailure ?? failure
                continue
            }
            try StandardOutput.printLine(line)
        }
        if let firstFailure { throw firstFailure }
    }
}
