import ArgumentParser

/// `restored weights`: what is in checkpoints and bundles.
struct WeightsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "weights", abstract: "Looks into weight files and bundles.",
        subcommands: [WeightsInspectCommand.self, WeightsVerifyCommand.self])
}
