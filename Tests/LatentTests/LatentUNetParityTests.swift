import Checkpoints
import Compute
import LatentUNet
import TestSupport
import Testing

/// The recorded evaluations of both forms of the U-Net, intermediates included.
@Suite("Latent U-Net parity", .enabled(if: LatentFixtures.folder.has("config.json")))
struct LatentUNetParityTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let network: String
        let file: String
        var testDescription: String { file }
    }

    static let cases = ["sd1", "sd2"].flatMap { network in
        LatentFixtures.files("unet_\(network)_io_").map { Case(network: network, file: $0) }
    }

    /// Within the fused feed-forward: seen in the block's output.
    static let fused = ["st.geglu", "st.ff"]

    static func network(_ name: String, as form: LatentFixtures.Form = .recorded) throws -> LatentUNet {
        try LatentUNet(
            LatentFixtures.parameters(name, prefix: "model.diffusion_model.", as: form),
            configuration: LatentUNetConfiguration(LatentFixtures.section(name, "unet")))
    }

    static func samples(
        _ recorded: StateDict, of network: LatentUNet, in workspace: Workspace
    ) throws -> (samples: [LatentUNet.Sample], height: Int, width: Int) {
        let (latents, height, width) = try recorded.maps("input.x")
        let times = try #require(recorded["input.timesteps"]).floats()
        let contexts = try recorded.rows("input.context")
        let samples = latents.indices.map { index in
            LatentUNet.Sample(
                latent: latents[index], time: times[index], context: network.context(contexts[index], in: workspace))
        }
        return (samples, height, width)
    }

    @Test("recordings are there to be checked")
    func recordingsExist() { #expect(Self.cases.count >= 2) }

    @Test("every recorded stage is reproduced", arguments: cases, Workspace.kernelSetNames)
    func stages(recording: Case, kernels: String) throws {
        let workspace = Workspace(threads: 2, kernels: kernels)
        let network = try Self.network(recording.network)
        let recorded = try LatentFixtures.recorded(recording.file)
        let (samples, height, width) = try Self.samples(recorded, of: network, in: workspace)
        let checker = try LatentFixtures.checker(recording.file)
        _ = network(
            samples, height: height, width: width,
            observe: { stage, tensor in
                guard recorded[stage] != nil else { return }
                switch stage {
                case "time.sinusoidal": checker.check(stage, tensor.values, tolerance: 1e-4)
                case "time.embedding":
                    let largest = recorded[stage]?.floats().map(abs).max() ?? 0
                    checker.check(stage, tensor.values, tolerance: 5e-5 * Double(largest))
                default: checker.check(stage: stage, tensor)
                }
            }, in: workspace)
        let unchecked = checker.unchecked.filter { !Self.fused.contains($0) }
        #expect(unchecked.isEmpty, "recorded but not compared: \(unchecked)")
    }

    @Test("weights are the same from safetensors", arguments: cases.filter { $0.file.hasSuffix("_1.safetensors") })
    func forms(recording: Case) throws {
        let workspace = Workspace(threads: 2)
        let recorded = try LatentFixtures.recorded(recording.file)
        let outputs = try LatentFixtures.Form.allCases.map { form in
            let network = try Self.network(recording.network, as: form)
            let (samples, height, width) = try Self.samples(recorded, of: network, in: workspace)
            return network(samples, height: height, width: width, in: workspace)
        }
        #expect(outputs[0] == outputs[1])
    }

    @Test("neither batch-mates nor threads change a bit, and the context steers", arguments: ["sd1", "sd2"])
    func independence(name: String) throws {
        let file = try #require(LatentFixtures.files("unet_\(name)_io_").first)
        let network = try Self.network(name)
        let recorded = try LatentFixtures.recorded(file)
        let workspace = Workspace(threads: 1)
        let (samples, height, width) = try Self.samples(recorded, of: network, in: workspace)
        var other = samples[0]
        other.context = network.context(try recorded.rows("input.context")[0].reversed(), in: workspace)
        let alone = network([samples[0]], height: height, width: width, in: workspace)
        for threads in 1...3 {
            let together = network(
                [other, samples[0], other], height: height, width: width, in: Workspace(threads: threads))
            #expect(together[1] == alone[0] && together[0] != alone[0])
        }
    }

    @Test("sizes that can't be are refused")
    func configurations() throws {
        let sound = """
            "in_channels": 4, "out_channels": 4, "model_channels": 32, "channel_mult": [1, 2], "num_res_blocks": 1,
            "attention_resolutions": [1], "context_dim": 8
            """
        func configuration(_ more: String) throws -> LatentUNetConfiguration {
            try LatentUNetConfiguration(ConfigurationReader(json: Array("{\(sound)\(more)}".utf8)))
        }
        #expect(try configuration(", \"num_heads\": 4").alignment == 2)
        for wrong in [
            "", ", \"num_heads\": 4, \"num_head_channels\": 8", ", \"num_heads\": 3", ", \"num_head_channels\": 5",
            ", \"num_heads\": 4, \"legacy\": true", ", \"num_heads\": 4, \"transformer_depth\": 2",
        ] {
            #expect(throws: ConfigurationError.self) { try configuration(wrong) }
        }
    }
}
