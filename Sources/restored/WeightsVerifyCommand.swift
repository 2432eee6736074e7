import ArgumentParser
import Bundles

/// `restored weights verify [BUNDLE...]`.
struct WeightsVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Checks bundles against their digests, and states their terms.")

    @Argument(help: "Folders or names of weights; else RESTORED_BUNDLE, else Weights/mini.")
    var bundles: [String] = []

    @Flag(help: "Print one line of JSON a bundle.")
    var json = false

    func run() throws {
        let configuration = try EngineOptions.environmentConfiguration()
        var firstFailure: ExitCode?
        for bundle in bundles.isEmpty ? configuration.bundles : bundles {
            var folder = FilePath(escaped: bundle)
            do {
                folder = try BundlePlaces.folder(bundle, configuration)
                let verification = try BundleVerification(folder.textualName())
                try StandardOutput.printLine(json ? verification.json : verification.text)
                if !verification.isSound {
                    let failure = CommandFailure(.badData, "\(folder) is not as its bundle.json says").reported()
                    firstFailure = firstFailure ?? failure
                }
            } catch {
                let failure = CommandFailure(error)
                firstFailure =
                    firstFailure ?? CommandFailure(failure.status, "\(folder): \(failure.message)").reported()
            }
        }
        if let firstFailure { throw firstFailure }
    }
}
