import ArgumentParser
import Bundles
import Checkpoints
import Engine
import Settings
import Threads

/// `restored weights verify [BUNDLE...] [--run]`.
struct WeightsVerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Checks bundles against their digests, and states their terms.")

    @Argument(help: "Folders or names of weights; else RESTORED_BUNDLE, else Weights/mini.")
    var bundles: [String] = []

    @OptionGroup var weightsOptions: WeightsOptions

    @Flag(name: .customLong("run"), help: "Restore a picture as well, and compare with the bundle's check.safetensors.")
    var runs = false

    @Flag(help: "Print one line of JSON a bundle.")
    var json = false

    func run() async throws {
        let configuration = try weightsOptions.configuration()
        var firstFailure: ExitCode?
        for bundle in bundles.isEmpty ? configuration.bundles : bundles {
            var folder = FilePath(escaped: bundle)
            do {
                folder = try BundlePlaces.folder(bundle, configuration)
                try await verify(folder, configuration)
            } catch let error as ExitCode {
                throw error
            } catch {
                let failure = CommandFailure(error).naming(folder).reported()
                firstFailure = firstFailure ?? failure
            }
        }
        if let firstFailure { throw firstFailure }
    }

    /// - Throws: also where the bundle isn't sound, or doesn't give what was recorded.
    private func verify(_ folder: FilePath, _ configuration: Configuration) async throws {
        let name = try folder.textualName()
        let verification = try BundleVerification(name)
        guard verification.isSound, runs else {
            try StandardOutput.printLine(json ? verification.json : verification.text)
            guard verification.isSound else { throw CommandFailure(.badData, "not as its bundle.json says") }
            return
        }
        let start = ContinuousClock.now
        let engine = try await WorkerThread.run(name: "load") { [settings = BundlePlaces.engine(configuration)] in
            try RecipeEngine(Bundles.Bundle.load(name), configuration: settings)
        }
        let comparison: BundleCheck.Comparison
        do {
            comparison = try await BundleCheck.run(in: name, by: engine)
        } catch {
            await engine.stop()
            throw error
        }
        await engine.stop()
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        if json {
            var document = JSONValue(json: Array(verification.json.utf8)) ?? .object([:])
            document["run"] = comparison.json
            try StandardOutput.printLine(JSON.line(document))
        } else {
            try StandardOutput.printLine(verification.text)
            try StandardOutput.printLine(comparison.text + ", \((seconds * 10).rounded() / 10) s")
        }
        guard comparison.isSame else {
            throw CommandFailure(.badData, "computes other numbers than \(BundleCheck.name) has")
        }
    }
}

extension BundleCheck.Comparison {
    fileprivate var text: String {
        guard !isEmpty else { return "It restores a picture; there are no numbers to compare with" }
        var parts: [String] = []
        if let probabilities { parts.append("probabilities within \(probabilities)") }
        if let largest, let share {
            parts.append("the restored picture within \(largest) of 255, \(share * 100) % of it further off than rounding")
        }
        return (isSame ? "It computes what was recorded: " : "It computes something else: ") + parts.joined(separator: ", ")
    }

    fileprivate var json: JSONValue {
        var members: [String: JSONValue] = ["same": .flag(isSame), "compared": .flag(!isEmpty)]
        members["probabilities_difference"] = probabilities.map { .fraction($0) }
        members["picture_difference"] = largest.map { .whole($0) }
        members["picture_share_differing"] = share.map { .fraction($0) }
        return .object(members)
    }
}
