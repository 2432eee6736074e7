import Bundles
import Checkpoints
import Compute
import Dispatch
import Engine
import Images
import Synchronization

/// A kind of bundle that the program does not know: it brightens a picture row by row, and once more where it is still
/// dark. Its samples are rows, every step takes two network evaluations, nothing is sampled, and pictures can't be classified.
struct ToyRecipe: Recipe {
    static let kind = "toy"

    let description: RecipeDescription
    private let bundleName: String
    private let brightening: Brightening

    /// The line that makes the program know it.
    static func registry(_ probe: ToyProbe = ToyProbe()) -> RecipeRegistry {
        RecipeRegistry([kind: { bundle, _ in try ToyRecipe(bundle, probe: probe) }])
    }

    init(_ bundle: Bundles.Bundle, probe: ToyProbe) throws(BundleError) {
        bundleName = bundle.manifest.name
        let section = try bundle.section("network")
        do {
            brightening = Brightening(
                network: ToyNetwork(gain: Float(try section.number("gain", above: 0, upTo: 1)), probe: probe), probe: probe)
        } catch {
            throw .malformed(error)
        }
        try bundle.finish()
        description = RecipeDescription(labels: bundle.manifest.labels, classifies: false, options: [.rounds])
    }

    func restoration(
        width: Int, height: Int, options: RestorationOptions
    ) throws(RestorationError) -> any RecipeRun<RestorationResult> {
        BrighteningRun(
            brightening.stage(width: width, rows: height, waits: false), mostRounds: options.rounds ?? 2,
            label: description.labels.first)
    }

    func classification(labels: [String]?) throws(RestorationError) -> any RecipeRun<Classification> {
        throw .notOffered("classification", bundle: bundleName)
    }
}

/// Moves each value a part of the way to one.
struct ToyNetwork: Sendable {
    let gain: Float
    let probe: ToyProbe

    func callAsFunction(_ rows: [[Float]], in workspace: Workspace) -> [[Float]] {
        probe.countNetworkEvaluation()
        let width = rows.first?.count ?? 0
        let output = workspace.tensor(batch: rows.count, width: width, channels: 1)
        workspace.team.run(rows.count) { row, _ in
            for column in 0..<width {
                let value = rows[row][column]
                output.sample(row)[column] = value + (1 - value) * gain
            }
        }
        return (0..<rows.count).map { row in (0..<width).map { output.sample(row)[$0] } }
    }
}

/// Takes rows a step further: the mean of one and of two evaluations of the network.
struct Brightening: StageEvaluator {
    static let steps = 2

    let network: ToyNetwork
    let probe: ToyProbe

    func stage(width: Int, rows: Int, waits: Bool) -> Stage {
        let bytes = width * 3 * MemoryLayout<Float>.stride
        return Stage(
            "brighten", by: self, width: width, height: 1, count: rows, steps: Self.steps, sampleBytes: bytes,
            evaluationBytes: 2 * bytes, cost: Double(width), maximumBatch: 8, waits: waits, isProgress: true)
    }

    func advance(_ rows: [Row], in workspace: Workspace) {
        probe.evaluates(rows.map(\.picture))
        let once = network(rows.map(\.values), in: workspace)
        let twice = network(once, in: workspace)
        for (index, row) in rows.enumerated() { row.values = zip(once[index], twice[index]).map { ($0 + $1) / 2 } }
    }
}

final class Row: StageSample {
    let picture: ObjectIdentifier
    /// Interleaved RGB, 0...1.
    var values: [Float]

    init(of picture: ObjectIdentifier, _ values: [Float]) {
        self.picture = picture
        self.values = values
    }
}

/// A picture's brightening. The mutex guards the picture, whose rows are finished at the same time.
final class BrighteningRun: RecipeRun {
    private struct Progress {
        var picture: Picture?
        var rowsLeft = 0
        /// How dark the picture was before each pass, 0...1.
        var darkness: [Double] = []

        mutating func beginPass() {
            rowsLeft = picture?.height ?? 0
            darkness.append(1 - (picture?.brightness ?? 1))
        }
    }

    let stages: [Stage]
    let samplesAtOnce = 8
    let ownBytes = 0
    private let mostRounds: Int
    private let label: String?
    private let progress = Mutex(Progress())

    init(_ stage: Stage, mostRounds: Int, label: String?) {
        stages = [stage]
        self.mostRounds = mostRounds
        self.label = label
    }

    func begin(_ picture: Picture) {
        progress.withLock { progress in
            progress.picture = picture
            progress.beginPass()
        }
    }

    func makeSample(
        _ index: Int, ofStage stage: Int, in workspace: Workspace, shouldContinue: @escaping () -> Bool
    ) throws(RestorationError) -> sending any StageSample {
        guard let picture = progress.withLock({ $0.picture }) else { throw .internalFault("no picture yet") }
        let row = picture.pixels[index * picture.width * 3..<(index + 1) * picture.width * 3]
        return Row(of: ObjectIdentifier(self), row.map { Float($0) / 255 })
    }

    func finishSample(
        _ sample: any StageSample, _ index: Int, ofStage stage: Int
    ) throws(RestorationError) -> StageOutcome {
        guard let row = sample as? Row else { throw .internalFault("no row") }
        let bytes = row.values.map { UInt8((min(max($0, 0), 1) * 255).rounded()) }
        return progress.withLock { progress in
            progress.picture?.pixels.replaceSubrange(index * bytes.count..<(index + 1) * bytes.count, with: bytes)
            progress.rowsLeft -= 1
            guard progress.rowsLeft == 0, let picture = progress.picture, picture.brightness < 0.5,
                progress.darkness.count < mostRounds
            else { return .goOn }
            progress.beginPass()
            return .extend(stages)
        }
    }

    func result() throws(RestorationError) -> RestorationResult {
        let (picture, darkness) = progress.withLock { ($0.picture, $0.darkness) }
        guard let picture else { throw .internalFault("no picture") }
        var timing = RestorationTiming()
        timing["brighten"] = .milliseconds(1)
        return RestorationResult(
            picture: picture,
            rounds: label.map { label in darkness.map { .init(degradation: label, confidence: $0) } } ?? [],
            sampling: nil, unchanged: false, timing: timing)
    }
}

extension Picture {
    /// The mean of all values, 0...1.
    var brightness: Double { Double(pixels.reduce(0) { $0 + Int($1) }) / Double(max(1, pixels.count)) / 255 }

    /// What a toy bundle makes of it, worked out value by value, and in how many passes.
    func brightened(gain: Float, mostRounds: Int = 2) -> (picture: Picture, passes: Int) {
        var (picture, passes) = (self, 0)
        repeat {
            picture.pixels = picture.pixels.map { byte in
                var value = Float(byte) / 255
                for _ in 0..<Brightening.steps {
                    let once = value + (1 - value) * gain
                    value = (once + (once + (1 - once) * gain)) / 2
                }
                return UInt8((min(max(value, 0), 1) * 255).rounded())
            }
            passes += 1
        } while picture.brightness < 0.5 && passes < mostRounds
        return (picture, passes)
    }
}

/// Sees what the toy's stage does, and may hold it. The mutex guards what was seen.
final class ToyProbe: Sendable {
    private let seen = Mutex((batches: [[ObjectIdentifier]](), networkEvaluations: 0))
    private let gate = DispatchSemaphore(value: 0)
    private let isOpen: Atomic<Bool>

    /// - Parameter isOpen: whether evaluations pass; else they wait for `open`.
    init(isOpen: Bool = true) { self.isOpen = Atomic(isOpen) }

    /// Which picture each row was of, for each step of the stage.
    var batches: [[ObjectIdentifier]] { seen.withLock { $0.batches } }
    var networkEvaluations: Int { seen.withLock { $0.networkEvaluations } }

    func countNetworkEvaluation() { seen.withLock { $0.networkEvaluations += 1 } }

    func evaluates(_ pictures: [ObjectIdentifier]) {
        seen.withLock { $0.batches.append(pictures) }
        if !isOpen.load(ordering: .acquiring) { gate.wait() }
    }

    /// Lets all evaluations pass, those of up to eight workers that wait included.
    func open() {
        isOpen.store(true, ordering: .releasing)
        for _ in 0..<8 { gate.signal() }
    }
}
