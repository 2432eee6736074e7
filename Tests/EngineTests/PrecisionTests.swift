import Bundles
import CLIP
import Checkpoints
import Compute
import Engine
import FoundationEssentials
import Images
import RestorationUNet
import TestSupport
import Testing

/// The weights that ship, in bfloat16 against fp32.
@Suite("Precision", .serialized)
struct PrecisionTests {
    private static let folder = Repository.root.appendingPathComponent("Weights/mini").path

    /// With the products of bfloat16 where this processor has instructions for them.
    private static func engine(_ precision: Precision?, workers: Int = 1, threads: Int = 2) throws -> RecipeEngine {
        var configuration = EngineConfiguration()
        configuration.precision = precision
        configuration.workers = workers
        configuration.threadsPerEvaluation = threads
        return try RecipeEngine(Bundles.Bundle.load(folder), configuration: configuration)
    }

    private static func photograph() throws -> Picture {
        let file = Repository.root.appendingPathComponent("Tests/Fixtures/Photographs/kodim20.png")
        let whole = try ImageDecoder.decode(Array(try Data(contentsOf: file)))
        return Picture(width: 160, height: 96, pixels: whole.window(columns: 100..<260, rows: 120..<216))
    }

    @Test("a bundle's card says what auto may choose, and the processor what can be had")
    func choice() throws {
        var configuration = EngineConfiguration()
        let fastest: Precision = Workspace.multipliesPairs ? .bf16 : .fp32
        #expect(configuration.precision(among: [.fp32]) == .fp32)
        #expect(configuration.precision(among: [.fp32, .bf16]) == fastest)
        configuration.precision = .fp32
        #expect(configuration.precision(among: [.fp32, .bf16]) == .fp32)
        configuration.precision = .bf16
        #expect(configuration.precision(among: [.fp32]) == fastest)
        #expect(try Self.engine(.bf16).recipe.precisions == ["daclip": fastest, "unet": fastest])
        #expect(try Self.engine(.fp32).recipe.precisions == ["daclip": .fp32, "unet": .fp32])
    }

    @Test("a picture restored in bfloat16 is within 45 dB of that in fp32, and has the same label")
    func picture() async throws {
        let picture = try Self.photograph()
        var options = RestorationOptions()
        (options.seed, options.force) = (3, true)
        let single = try await Self.engine(.fp32).restore(picture, options: options) { _ in }
        let narrow = try await Self.engine(.bf16).restore(picture, options: options) { _ in }
        #expect(narrow.degradations == single.degradations)
        #expect(try PictureComparison(narrow.picture, single.picture).psnr() >= 45)
    }

    @Test("in bfloat16 neither company, workers nor threads change a byte")
    func determinism() async throws {
        let pictures = [Picture.sample(width: 70, height: 45), .sample(width: 70, height: 46), .sample(width: 64, height: 64)]
        var options = RestorationOptions()
        (options.seed, options.force) = (4, true)
        let given = options
        let alone = try Self.engine(.bf16, threads: 1)
        var expected: [[UInt8]] = []
        for picture in pictures {
            expected.append(try await alone.restore(picture, options: given) { _ in }.picture.pixels)
        }
        let shared = try Self.engine(.bf16, workers: 2, threads: 2)
        try await withThrowingTaskGroup(of: (Int, [UInt8]).self) { group in
            for index in 0..<9 {
                let picture = pictures[index % 3]
                group.addTask { (index % 3, try await shared.restore(picture, options: given) { _ in }.picture.pixels) }
            }
            for try await (index, pixels) in group { #expect(pixels == expected[index], "picture \(index)") }
        }
    }

    @Test("the networks stay close to fp32 on every instruction set", arguments: Workspace.kernelSetNames)
    func networks(kernels: String) throws {
        let bundle = try Bundles.Bundle.load(Self.folder)
        let picture = try Self.photograph()
        func results(_ precision: Precision) throws -> (degradation: [Float], output: [Float]) {
            let networks = try DegradationAwareNetworks(bundle) { _ in precision }
            let workspace = Workspace(threads: 2, kernels: kernels)
            let preprocessing = Preprocessing(networks.encoder.configuration)
            let views = try preprocessing.views(of: picture, in: workspace)
            let embeddings = networks.encoder(preprocessing.normalised([views[0]], in: workspace), in: workspace)[0]
            let condition = picture.pixels.map { Float($0) / 255 }
            let sample = ConditionalUNet.Sample(
                state: condition, condition: condition, time: 50, degradation: embeddings.degradation,
                content: embeddings.content)
            let output = networks.network([sample], height: picture.height, width: picture.width, in: workspace)[0]
            return (embeddings.degradation, output)
        }
        let (single, narrow) = (try results(.fp32), try results(.bf16))
        #expect(narrow.output != single.output)
        #expect(Self.distance(narrow.degradation, single.degradation) < 0.1)
        #expect(Self.distance(narrow.output, single.output) < 0.02)
    }

    /// The length of the difference over that of the second.
    private static func distance(_ a: [Float], _ b: [Float]) -> Float {
        let (difference, whole) = zip(a, b).reduce((Float(0), Float(0))) { sums, pair in
            (sums.0 + (pair.0 - pair.1) * (pair.0 - pair.1), sums.1 + pair.1 * pair.1)
        }
        return (difference / whole).squareRoot()
    }
}
