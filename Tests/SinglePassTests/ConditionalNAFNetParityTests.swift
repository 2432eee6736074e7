import Checkpoints
import Compute
import ConditionalNAFNet
import TestSupport
import Testing

/// The recorded evaluations of each `ConditionalNAFNet`, intermediates included.
@Suite("ConditionalNAFNet parity")
struct ConditionalNAFNetParityTests {
    /// What is never there by itself.
    static let fused = ["norm1", "conv5", "att.attn1", "att.attn2", "att.ff"]

    static let recordings = Recording.all("conditional")

    private func network(_ recording: Recording) throws -> ConditionalNAFNet {
        try ConditionalNAFNet(
            recording.parameters(), configuration: ConditionalNAFNetConfiguration(recording.sizes()))
    }

    private func samples(_ input: RecordedInput) throws -> [ConditionalNAFNet.Sample] {
        let (degradations, contents) = (try input.vectors("input.degradation"), try input.vectors("input.content"))
        return input.pictures.indices.map {
            .init(picture: input.pictures[$0], degradation: degradations[$0], content: contents[$0])
        }
    }

    @Test("recordings are there to be checked", .enabled(if: Recording.folder.has("config.json")))
    func recordingsExist() {
        #expect(!Self.recordings.isEmpty)
    }

    @Test("every recorded stage is reproduced", arguments: recordings, Workspace.kernelSetNames)
    func stages(recording: Recording, kernels: String) throws {
        let recorded = try recording.recorded()
        let input = try RecordedInput(recorded)
        let network = try network(recording)
        let checker = recording.checker(recorded)
        let output = network(
            try samples(input), height: input.height, width: input.width,
            observe: { checker.check(stage: $0, $1, depth: network.configuration.trunk.depth) },
            in: Workspace(threads: 2, kernels: kernels))
        checker.check("output", input.channelsFirst(output))
        let unchecked = checker.unchecked.filter { name in !Self.fused.contains { name.hasSuffix(".\($0)") } }
        #expect(unchecked.isEmpty, "recorded but not compared: \(unchecked)")
    }

    @Test("neither batch-mates nor threads change a bit", arguments: recordings)
    func independence(recording: Recording) throws {
        let network = try network(recording)
        let input = try RecordedInput(recording.recorded())
        let sample = try samples(input)[0]
        var other = sample
        other.picture = other.picture.map { 1 - $0 }
        other.degradation = other.degradation.reversed()
        other.content = other.content.reversed()
        let alone = network([sample], height: input.height, width: input.width, in: Workspace(threads: 1))
        for threads in 1...3 {
            let together = network(
                [other, sample, other], height: input.height, width: input.width, in: Workspace(threads: threads))
            #expect(together[1] == alone[0])
        }
    }

    @Test("degradation and content each change the picture, where the network uses them", arguments: recordings)
    func steering(recording: Recording) throws {
        let network = try network(recording)
        let input = try RecordedInput(recording.recorded())
        let sample = try samples(input)[0]
        func output(_ sample: ConditionalNAFNet.Sample) -> [[Float]] {
            network([sample], height: input.height, width: input.width, in: Workspace(threads: 1))
        }
        var (degraded, other) = (sample, sample)
        degraded.degradation = sample.degradation.reversed()
        other.content = sample.content.reversed()
        #expect((output(degraded) != output(sample)) == network.configuration.usesDegradation)
        #expect((output(other) != output(sample)) == network.configuration.usesContent)
    }
}
