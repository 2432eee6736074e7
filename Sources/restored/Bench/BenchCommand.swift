import ArgumentParser
import Bundles
import FoundationEssentials
import Tensors

/// `restored bench`.
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measures how fast a bundle's networks run on this machine.",
        discussion: """
            Prints each network evaluation (medians), its share of what the kernels reach in cache, where the time \
            goes, one picture end to end, and pictures a minute with eight clients. Only figures of one run on a \
            quiet machine compare.
            """)

    @OptionGroup var engineOptions: EngineOptions

    @Option(name: .customLong("size"), help: "Side of the picture in pixels; may be given several times.")
    var sizes: [Int] = [128, 256, 512]

    @Option(name: .customLong("batch"), help: "Pictures an evaluation; may be given several times.")
    var batches: [Int] = [1, 2, 4, 8]

    @Option(help: "Threads an evaluation; else one a core.")
    var threads: Int?

    @Option(help: "Least number of timed evaluations each.")
    var evaluations = 3

    @Option(help: "Least seconds of timed evaluations each.")
    var seconds = 1.0

    @Flag(help: "Leave out whole pictures.")
    var networkOnly = false

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard sizes.allSatisfy((8...4_096).contains) else {
            throw ValidationError("--size must be from 8 to 4096")
        }
        guard batches.allSatisfy((1...64).contains) else { throw ValidationError("--batch must be from 1 to 64") }
        guard (threads.map { (1...256).contains($0) }) ?? true else {
            throw ValidationError("--threads must be from 1 to 256")
        }
        guard (1...10_000).contains(evaluations), (0...3_600).contains(seconds) else {
            throw ValidationError("--evaluations must be from 1 to 10000 and --seconds from 0 to 3600")
        }
    }

    func run() async throws {
        let configuration = try engineOptions.configuration()
        let threads = threads ?? max(1, ProcessInfo.processInfo.activeProcessorCount)
        do {
            var report = try await PictureWork.run { try measureNetwork(configuration.bundle, threads: threads) }
            if !networkOnly {
                var settings = configuration
                settings.threads = threads
                let benchmark = PictureBenchmark(engine: try await engineOptions.engine(settings))
                report.picture = try await benchmark.alone()
                report.load = try await benchmark.underLoad()
            }
            report.peakResidentBytes = ResidentMemory.peak
            print(try json ? report.json() : report.table())
        } catch {
            throw CommandFailure(error).reported()
        }
    }

    private func measureNetwork(_ path: String, threads: Int) throws -> BenchReport {
        let bundle = try Bundles.Bundle.load(path)
        let benchmark = NetworkBenchmark(
            network: try bundle.makeNetwork(), workspace: Workspace(threads: threads), evaluations: evaluations,
            seconds: seconds)
        var report = BenchReport(
            bundle: bundle.summary.name + "/" + bundle.summary.version, kernels: benchmark.workspace.kernelSetName,
            blas: Workspace.blasCoreName, threads: threads,
            ceilingGFLOPS: KernelCeiling.measure(in: benchmark.workspace))
        for size in sizes {
            for batch in batches {
                report.network.append(benchmark.measure(size: size, batch: batch, ceiling: report.ceilingGFLOPS))
            }
        }
        report.layers = benchmark.layers(size: sizes.contains(256) ? 256 : sizes[0])
        return report
    }
}
