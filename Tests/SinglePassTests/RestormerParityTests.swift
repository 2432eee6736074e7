import Checkpoints
import Compute
import PromptIR
import Restormer
import TestSupport
import Testing

/// The recorded evaluations of each Restormer and PromptIR, intermediates included.
@Suite("Restormer and PromptIR parity")
struct RestormerParityTests {
    typealias Observer = (_ stage: String, _ result: Tensor) -> Void

    /// What is never there by itself: it is gated at once.
    static let fused = ["ffn.dwconv"]

    static let recordings = (Recording.all("restormer") + Recording.all("promptir"))
        .filter { !$0.file.contains("_local_io_") }

    private func evaluation(
        _ recording: Recording
    ) throws -> ([[Float]], RecordedInput, Observer?, Workspace) -> [[Float]] {
        if recording.network.hasPrefix("promptir") {
            let network = try PromptIR(
                recording.parameters(), configuration: PromptIRConfiguration(recording.sizes()))
            return { network($0, height: $1.height, width: $1.width, observe: $2, in: $3) }
        }
        let network = try Restormer(
            recording.parameters(), configuration: RestormerConfiguration(recording.sizes()))
        return { network($0, height: $1.height, width: $1.width, observe: $2, in: $3) }
    }

    @Test("recordings are there to be checked", .enabled(if: Recording.folder.has("config.json")))
    func recordingsExist() {
        #expect(!Self.recordings.isEmpty)
    }

    @Test("every recorded stage is reproduced", arguments: recordings, Workspace.kernelSetNames)
    func stages(recording: Recording, kernels: String) throws {
        let recorded = try recording.recorded()
        let input = try RecordedInput(recorded)
        let checker = recording.checker(recorded)
        let output = try evaluation(recording)(
            input.pictures, input, { checker.check(stage: $0, $1) }, Workspace(threads: 2, kernels: kernels))
        checker.check("output", input.channelsFirst(output))
        let unchecked = checker.unchecked.filter { name in !Self.fused.contains { name.hasSuffix(".\($0)") } }
        #expect(unchecked.isEmpty, "recorded but not compared: \(unchecked)")
    }

    @Test("neither batch-mates nor threads change a bit", arguments: recordings)
    func independence(recording: Recording) throws {
        let evaluate = try evaluation(recording)
        let input = try RecordedInput(recording.recorded())
        let other = input.pictures[0].map { 1 - $0 }
        let alone = evaluate([input.pictures[0]], input, nil, Workspace(threads: 1))
        for threads in 1...3 {
            let together = evaluate([other, input.pictures[0], other], input, nil, Workspace(threads: threads))
            #expect(together[1] == alone[0])
        }
    }
}
