import Autoencoder
import Checkpoints
import Compute
import TestSupport
import Testing

/// The recorded evaluations of the autoencoder.
@Suite("Autoencoder parity", .enabled(if: LatentFixtures.folder.has("config.json")))
struct AutoencoderParityTests {
    static let encodings = LatentFixtures.files("vae_encode_io_")
    static let decodings = LatentFixtures.files("vae_decode_io_")

    static func network(as form: LatentFixtures.Form = .recorded) throws -> Autoencoder {
        try Autoencoder(
            LatentFixtures.parameters("sd1", prefix: "first_stage_model.", as: form),
            configuration: AutoencoderConfiguration(LatentFixtures.section("sd1", "vae")))
    }

    static func scale() throws -> Float {
        Float(try LatentFixtures.folder.configuration().number("scale_factor", above: 0, upTo: 10))
    }

    @Test("recordings are there to be checked")
    func recordingsExist() { #expect(!Self.encodings.isEmpty && !Self.decodings.isEmpty) }

    @Test("pictures are encoded", arguments: encodings, Workspace.kernelSetNames)
    func encode(file: String, kernels: String) throws {
        let network = try Self.network()
        let recorded = try LatentFixtures.recorded(file)
        let checker = try LatentFixtures.checker(file)
        let (pictures, height, width) = try recorded.maps("input.image")
        let posteriors = network.encode(
            pictures, height: height, width: width, observe: { checker.check(stage: $0, $1) },
            in: Workspace(threads: 2, kernels: kernels))
        let (noises, latentHeight, latentWidth) = try recorded.maps("input.noise")
        let pixels = latentHeight * latentWidth
        func check(_ name: String, _ values: [[Float]]) { checker.check(name, channelsFirst(values, pixels: pixels)) }
        check("mean", posteriors.map(\.mean))
        check("mode", posteriors.map(\.mean))
        check("logvar", posteriors.map(\.logVariance))
        check("std", posteriors.map(\.deviation))
        check("sample", zip(posteriors, noises).map { $0.sample($1) })
        let scale = try Self.scale()
        check("latent_scaled_mode", posteriors.map { $0.mean.map { $0 * scale } })
        #expect(checker.unchecked.isEmpty, "recorded but not compared: \(checker.unchecked)")
    }

    @Test("latents are decoded", arguments: decodings, Workspace.kernelSetNames)
    func decode(file: String, kernels: String) throws {
        let network = try Self.network()
        let recorded = try LatentFixtures.recorded(file)
        let checker = try LatentFixtures.checker(file)
        let (latents, height, width) = try recorded.maps("input.latent_scaled")
        let scale = try Self.scale()
        _ = network.decode(
            latents.map { $0.map { $0 / scale } }, height: height, width: width,
            observe: { checker.check(stage: $0, $1) }, in: Workspace(threads: 2, kernels: kernels))
        #expect(checker.unchecked.isEmpty, "recorded but not compared: \(checker.unchecked)")
    }

    @Test("weights are the same from safetensors; neither batch-mates nor threads change a bit")
    func formsAndIndependence() throws {
        let file = try #require(Self.decodings.last)
        let (latents, height, width) = try LatentFixtures.recorded(file).maps("input.latent_scaled")
        let network = try Self.network()
        let alone = network.decode([latents[0]], height: height, width: width, in: Workspace(threads: 1))
        let other = latents[0].map { -$0 }
        let together = try Self.network(as: .safetensors).decode(
            [other, latents[0]], height: height, width: width, in: Workspace(threads: 3))
        #expect(together[1] == alone[0])
    }

    @Test("a variance is clamped at both ends", .enabled(if: LatentFixtures.folder.has("posterior.safetensors")))
    func clamps() throws {
        let file = "posterior.safetensors"
        let recorded = try LatentFixtures.recorded(file)
        let checker = try LatentFixtures.checker(file)
        let (moments, height, width) = try recorded.maps("moments")
        let pixels = height * width
        let posteriors = moments.map { Autoencoder.Posterior(moments: $0, channels: $0.count / pixels / 2) }
        checker.check("moments", channelsFirst(moments, pixels: pixels))
        checker.check("mean", channelsFirst(posteriors.map(\.mean), pixels: pixels))
        checker.check("logvar", channelsFirst(posteriors.map(\.logVariance), pixels: pixels))
        checker.check("std", channelsFirst(posteriors.map(\.deviation), pixels: pixels))
        let noises = try recorded.maps("noise").samples
        checker.check("noise", channelsFirst(noises, pixels: pixels))
        checker.check("sample", channelsFirst(zip(posteriors, noises).map { $0.sample($1) }, pixels: pixels))
        #expect(checker.unchecked.isEmpty, "recorded but not compared: \(checker.unchecked)")
    }
}
