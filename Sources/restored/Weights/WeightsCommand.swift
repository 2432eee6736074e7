import ArgumentParser

/// `restored weights`: bundles that can be had and those that are here, and what is in them.
struct WeightsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "weights", abstract: "Fetches, converts and checks weights.",
        subcommands: [
            WeightsListCommand.self, WeightsFetchCommand.self, WeightsConvertCommand.self, WeightsVerifyCommand.self,
            WeightsInspectCommand.self, WeightsRemoveCommand.self,
        ])
}
