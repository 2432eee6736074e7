import Bundles
import Engine
import Foundation
import Images
import TestSupport
import Testing

/// The network with a reference that ships, behind the default weights.
@Suite("Shipped guided weights", .serialized, .timeLimit(.minutes(2)))
struct ShippedGuidedWeightsTests {
    private static func engine(_ name: String) throws -> RecipeEngine {
        var configuration = EngineConfiguration()
        configuration.threadsPerEvaluation = 2
        return try RecipeEngine(
            Bundles.Bundle.load(Repository.root.appendingPathComponent("Weights/" + name).path), configuration: configuration)
    }

    /// A part of the photograph that comes with the tests.
    private static func part(_ left: Int, _ top: Int, side: Int) throws -> Picture {
        let file = Repository.root.appendingPathComponent("Tests/Fixtures/Photographs/kodim20.png")
        return Picture(
            width: side, height: side,
            pixels: try ImageDecoder.decode(Array(Data(contentsOf: file))).window(columns: left..<left + side, rows: top..<top + side))
    }

    /// Thick even haze.
    private static func hazy(_ picture: Picture) -> Picture {
        var hazy = picture
        hazy.pixels = picture.pixels.map { UInt8((Double($0) * 0.4 + 255 * 0.55).rounded()) }
        return hazy
    }

    private func restored(_ picture: Picture, with reference: Picture?, by engine: RecipeEngine) async throws -> Picture {
        var options = RestorationOptions()
        (options.seed, options.degradations) = (1, ["hazy"])
        options.reference = reference.map { ReferencePicture($0) }
        return try await engine.restore(picture, options: options) { _ in }.picture
    }

    @Test("without a reference, and with one of something else, it is the default; with the right one it is nearer to the truth")
    func worth() async throws {
        let (clean, guided) = (try Self.part(380, 150, side: 160), try Self.engine("guided"))
        let picture = Self.hazy(clean)
        let plain = try await restored(picture, with: nil, by: Self.engine("mini"))
        #expect(try await restored(picture, with: nil, by: guided) == plain)
        func gain(_ reference: Picture) async throws -> Double {
            try await PictureComparison(restored(picture, with: reference, by: guided), clean).psnr()
                - PictureComparison(plain, clean).psnr()
        }
        // What is seen lies elsewhere in it.
        let right = try await gain(Self.part(361, 133, side: 216))
        #expect(right > 0.5, "\(right) dB")
        #expect(try await restored(picture, with: Self.part(0, 0, side: 216), by: guided) == plain)
    }
}
