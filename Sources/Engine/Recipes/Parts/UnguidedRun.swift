import Compute
import Images
import Synchronization

/// Restores the tiles of a picture without a look at it: for bundles that can't tell what is wrong.
///
/// The mutex guards the picture, for tiles may be finished at the same time; it's never held while pixels are worked on.
final class UnguidedRun<Tiles: TileRestorer>: RecipeRun {
    private struct Progress {
        var picture: Picture?
        /// Takes the tiles, from the picture's turn on.
        var blender: TileBlender?
        var isRestored = false
        var timing: RestorationTiming
        var since: ContinuousClock.Instant?
    }

    let stages: [Stage]
    let samplesAtOnce: Int
    let ownBytes: Int
    private let tiles: TilePlan
    private let restorer: Tiles
    private let label: String?
    private let progress: Mutex<Progress>

    /// - Parameters:
    ///   - tilesAtOnce: as many as can be evaluated at the same time.
    ///   - label: what is treated, where that has a name.
    init(tiles: TilePlan, restorer: Tiles, tilesAtOnce: Int, label: String?) {
        self.tiles = tiles
        self.restorer = restorer
        self.label = label
        samplesAtOnce = tilesAtOnce
        ownBytes = TileBlender.workingBytesLimit(for: tiles, tilesAtOnce: tilesAtOnce)
        stages = [restorer.stage(for: tiles, label: label)].compactMap(\.self)
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
        return try restorer.makeSample(tiles[index], of: picture, .nothing, round: 0)
    }

    func finishSample(
        _ sample: any StageSample, _ index: Int, ofStage stage: Int
    ) throws(RestorationError) -> StageOutcome {
        let values = try restorer.values(of: sample)
        let blender = progress.withLock { $0.blender }
        guard let blender, blender.add(values, layout: .interleaved, ofTile: index) else { return .goOn }
        let pixels = blender.takePixels()
        progress.withLock { progress in
            progress.picture?.pixels = pixels
            progress.blender = nil
            progress.isRestored = true
            progress.timing[restorer.name(for: label ?? "")] += .now - (progress.since ?? .now)
        }
        return .goOn
    }

    func result() throws(RestorationError) -> RestorationResult {
        let (picture, isRestored, timing) = progress.withLock { ($0.picture, $0.isRestored, $0.timing) }
        guard let picture, isRestored else { throw .internalFault("a restoration without a picture") }
        let modes = [restorer.mode(for: label ?? "")]
        return RestorationResult(
            picture: picture, rounds: label.map { [.init(degradation: $0, confidence: nil)] } ?? [],
            sampling: restorer.sampling(of: modes), unchanged: false, modes: modes, timing: timing)
    }
}
