import CLIP
import Compute
import Images
import NAFNet
import Synchronization

/// Restores tiles in one evaluation each.
struct SinglePassTiles: LabelledTileRestorer {
    let treatments: Treatments
    /// The request's own; nil for the bundle's.
    let instruction: Instruction?
    /// Of how many tiles the picture is.
    let tileCount: Int
    let planner: SinglePassPlanner
    let maximumBatch: Int
    private let scenes = Scenes()

    init(
        treatments: Treatments, instruction: Instruction?, tileCount: Int, planner: SinglePassPlanner, maximumBatch: Int
    ) {
        self.treatments = treatments
        self.instruction = instruction
        self.tileCount = tileCount
        self.planner = planner
        self.maximumBatch = maximumBatch
    }

    /// Pixels of a batch beyond which another tile no longer makes an evaluation cheaper.
    private static let batchPixels = 256 * 256
    static let stageName = "restore"

    /// How many tiles of a size share an evaluation.
    ///
    /// - Parameter limit: the most of any size.
    static func maximumBatch(width: Int, height: Int, limit: Int) -> Int {
        max(1, min(limit, batchPixels / max(1, width * height)))
    }

    var names: [String] { [Self.stageName] }

    func name(for label: String) -> String { Self.stageName }

    func mode(for label: String) -> RestorationMode { .fast }

    /// Nothing is sampled.
    func sampling(of modes: [RestorationMode]) -> RestorationResult.Sampling? { nil }

    func treats(_ label: String) -> Bool { treatments[label] != nil }

    func stage(for tiles: TilePlan, label: String?) -> Stage? { stage(for: tiles) }

    func stage(for tiles: TilePlan) -> Stage {
        let (width, height) = (tiles.tileWidth, tiles.tileHeight)
        return Stage(
            Self.stageName, by: SinglePassStage(), width: width, height: height, count: tiles.count,
            sampleBytes: width * height * SinglePassTile.bytesPerPixel,
            evaluationBytes: planner.bytes(width: width, height: height), cost: Double(width * height),
            maximumBatch: Self.maximumBatch(width: width, height: height, limit: maximumBatch), waits: true,
            isProgress: true)
    }

    func makeSample(
        _ tile: TilePlan.Tile, of picture: Picture, _ finding: Look.Finding, round: Int
    ) throws(RestorationError) -> sending any StageSample {
        try makeTile(tile, of: picture, label: finding.label, finding.embeddings, round: round)
    }

    func makeTile(
        _ tile: TilePlan.Tile, of picture: Picture, label: String?, round: Int
    ) throws(RestorationError) -> sending any StageSample {
        try makeTile(tile, of: picture, label: label, nil, round: round)
    }

    /// - Parameters:
    ///   - label: what is wrong; nil where that is not known.
    ///   - embeddings: of the picture, where somebody looked at it.
    ///   - round: counts the pictures made so far.
    func makeTile(
        _ tile: TilePlan.Tile, of picture: Picture, label: String?, _ embeddings: DegradationAwareCLIP.Embeddings?,
        round: Int
    ) throws(RestorationError) -> sending SinglePassTile {
        guard let treatment = treatments[instruction == nil ? label : nil] else {
            throw .internalFault("a tile of something that the bundle does nothing about")
        }
        let mayNeedScene = tileCount > 1 && (treatment.isOfScene || instruction != nil)
        return SinglePassTile(
            picture.floats(of: tile), width: tile.width, height: tile.height, treatment: treatment,
            condition: SinglePassCondition(
                degradation: embeddings?.degradation ?? [], content: embeddings?.content ?? [],
                instruction: treatment.instruction),
            instruction: instruction,
            scene: mayNeedScene ? scenes.scene(of: picture, round: round, side: max(tile.width, tile.height)) : nil)
    }

    func values(of sample: any StageSample) throws(RestorationError) -> [Float] {
        guard let tile = sample as? SinglePassTile else { throw .internalFault("a sample of another stage") }
        guard tile.values.allAreFinite else { throw .nonFinite(stage: Self.stageName) }
        return tile.values
    }
}

/// The scene of each round's picture. The mutex guards them.
private final class Scenes: Sendable {
    private let scenes = Mutex<[Int: Scene]>([:])

    func scene(of picture: Picture, round: Int, side: Int) -> Scene {
        scenes.withLock { scenes in
            if let scene = scenes[round] { return scene }
            let scene = Scene(picture, side: side)
            scenes = [round: scene]
            return scene
        }
    }
}

/// A tile before its evaluation, then after it.
final class SinglePassTile: StageSample {
    /// Of the picture before, and of the one after.
    static let bytesPerPixel = 2 * 3 * MemoryLayout<Float>.stride

    let width: Int
    let height: Int
    let treatment: Treatment
    /// Interleaved RGB, nominally 0...1: what came, then what was made.
    fileprivate(set) var values: [Float]
    private var condition: SinglePassCondition
    private let instruction: Instruction?
    private let scene: Scene?

    init(
        _ values: [Float], width: Int, height: Int, treatment: Treatment, condition: SinglePassCondition,
        instruction: Instruction?, scene: Scene?
    ) {
        self.values = values
        self.width = width
        self.height = height
        self.treatment = treatment
        self.condition = condition
        self.instruction = instruction
        self.scene = scene
    }

    /// What its evaluation takes: the input, and the means of the whole scene by block, none where the tile's own count.
    fileprivate func prepared(in workspace: Workspace) -> (input: SinglePassInput, means: [[Float]]) {
        var isOfScene = treatment.isOfScene
        if let meaning = instruction?.meaning(in: workspace) {
            condition.instruction = meaning.vector
            isOfScene = meaning.isOfScene
        }
        let means = isOfScene
            ? scene?.means(by: treatment.network, condition: condition, in: workspace) ?? [] : []
        return (SinglePassInput(picture: values, condition: condition), means)
    }
}

/// One evaluation for all tiles of a batch that one network restores.
struct SinglePassStage: StageEvaluator {
    func advance(_ tiles: [SinglePassTile], in workspace: Workspace) {
        for number in Set(tiles.map(\.treatment.number)).sorted() {
            evaluate(tiles.filter { $0.treatment.number == number }, in: workspace)
        }
    }

    private func evaluate(_ tiles: [SinglePassTile], in workspace: Workspace) {
        guard let first = tiles.first else { return }
        let prepared = tiles.map { $0.prepared(in: workspace) }
        let blocks = prepared.map(\.means.count).max() ?? 0
        let given = (0..<blocks).map { block in
            prepared.map { block < $0.means.count ? $0.means[block] : [] }
        }
        let outputs = first.treatment.network.evaluate(
            prepared.map(\.input), height: first.height, width: first.width,
            means: given.isEmpty ? nil : .given(given), in: workspace)
        for (tile, output) in zip(tiles, outputs) { tile.values = output }
    }
}
