import ArgumentParser
import Bundles

/// `restored weights remove NAME...`.
struct WeightsRemoveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Removes fetched bundles, and what fetches of them have left.")

    @Argument(help: "Names, as restored weights list shows them.")
    var names: [String]

    @OptionGroup var weightsOptions: WeightsOptions

    func run() throws {
        try CommandFailure.reporting {
            let weights = try BundlePlaces.weightsToChange(weightsOptions.configuration())
            for name in names {
                let wasThere = try BundleRemoval(of: name, from: weights).run(
                    isCancelled: { false },
                    onWait: { StandardError.write("another process works on \(name); waiting for it\n") })
                guard wasThere else {
                    throw CommandFailure(.noInput, "\(FilePath(weights.path)) has no \(FilePath(escaped: name))")
                }
                try StandardOutput.printLine("\(name) is removed")
            }
        }
    }
}
