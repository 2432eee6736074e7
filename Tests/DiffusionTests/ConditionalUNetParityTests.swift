import Checkpoints
import Compute
import Diffusion
import Foundation
import RestorationUNet
import TestSupport
import Testing

/// The recorded evaluations of each network, intermediates included, from each file that holds its weights.
@Suite("ConditionalUNet parity")
struct ConditionalUNetParityTests {
    /// One recording: `unet_X_io_HxW_bN.safetensors`.
    struct Recording: CustomTestStringConvertible {
        let network: String
        let file: String
        let weights: String

        var testDescription: String { "\(file) from \(weights)" }

        static let all: [Recording] = {
            let folder = ParityFolder.current
            return folder.files(withExtension: "safetensors").compactMap { file -> [Recording]? in
                guard file.hasPrefix("unet_"), let marker = file.range(of: "_io_") else { return nil }
                let network = String(file[..<marker.lowerBound])
                return ["pth", "safetensors"].map { "\(network).\($0)" }.filter { folder.has($0) }.map {
                    Recording(network: network, file: file, weights: $0)
                }
            }.flatMap(\.self)
        }()
    }

    @Test("recordings are there to be checked", .enabled(if: ParityFolder.current.root != nil))
    func recordingsExist() {
        #expect(!Recording.all.isEmpty)
    }

    @Test("every recorded stage is reproduced", arguments: Recording.all, Workspace.kernelSetNames)
    func stages(recording: Recording, kernels: String) throws {
        let folder = ParityFolder.current
        let network = try NetworkFixtures.network(recording.network, weights: recording.weights)
        let recorded = try StateDict(contentsOf: folder.path(recording.file))
        let workspace = Workspace(threads: 2, kernels: kernels)
        let (samples, height, width) = try NetworkFixtures.samples(recorded)
        let checker = StageChecker(file: recording.file, recorded: recorded)
        checker.alias("downs0.attention", "downs0.attn_without_residual")
        checker.alias("downs3.attention", "downs3.attn_module_output")
        let output = network(
            samples, height: height, width: width, observe: { checker.check(stage: $0, $1) }, in: workspace)
        checker.check("output", NetworkFixtures.channelsFirst(output.flatMap(\.self), samples.count, height, width))
        try checkVariants(network, samples, recorded, height: height, width: width, checker, workspace)
        #expect(checker.unchecked.isEmpty, "recorded but not compared: \(checker.unchecked)")
    }

    /// Recordings may hold the same evaluation without the prompt, or at other times.
    private func checkVariants(
        _ network: ConditionalUNet, _ samples: [ConditionalUNet.Sample], _ recorded: StateDict, height: Int,
        width: Int, _ checker: StageChecker, _ workspace: Workspace
    ) throws {
        for name in recorded.names where name.hasPrefix("output.") {
            var changed = samples
            for index in changed.indices {
                switch name.dropFirst("output.".count) {
                case "text_context_none": changed[index].degradation = nil
                case let other: changed[index].time = try #require(other.split(separator: "_").last.flatMap { Float($0) })
                }
            }
            let output = network(changed, height: height, width: width, in: workspace)
            checker.check(name, NetworkFixtures.channelsFirst(output.flatMap(\.self), samples.count, height, width))
        }
    }

    @Test("a recorded run is replayed with its noise", arguments: RunReplay.names.filter {
        ParityFolder.current.has("\($0).safetensors", "unet_a.safetensors")
    })
    func runs(name: String) throws {
        let replay = try RunReplay(name)
        // The runs with contexts are those of unet_a, the others of unet_b (the fixtures' README).
        let file = replay.contentContext == nil ? "unet_b" : "unet_a"
        guard ParityFolder.current.has("\(file).safetensors") else { return }
        let network = try NetworkFixtures.network(file, weights: "\(file).safetensors")
        let workspace = Workspace(threads: 2)
        let (height, width) = (replay.shape[2], replay.shape[3])
        try replay.check { state, mu, time in
            let sample = ConditionalUNet.Sample(
                state: NetworkFixtures.interleaved(state, height, width),
                condition: NetworkFixtures.interleaved(mu, height, width), time: time,
                degradation: replay.degradationContext, content: replay.contentContext)
            let output = network([sample], height: height, width: width, in: workspace)
            return NetworkFixtures.channelsFirst(output[0], 1, height, width)
        }
    }

    @Test("neither batch-mates nor threads change a bit", arguments: Recording.all.filter { $0.network == "unet_a" }, Precision.allCases)
    func independence(recording: Recording, precision: Precision) throws {
        let network = try NetworkFixtures.network(recording.network, weights: recording.weights, precision: precision)
        let recorded = try StateDict(contentsOf: ParityFolder.current.path(recording.file))
        let (samples, height, width) = try NetworkFixtures.samples(recorded)
        var other = samples[0]
        other.time = 3
        other.state = other.state.map { 1 - $0 }
        let alone = network([samples[0]], height: height, width: width, in: Workspace(threads: 1))
        for threads in 1...3 {
            let together = network(
                [other, samples[0], other], height: height, width: width, in: Workspace(threads: threads))
            #expect(together[1] == alone[0])
        }
    }
}
