import ArgumentParser
import Bundles
import Checkpoints
import Engine

/// `restored bench`.
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measures how fast a bundle's networks run on this machine.",
        discussion: """
            Prints each network evaluation (medians), its share of what the kernels reach in cache, where the time \
            goes, and whole pictures: one alone against its evaluations with and without the engine, and eight one \
            after another against eight at once. Only figures of one run on a quiet machine compare.
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

    @Option(name: .customLong("picture"), help: "Side of whole pictures in pixels; may be given several times.")
    var pictures: [Int] = [64, 128, 256]

    @Option(help: "Steps of whole pictures; else the bundle's own.")
    var steps: Int?

    @Option(help: "Rounds of whole pictures.")
    var rounds = 5

    @Flag(help: "Leave out the evaluations by size and batch.")
    var picturesOnly = false

    @Flag(help: "Leave out whole pictures.")
    var networkOnly = false

    @Flag(help: "Only where one evaluation of one picture spends its time, layer by layer, for each size.")
    var layers = false

    @Flag(help: "Measure DA-CLIP's image encoder in place of the restoration network.")
    var encoder = false

    @Flag(help: "Measure the autoencoder's decoder in place of the network that diffuses: of bundles of the kind autodir.")
    var decoder = false

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard !picturesOnly || !layers && !encoder && !decoder else {
            throw ValidationError("--layers, --encoder and --decoder leave out whole pictures")
        }
        guard !encoder || !decoder else { throw ValidationError("either --encoder or --decoder") }
        guard sizes.allSatisfy((8...4_096).contains) else {
            throw ValidationError("--size must be from 8 to 4096")
        }
        guard batches.allSatisfy((1...64).contains) else { throw ValidationError("--batch must be from 1 to 64") }
        guard (threads.map { (1...256).contains($0) }) ?? true else {
            throw ValidationError("--threads must be from 1 to 256")
        }
        guard pictures.allSatisfy((8...4_096).contains), (steps.map { (1...100).contains($0) }) ?? true,
            (1...1_000).contains(rounds)
        else {
            throw ValidationError("--picture must be from 8 to 4096, --steps from 1 to 100, --rounds from 1 to 1000")
        }
        guard (1...10_000).contains(evaluations), (0...3_600).contains(seconds) else {
            throw ValidationError("--evaluations must be from 1 to 10000 and --seconds from 0 to 3600")
        }
    }

    func run() async throws {
        let configuration = try engineOptions.configuration(threads: threads)
        let threads = configuration.threads
        do {
            let benchmark = try await PictureCoding.run {
                try networkBenchmark(
                    ServedBundles.folders(configuration)[0].textualName(), threads: threads,
                    precision: Precision(rawValue: configuration.precision))
            }
            var report = try await PictureCoding.run {
                picturesOnly ? benchmark.report : try measureNetwork(benchmark)
            }
            if !networkOnly, !layers, !encoder, !decoder {
                let engine = EngineBenchmark(
                    engine: try await EngineOptions.load(
                        configuration, pictureMemory: configuration.makeMemoryBudget()), steps: steps, rounds: rounds)
                for size in pictures {
                    report.engine.append(try await engine.measure(size: size) { benchmark.evaluate(size: size) })
                }
            }
            report.peakResidentBytes = ResidentMemory.peak
            try StandardOutput.writeLine(json ? report.json() : report.table())
        } catch {
            throw CommandFailure(error).reported()
        }
    }

    private func networkBenchmark(_ path: String, threads: Int, precision: Precision?) throws -> NetworkBenchmark {
        let bundle = try Bundles.Bundle.load(path)
        var engine = EngineConfiguration()
        engine.precision = precision
        let evaluation =
            if encoder {
                try NetworkEvaluation.encoder(of: bundle, engine: engine)
            } else if decoder {
                try NetworkEvaluation.decoder(of: bundle, engine: engine)
            } else {
                try RecipeRegistry.standard.evaluation(of: bundle, engine: engine)
            }
        return NetworkBenchmark(
            evaluation, ofBundle: "\(bundle.manifest.name)/\(bundle.manifest.version)", threads: threads,
            evaluations: evaluations, seconds: seconds)
    }

    private func measureNetwork(_ benchmark: NetworkBenchmark) throws -> BenchReport {
        var report = benchmark.report
        let sizes = benchmark.fixedSize.map { [$0] } ?? sizes
        if layers {
            report.layers = sizes.flatMap { benchmark.layers(size: $0, ceiling: report.ceilingGFLOPS) }
            return report
        }
        for size in sizes {
            for batch in batches {
                report.network.append(benchmark.measure(size: size, batch: batch, ceiling: report.ceilingGFLOPS))
            }
        }
        report.layers = benchmark.layers(size: sizes.contains(256) ? 256 : sizes[0], ceiling: report.ceilingGFLOPS)
        return report
    }
}
