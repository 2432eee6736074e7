import Compute
import Images
import Synchronization

/// Restores tiles also where nobody looked at the picture.
protocol LabelledTileRestorer: TileRestorer {
    /// - Parameters:
    ///   - label: what is wrong; nil where that is not known.
    ///   - round: counts the pictures made so far.
    func makeTile(
        _ tile: TilePlan.Tile, of picture: Picture, label: String?, round: Int
    ) throws(RestorationError) -> sending any StageSample
}

/// Restores a picture without a look at it: for what the request names, label by label, or in its own words.
///
/// The mutex guards the picture, for tiles may be finished at the same time; it's never held while pixels are worked on.
final class LabelledRun<Tiles: LabelledTileRestorer>: RecipeRun {
    private struct Progress {
        var picture: Picture?
        /// Takes the tiles of this round.
        var blender: TileBlender?
        var made = 0
        var timing: RestorationTiming
        var since: ContinuousClock.Instant?
    }

    let stages: [Stage]
    let samplesAtOnce: Int
    let ownBytes: Int
    private let tiles: TilePlan
    private let restorer: Tiles
    private let labels: [String?]
    private let progress: Mutex<Progress>

    /// - Parameters:
    ///   - tilesAtOnce: as many as can be evaluated at the same time.
    ///   - labels: to treat in turn; one that is nil for whatever the network takes away.
    init(tiles: TilePlan, restorer: Tiles, tilesAtOnce: Int, labels: [String?]) {
        self.tiles = tiles
        self.restorer = restorer
        self.labels = labels
        samplesAtOnce = tilesAtOnce
        ownBytes = TileBlender.workingBytesLimit(for: tiles, tilesAtOnce: tilesAtOnce)
        stages = labels.compactMap { restorer.stage(for: tiles, label: $0) }
        progress = Mutex(Progress(timing: RestorationTiming(stages: restorer.names)))
    }

    func begin(_ picture: Picture) {
        let blender = TileBlender(tiles)
        progress.withLock { ($0.picture, $0.blender) = (picture, blender) }
    }

    func makeSample(
        _ index: Int, ofStage stage: Int, in workspace: Workspace, shouldContinue: @escaping () -> Bool
    ) throws(RestorationError) -> sending any StageSample {
        let now = ContinuousClock.now
        let picture = progress.withLock { progress in
            progress.since = progress.since ?? now
            return progress.picture
        }
        guard let picture else { throw .internalFault("no picture yet") }
        return try restorer.makeTile(tiles[index], of: picture, label: labels[stage], round: stage)
    }

    func finishSample(
        _ sample: any StageSample, _ index: Int, ofStage stage: Int
    ) throws(RestorationError) -> StageOutcome {
        let values = try restorer.values(of: sample)
        let (blender, before) = progress.withLock { ($0.blender, $0.picture) }
        guard let blender, blender.add(values, layout: .interleaved, ofTile: index), var made = before else { return .goOn }
        let isGrey = made.isExactlyGrey
        made.pixels = blender.takePixels()
        // The next round must see grey as well.
        if isGrey { made.turnToMean() }
        progress.withLock { progress in
            progress.picture = made
            progress.made += 1
            progress.blender = progress.made < labels.count ? TileBlender(tiles) : nil
            progress.timing[restorer.name(for: labels[progress.made - 1] ?? "")] += .now - (progress.since ?? .now)
            progress.since = nil
        }
        return .goOn
    }

    func result() throws(RestorationError) -> RestorationResult {
        let (picture, made, timing) = progress.withLock { ($0.picture, $0.made, $0.timing) }
        guard let picture, made == labels.count else { throw .internalFault("a restoration without a picture") }
        return RestorationResult(
            picture: picture, rounds: labels.compactMap { $0.map { .init(degradation: $0, confidence: nil) } },
            sampling: nil, unchanged: false, modes: labels.map { _ in .fast }, timing: timing)
    }
}
