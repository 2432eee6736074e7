import Bundles
import CLIP
import Checkpoints
import Compute
import Diffusion
import Engine
import Foundation
import Images
import TestSupport
import Testing

/// The recorded system: small weights of all its networks, and what official programs made with them.
enum AutoDIRFixtures {
    static let folder = ParityFolder.autoDIR
    static let weights = "autodir_small.ckpt"
    static let isThere = folder.has("config.json", weights) && ParityFolder.current.has(merges)
    private static let merges = "bpe_simple_vocab_16e6.txt.gz"
    static let labels = ["noise", "blur", "rain", "underexposure", "haze", "low-resolution", "raindrop", "clean"]

    static func configuration() throws -> AutoDIRConfiguration {
        let reader = try folder.configuration()
        return try AutoDIRConfiguration(
            reader,
            towers: PairedTowersConfiguration(reader, text: reader.object("text"), vision: reader.object("vision")))
    }

    static func networks(precision: Precision = .fp32) throws -> AutoDIRNetworks {
        try AutoDIRNetworks(
            ParameterReader(StateDict(contentsOf: folder.path(weights)), precision: precision),
            configuration: configuration())
    }

    static func tokenizer() throws -> BytePairTokenizer {
        let file = try Data(contentsOf: ParityFolder.current.url(merges))
        return try BytePairTokenizer(
            merges: [UInt8](file), vocabularySize: folder.configuration().size("vocab_size", 514...1_000_000))
    }

    static func recorded(_ file: String) throws -> StateDict { try StateDict(contentsOf: folder.path(file)) }

    /// The engine with the recorded weights, and noise that a test has.
    static func engine(
        noise: @escaping @Sendable (_ seed: UInt64) -> LatentNoise = { .seeded($0) },
        _ configure: (inout EngineConfiguration) -> Void = { _ in }
    ) throws -> RecipeEngine {
        var configuration = EngineConfiguration()
        configure(&configuration)
        let recipe = AutoDIR(
            try networks(), tokenizer: try tokenizer(), labels: labels, bundleName: "small", precision: .fp32,
            engine: configuration, sharedBy: { count, body in for item in 0..<count { body(item) } }, noise: noise)
        let json = """
            {"kind": "autodir", "name": "small", "version": "1", "licence": "none", "trainingDataTerms": "none"}
            """
        let manifest = try BundleManifest(ConfigurationReader(json: Array(json.utf8)))
        return RecipeEngine(recipe, of: BundleSummary(manifest), on: try RecipeWorkers(configuration))
    }

    /// Draws of a round, height x width x channels.
    static func noise(of run: StateDict, round: Int) throws -> LatentNoise {
        let draws = try run.maps("round\(round).noise_start").samples + run.maps("round\(round).noise").samples
        return LatentNoise { draw, _, _ in draws[Int(draw)] }
    }

    static func picture(_ run: StateDict) throws -> Picture {
        let tensor = try #require(run["picture"])
        return Picture(
            width: tensor.shape[1], height: tensor.shape[0], pixels: tensor.withBytes { [UInt8]($0) })
    }
}
