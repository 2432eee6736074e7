import Checkpoints
import Compute
import NAFNet
import TestSupport
import Testing

/// The recorded evaluations of each NAFNet, intermediates included.
@Suite("NAFNet parity")
struct NAFNetParityTests {
    /// What is never there by itself: norms, and convolutions whose results are gated, scaled or added at once.
    static let fused = ["norm1", "norm2", "conv2", "conv3", "conv5", "gate.1"]

    static let recordings = Recording.all("nafnet").filter { !$0.file.contains("_local_io_") }

    static func network(_ recording: Recording) throws -> NAFNet {
        try NAFNet(recording.parameters(), configuration: NAFNetConfiguration(recording.sizes()))
    }

    @Test("recordings are there to be checked", .enabled(if: Recording.folder.has("config.json")))
    func recordingsExist() {
        #expect(!Self.recordings.isEmpty)
    }

    @Test("every recorded stage is reproduced", arguments: recordings, Workspace.kernelSetNames)
    func stages(recording: Recording, kernels: String) throws {
        let recorded = try recording.recorded()
        let input = try RecordedInput(recorded)
        let network = try Self.network(recording)
        let checker = recording.checker(recorded)
        let output = network(
            input.pictures, height: input.height, width: input.width,
            observe: { checker.check(stage: $0, $1, depth: network.configuration.depth) },
            in: Workspace(threads: 2, kernels: kernels))
        checker.check("output", input.channelsFirst(output))
        let unchecked = checker.unchecked.filter { name in !Self.fused.contains { name.hasSuffix(".\($0)") } }
        #expect(unchecked.isEmpty, "recorded but not compared: \(unchecked)")
    }

    @Test("neither batch-mates nor threads change a bit", arguments: recordings)
    func independence(recording: Recording) throws {
        let network = try Self.network(recording)
        let input = try RecordedInput(recording.recorded())
        let other = input.pictures[0].map { 1 - $0 }
        let alone = network([input.pictures[0]], height: input.height, width: input.width, in: Workspace(threads: 1))
        for threads in 1...3 {
            let together = network(
                [other, input.pictures[0], other], height: input.height, width: input.width,
                in: Workspace(threads: threads))
            #expect(together[1] == alone[0])
        }
    }
}
