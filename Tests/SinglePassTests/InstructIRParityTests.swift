import Checkpoints
import Compute
import Foundation
import InstructIR
import SentenceEncoder
import TestSupport
import Testing

/// The recorded evaluations of InstructIR, and what comes from words to a picture.
@Suite("InstructIR parity")
struct InstructIRParityTests {
    static let recordings = Recording.all("instructir").filter { !$0.file.hasPrefix("instructir_text") }

    private func network(_ recording: Recording) throws -> InstructIR {
        try InstructIR(recording.parameters(), configuration: InstructIRConfiguration(recording.sizes()))
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
        let samples = zip(input.pictures, try input.vectors("input.text")).map(InstructIR.Sample.init)
        let output = network(
            samples, height: input.height, width: input.width,
            observe: { checker.check(stage: $0, $1, depth: network.configuration.trunk.depth) },
            in: Workspace(threads: 2, kernels: kernels))
        checker.check("output", input.channelsFirst(output))
        #expect(checker.unchecked.isEmpty, "recorded but not compared: \(checker.unchecked)")
    }

    @Test("neither batch-mates nor threads change a bit, and another instruction changes the picture", arguments: recordings)
    func independence(recording: Recording) throws {
        let network = try network(recording)
        let recorded = try recording.recorded()
        let input = try RecordedInput(recorded)
        let sample = InstructIR.Sample(picture: input.pictures[0], instruction: try input.vectors("input.text")[0])
        var other = sample
        other.instruction = other.instruction.reversed()
        let alone = network([sample], height: input.height, width: input.width, in: Workspace(threads: 1))
        for threads in 1...3 {
            let together = network(
                [other, sample, other], height: input.height, width: input.width, in: Workspace(threads: threads))
            #expect(together[1] == alone[0] && together[0] != alone[0])
        }
    }

    @Test(
        "a prompt becomes a picture", .enabled(if: Recording.folder.has("instructir_whole.safetensors")),
        arguments: Workspace.kernelSetNames)
    func whole(kernels: String) throws {
        let words = try SentenceFixtures()
        let file = "instructir_whole.safetensors"
        let recorded = try StateDict(contentsOf: Recording.folder.path(file))
        let network = try network(Recording(network: "instructir_a", file: file, weights: "instructir_a.pt"))
        let input = try RecordedInput(recorded)
        let workspace = Workspace(threads: 2, kernels: kernels)
        let number = try Recording.folder.configuration().object("instructir_whole").size("prompt", 0...100)
        let vector = try words.vector(of: words.prompts[number], in: workspace).vector
        let checker = StageChecker(file: file, recorded: recorded, share: Recording.share)
        checker.check("text", vector)
        let output = network(
            [.init(picture: input.pictures[0], instruction: vector)], height: input.height, width: input.width,
            in: workspace)
        checker.check("output", input.channelsFirst(output))
    }
}
