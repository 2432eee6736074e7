import ArgumentParser
import Service

/// The program: each subcommand is a file of its own.
@main
struct RestoredCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restored",
        abstract: "Restores degraded photographs, as an HTTP service and on the command line.",
        version: ServiceVersion.current,
        subcommands: [
            ServeCommand.self, RestoreCommand.self, ClassifyCommand.self, HealthCommand.self, BenchCommand.self,
            WeightsCommand.self,
        ])

    static func main() async {
        StandardStreams.takeThoseMissing()
        SignalWatch.ignoreMeaningless()
        await main(ProgramArguments.texts)
    }
}
