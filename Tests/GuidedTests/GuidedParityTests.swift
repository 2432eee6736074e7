import Checkpoints
import Compute
import Foundation
import GuidedRestoration
import Images
import TestSupport
import Testing

/// The recorded evaluations of guided networks, stage by stage.
@Suite("Guided networks: parity", .enabled(if: GuidedFixtures.folder.has("config.json", "tolerances.json")))
struct GuidedParityTests {
    @Test(
        "every recorded stage is reproduced, on all instruction sets", arguments: GuidedFixtures.Backbone.allCases,
        Workspace.kernelSetNames)
    func stages(backbone: GuidedFixtures.Backbone, kernels: String) throws {
        let network = try GuidedFixtures.network(backbone)
        let names = try GuidedFixtures.recordings(backbone)
        #expect(!names.isEmpty)
        for name in names {
            let recorded = try GuidedFixtures.recorded(name)
            let check = StageCheck(name, recorded)
            let input = try RecordedPictures(#require(recorded["input_u8"]))
            let references = try RecordedPictures(#require(recorded["reference_u8"]))
            let workspace = Workspace(threads: 2, kernels: kernels)
            let output = try run(network, input, references, check, in: workspace)
            try check.compare("output", output.flatMap { planes($0) })
            #expect(check.unchecked.isEmpty, "\(name): recorded but not compared: \(check.unchecked)")
        }
    }

    @Test(
        "the recorded run's picture is restored with its guidance, byte for byte but for rounding",
        .enabled(if: GuidedFixtures.folder.has("run.safetensors", "words.safetensors")), arguments: Workspace.kernelSetNames)
    func run(kernels: String) throws {
        let recorded = try GuidedFixtures.recorded("run")
        let picture = try RecordedPictures(#require(GuidedFixtures.recorded("words")["picture"]))
        let guidance = try RecordedPictures(#require(recorded["guidance_u8"]))
        let check = StageCheck("run", recorded)
        let output = try run(
            GuidedFixtures.network(.nafnet), picture, guidance, check, in: Workspace(threads: 2, kernels: kernels))
        try check.compare("restored", planes(output[0]))
        let bytes = output[0].map(Picture.byte)
        let expected = try #require(recorded["restored_u8"]).withBytes { [UInt8]($0) }
        let differences = zip(bytes, expected).map { abs(Int($0) - Int($1)) }
        #expect(bytes.count == expected.count && (differences.max() ?? 0) <= 1)
        #expect(differences.count { $0 > 0 } * 1_000 <= differences.count)
        #expect(!check.unchecked.contains { $0.hasPrefix("fine") || $0.hasPrefix("restored") && $0 != "restored_u8" })
    }

    @Test("neither batch-mates, nor their references, nor threads change a bit", arguments: GuidedFixtures.Backbone.allCases)
    func independence(backbone: GuidedFixtures.Backbone) throws {
        let network = try GuidedFixtures.network(backbone)
        let recorded = try GuidedFixtures.recorded(#require(GuidedFixtures.recordings(backbone).first))
        let input = try RecordedPictures(#require(recorded["input_u8"]))
        let references = try RecordedPictures(#require(recorded["reference_u8"]))
        func features(_ values: [Float], threads: Int) -> ReferenceFeatures {
            network.guidance.features(
                of: values, height: references.height, width: references.width, in: Workspace(threads: threads))
        }
        let own = GuidedSample(picture: input.samples[0], reference: features(references.samples[0], threads: 1))
        // Of another size as well.
        let other = GuidedSample(
            picture: input.samples[0].map { 1 - $0 },
            reference: network.guidance.features(of: input.samples[0], height: input.height, width: input.width, in: Workspace(threads: 1)))
        let alone = network(
            [own], height: input.height, width: input.width, observe: nil, in: Workspace(threads: 1))
        for threads in 2...3 {
            let again = GuidedSample(picture: own.picture, reference: features(references.samples[0], threads: threads))
            let together = network(
                [other, again, other], height: input.height, width: input.width, observe: nil, in: Workspace(threads: threads))
            #expect(together[1] == alone[0] && together[0] != alone[0] && together[0] == together[2])
        }
    }

    @Test("products in bfloat16 change the picture by little, and no match", arguments: GuidedFixtures.Backbone.allCases)
    func narrow(backbone: GuidedFixtures.Backbone) throws {
        let recorded = try GuidedFixtures.recorded(#require(GuidedFixtures.recordings(backbone).first))
        let input = try RecordedPictures(#require(recorded["input_u8"]))
        let references = try RecordedPictures(#require(recorded["reference_u8"]))
        let workspace = Workspace(threads: 1)
        let found = try [Precision.fp32, .bf16].map { precision in
            let network = try GuidedFixtures.network(backbone, precision)
            let features = network.guidance.features(
                of: references.samples[0], height: references.height, width: references.width, in: workspace)
            var rows: [Float] = []
            let output = network(
                [GuidedSample(picture: input.samples[0], reference: features)], height: input.height, width: input.width,
                observe: { if $0 == "fine.row.0" { rows = $1.values } }, in: workspace)
            return (output: output[0], rows: rows)
        }
        #expect(found[0].rows == found[1].rows && found[0].output != found[1].output)
        let largest = found[0].output.reduce(0) { max($0, abs($1)) }
        let difference = zip(found[0].output, found[1].output).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
        #expect(difference < 0.1 * largest)
    }

    // MARK: Running

    private func run(
        _ network: any GuidedNetwork, _ input: RecordedPictures, _ references: RecordedPictures, _ check: StageCheck,
        in workspace: Workspace
    ) throws -> [NetworkOutput] {
        let deepest = network.guidance.configuration.levels - 1
        var (first, last): ([Float], [Float]) = ([], [])
        let features = references.samples.map { reference in
            network.guidance.features(
                of: reference, height: references.height, width: references.width,
                observe: { stage, tensor in
                    if stage == "reference.0" { first += check.cut(tensor, like: "feat_ref_0") }
                    if stage == "reference.\(deepest)" { last += tensor.channelsFirst }
                }, in: workspace)
        }
        try check.compare("feat_ref_0", first)
        try check.compare("feat_ref_deep", last)
        let found = FoundMatches()
        let samples = zip(input.samples, features).map { GuidedSample(picture: $0, reference: $1) }
        var fault: (any Error)?
        let output = network(
            samples, height: input.height, width: input.width,
            observe: { stage, tensor in
                do {
                    if stage == "features" { try check.compare("feat_input_deep", tensor.channelsFirst) }
                    if stage.hasPrefix("warp.") { try check.compare(stage, check.cut(tensor, like: stage)) }
                } catch { fault = error }
                found.note(stage, tensor)
            }, in: workspace)
        if let fault { throw fault }
        let configuration = network.guidance.configuration
        func size(_ pixels: Int) -> Int { (pixels + configuration.alignment - 1) / configuration.alignment * configuration.blockSide }
        try found.compare(
            check, configuration, blocks: (size(input.height) / configuration.blockSide, size(input.width) / configuration.blockSide),
            reference: (size(references.height), size(references.width)))
        return output.map { NetworkOutput(values: $0, height: input.height, width: input.width) }
    }

    private func planes(_ picture: NetworkOutput) -> [Float] {
        let pixels = picture.height * picture.width
        return (0..<3 * pixels).map { picture.values[$0 % pixels * 3 + $0 / pixels] }
    }
}

/// What a network gave: height x width x 3.
struct NetworkOutput {
    let values: [Float]
    let height: Int
    let width: Int

    func map<Value>(_ change: (Float) -> Value) -> [Value] { values.map(change) }
}

/// Compares with what a file recorded, within its tolerances.
final class StageCheck {
    let file: String
    let recorded: StateDict
    private var checked: Set<String> = ["input_u8", "reference_u8", "coarse_margin", "fine_margin"]

    init(_ file: String, _ recorded: StateDict) {
        self.file = file
        self.recorded = recorded
    }

    var unchecked: [String] { recorded.names.filter { !checked.contains($0) } }

    func note(_ name: String) { checked.insert(name) }

    /// Values in the recording's layout; nothing where that has no such tensor.
    func compare(_ name: String, _ values: [Float]) throws {
        guard let expected = recorded[name]?.floats() else { return }
        checked.insert(name)
        try #require(values.count == expected.count, "\(file): \(name)")
        let largest = expected.reduce(0) { max($0, abs($1)) }
        let difference = zip(values, expected).reduce(Float(0)) { most, pair in
            let own = abs(pair.0 - pair.1)
            return own.isNaN ? .infinity : max(most, own)
        }
        let limit = Float(try GuidedFixtures.share(of: name, in: file)) * largest
        #expect(difference <= limit, "\(file): \(name) differs by \(difference / largest) of its largest, allowed \(limit / largest)")
    }

    /// The first channels, rows and columns, as many as are recorded.
    func cut(_ tensor: Tensor, like name: String) -> [Float] {
        guard let shape = recorded[name]?.shape, shape.count == 4 else { return [] }
        let values = tensor.values
        var result: [Float] = []
        for sample in 0..<tensor.batch {
            for channel in 0..<shape[1] {
                for row in 0..<shape[2] {
                    for column in 0..<shape[3] {
                        result.append(values[((sample * tensor.height + row) * tensor.width + column) * tensor.channels + channel])
                    }
                }
            }
        }
        return result
    }
}

/// What a network told of its matches.
final class FoundMatches {
    private var stages: [String: [Float]] = [:]
    private var samples = 0

    func note(_ stage: String, _ tensor: Tensor) {
        guard stage.hasPrefix("coarse.") || stage.hasPrefix("fine.") else { return }
        stages[stage] = tensor.values
        if stage.hasPrefix("coarse.score.") { samples += 1 }
    }

    private func all(_ name: String) -> [[Float]] { (0..<samples).map { stages["\(name).\($0)"] ?? [] } }

    /// - Parameters:
    ///   - blocks: down and across.
    ///   - reference: rows and columns of its coarsest features.
    func compare(
        _ check: StageCheck, _ configuration: GuidanceConfiguration, blocks: (rows: Int, columns: Int),
        reference: (rows: Int, columns: Int)
    ) throws {
        let least = try GuidedFixtures.leastMargin()
        let (rows, columns) = (all("coarse.row"), all("coarse.column"))
        try check.compare("coarse_score", all("coarse.score").flatMap(\.self))
        if let index = check.recorded["coarse_index"]?.floats(), let margin = check.recorded["coarse_margin"]?.floats() {
            check.note("coarse_index")
            let found = zip(rows.flatMap(\.self), columns.flatMap(\.self)).map { Int($0) * reference.columns + Int($1) }
            for (place, own) in found.enumerated() where margin[place] > least {
                #expect(own == Int(index[place]), "\(check.file): block \(place)")
            }
        }
        let side = configuration.blockSide
        /// Row by row of a sample becomes block by block.
        func byBlock(_ values: [Float]) -> [Float] {
            (0..<blocks.rows * blocks.columns).flatMap { block in
                (0..<side * side).map { cell in
                    let row = block / blocks.columns * side + cell / side
                    return values[row * blocks.columns * side + block % blocks.columns * side + cell % side]
                }
            }
        }
        try check.compare("fine_score", all("fine.score").flatMap(byBlock))
        guard let index = check.recorded["fine_index"]?.floats(), let margin = check.recorded["fine_margin"]?.floats() else { return }
        check.note("fine_index")
        let ownRows = all("fine.row").flatMap(byBlock), ownColumns = all("fine.column").flatMap(byBlock)
        let places = Window.places(reference.columns, blocks.columns, configuration.windowShare)
        try #require(ownRows.count == index.count)
        for cell in index.indices where margin[cell] > least {
            let (sample, block) = (cell / (side * side)).quotientAndRemainder(dividingBy: blocks.rows * blocks.columns)
            let y = Window.start(Int(rows[sample][block]), reference.rows, blocks.rows, configuration.windowShare)
            let x = Window.start(Int(columns[sample][block]), reference.columns, blocks.columns, configuration.windowShare)
            let row = y + Int(index[cell]) / places, column = x + Int(index[cell]) % places
            #expect(
                (row - Int(ownRows[cell])) % reference.rows == 0 && (column - Int(ownColumns[cell])) % reference.columns == 0,
                "\(check.file): cell \(cell)")
        }
    }
}

/// Search windows once more, as the definition reads.
private enum Window {
    static func places(_ size: Int, _ blocks: Int, _ share: Double) -> Int {
        2 * Int((Double(size / (2 * blocks)) * share).rounded(.down)) + 1
    }

    static func start(_ best: Int, _ size: Int, _ blocks: Int, _ share: Double) -> Int {
        let places = places(size, blocks, share)
        var (first, last) = (best - places / 2 - 1, best + places / 2 + 1)
        if first < 0 { (first, last) = (0, places + 1) }
        if last > size - 1 { (first, last) = (size - 1 - (places + 1), size - 1) }
        return first
    }
}
