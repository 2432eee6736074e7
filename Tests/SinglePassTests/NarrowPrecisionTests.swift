import Checkpoints
import Compute
import ConditionalNAFNet
import InstructIR
import NAFNet
import PromptIR
import Restormer
import Testing

/// The recorded networks with products of bfloat16, against themselves in fp32.
@Suite("Networks of one evaluation in bfloat16")
struct NarrowPrecisionTests {
    typealias Evaluation = (_ pictures: [[Float]], _ workspace: Workspace) -> [[Float]]

    /// One of each network's recordings.
    static let recordings: [Recording] = {
        var networks: Set<String> = []
        return ["nafnet", "conditional", "instructir", "restormer", "promptir"].flatMap { Recording.all($0) }.filter {
            !$0.file.contains("_local_io_") && !$0.file.hasPrefix("instructir_text") && networks.insert($0.network).inserted
        }
    }()

    private func evaluation(_ recording: Recording, _ input: RecordedInput, _ precision: Precision) throws -> Evaluation {
        let (parameters, sizes) = (try recording.parameters(precision), try recording.sizes())
        let (height, width) = (input.height, input.width)
        if recording.network.hasPrefix("nafnet") {
            let network = try NAFNet(parameters, configuration: NAFNetConfiguration(sizes))
            return { network($0, height: height, width: width, in: $1) }
        }
        if recording.network.hasPrefix("conditional") {
            let network = try ConditionalNAFNet(parameters, configuration: ConditionalNAFNetConfiguration(sizes))
            let (degradation, content) = (try input.vectors("input.degradation")[0], try input.vectors("input.content")[0])
            return { pictures, workspace in
                let samples = pictures.map {
                    ConditionalNAFNet.Sample(picture: $0, degradation: degradation, content: content)
                }
                return network(samples, height: height, width: width, in: workspace)
            }
        }
        if recording.network.hasPrefix("instructir") {
            let network = try InstructIR(parameters, configuration: InstructIRConfiguration(sizes))
            let instruction = try input.vectors("input.text")[0]
            return { pictures, workspace in
                let samples = pictures.map { InstructIR.Sample(picture: $0, instruction: instruction) }
                return network(samples, height: height, width: width, in: workspace)
            }
        }
        if recording.network.hasPrefix("promptir") {
            let network = try PromptIR(parameters, configuration: PromptIRConfiguration(sizes))
            return { network($0, height: height, width: width, in: $1) }
        }
        let network = try Restormer(parameters, configuration: RestormerConfiguration(sizes))
        return { network($0, height: height, width: width, in: $1) }
    }

    @Test("all five are there to be checked", .enabled(if: Recording.folder.has("config.json")))
    func recordingsExist() {
        #expect(Set(Self.recordings.map { $0.network.prefix { $0 != "_" } }).count == 5)
    }

    @Test("outputs stay close to those in fp32", arguments: recordings, Workspace.kernelSetNames)
    func closeness(recording: Recording, kernels: String) throws {
        let input = try RecordedInput(recording.recorded())
        func output(_ precision: Precision) throws -> [Float] {
            try evaluation(recording, input, precision)([input.pictures[0]], Workspace(threads: 2, kernels: kernels))[0]
        }
        let (single, narrow) = (try output(.fp32), try output(.bf16))
        #expect(narrow != single)
        let error = zip(single, narrow).reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
        let whole = single.reduce(0.0) { $0 + Double($1 * $1) }
        // Random weights amplify what rounding does, to 0.001 to 0.033 of the output, alike at each instruction set; a wrong pair,
        // panel or row gives an error as large as the output.
        #expect((error / whole).squareRoot() < Self.tolerance, "\((error / whole).squareRoot())")
    }

    private static let tolerance = 0.1

    @Test("neither batch-mates nor threads change a bit", arguments: recordings)
    func independence(recording: Recording) throws {
        let input = try RecordedInput(recording.recorded())
        let evaluate = try evaluation(recording, input, .bf16)
        let other = input.pictures[0].map { 1 - $0 }
        let alone = evaluate([input.pictures[0]], Workspace(threads: 1))
        for threads in 1...3 {
            #expect(evaluate([other, input.pictures[0], other], Workspace(threads: threads))[1] == alone[0])
        }
    }
}
