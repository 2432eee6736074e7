import ArgumentParser
import Glibc
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
        let arguments = ProgramArguments.texts
        if let cluster = ProgramArguments.cluster(in: arguments) {
            StandardError.write("Error: \(cluster) is no option; a file of that name is ./\(cluster), or stands behind --\n")
            Glibc.exit(ExitStatus.usage.rawValue)
        }
        await main(arguments)
    }
}
