import Compute
import GuidedRestoration
import Images

/// Restores tiles with the help of what a run's guidance gives: each tile may borrow from anywhere in the whole reference.
struct GuidedTiles: LabelledTileRestorer {
    let network: any GuidedNetwork
    let guidance: any GuidanceSource
    /// Labels that the bundle does anything about.
    let treated: Set<String>
    let memory: GuidedMemory
    /// Bytes of the features that tiles borrow from.
    let featureBytes: Int
    let maximumBatch: Int

    /// The largest side of a tile: that of the crops that such networks are trained with.
    static let mostSide = 384

    var names: [String] { [SinglePassTiles.stageName] }

    func name(for label: String) -> String { SinglePassTiles.stageName }

    func mode(for label: String) -> RestorationMode { .fast }

    /// Nothing is sampled.
    func sampling(of modes: [RestorationMode]) -> RestorationResult.Sampling? { nil }

    func treats(_ label: String) -> Bool { treated.contains(label) }

    func stage(for tiles: TilePlan, label: String?) -> Stage? {
        let (width, height) = (tiles.tileWidth, tiles.tileHeight)
        return Stage(
            SinglePassTiles.stageName, by: GuidedStage(), width: width, height: height, count: tiles.count,
            // Counted with each tile in flight, for nobody else counts them.
            sampleBytes: width * height * SinglePassTile.bytesPerPixel + featureBytes,
            evaluationBytes: memory.restorationBytes(width: width, height: height), cost: Double(width * height),
            maximumBatch: SinglePassTiles.maximumBatch(width: width, height: height, limit: maximumBatch), waits: true,
            isProgress: true)
    }

    func makeSample(
        _ tile: TilePlan.Tile, of picture: Picture, _ finding: Look.Finding, round: Int
    ) throws(RestorationError) -> sending any StageSample {
        try makeTile(tile, of: picture, label: finding.label, round: round)
    }

    func makeTile(
        _ tile: TilePlan.Tile, of picture: Picture, label: String?, round: Int
    ) throws(RestorationError) -> sending any StageSample {
        GuidedTile(
            GuidedSample(picture: picture.floats(of: tile), reference: try guidance.features()), width: tile.width,
            height: tile.height, network: network)
    }

    func values(of sample: any StageSample) throws(RestorationError) -> [Float] {
        guard let tile = sample as? GuidedTile else { throw .internalFault("a sample of another stage") }
        guard tile.sample.picture.allAreFinite else { throw .nonFinite(stage: SinglePassTiles.stageName) }
        return tile.sample.picture
    }
}

/// A tile before its evaluation, then after it.
final class GuidedTile: StageSample {
    let width: Int
    let height: Int
    fileprivate let network: any GuidedNetwork
    /// Its picture is what came, then what was made.
    fileprivate(set) var sample: GuidedSample

    init(_ sample: GuidedSample, width: Int, height: Int, network: any GuidedNetwork) {
        self.sample = sample
        self.width = width
        self.height = height
        self.network = network
    }
}

/// One evaluation for all tiles of a batch, whatever their references.
struct GuidedStage: StageEvaluator {
    /// Says which of them borrow; nil for all.
    var matchGuard: MatchGuard?

    func advance(_ tiles: [GuidedTile], in workspace: Workspace) {
        guard let first = tiles.first else { return }
        let (height, width) = (first.height, first.width)
        let notes = matchGuard.map { _ in MatchGuard.Notes() }
        let outputs = first.network(
            tiles.map(\.sample), height: height, width: width, observe: notes.map { $0.take }, in: workspace)
        for (index, (tile, output)) in zip(tiles, outputs).enumerated() {
            if let matchGuard, let notes, !matchGuard.trusts(notes, ofSample: index, height: height, width: width) { continue }
            tile.sample.picture = output
        }
    }
}
