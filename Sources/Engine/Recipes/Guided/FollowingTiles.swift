import Compute
import GuidedRestoration
import Images

/// Restores tiles by diffusion first, and then with the help of a guidance: a network that follows another restoration puts back what
/// that could not know.
///
/// A tile is one sample of both, so that rounds, guards and seams are those of the diffusion.
struct FollowingTiles: TileRestorer {
    let first: DiffusionTiles
    let guided: GuidedTiles

    /// Another than the diffusion's own, for whoever comes without a reference has samples of that one.
    static let stageName = "borrow"

    var names: [String] { [Self.stageName] }

    func name(for label: String) -> String { Self.stageName }

    func mode(for label: String) -> RestorationMode { first.mode(for: label) }

    func treats(_ label: String) -> Bool { first.treats(label) }

    func sampling(of modes: [RestorationMode]) -> RestorationResult.Sampling? { first.sampling(of: modes) }

    func stage(for tiles: TilePlan, label: String?) -> Stage? {
        guard let diffusion = first.stage(for: tiles, label: label), let guidance = guided.stage(for: tiles, label: label) else {
            return nil
        }
        return Stage(
            Self.stageName, by: FollowingStage(
                diffusion: DiffusionStage(network: first.network),
                guided: GuidedStage(matchGuard: MatchGuard(configuration: guided.network.guidance.configuration))), width: diffusion.width,
            height: diffusion.height, count: diffusion.count, steps: diffusion.steps + guidance.steps,
            sampleBytes: diffusion.sampleBytes + guidance.sampleBytes,
            evaluationBytes: max(diffusion.evaluationBytes, guidance.evaluationBytes),
            cost: max(diffusion.cost, guidance.cost), maximumBatch: min(diffusion.maximumBatch, guidance.maximumBatch),
            waits: true, isProgress: true)
    }

    func makeSample(
        _ tile: TilePlan.Tile, of picture: Picture, _ finding: Look.Finding, round: Int
    ) throws(RestorationError) -> sending any StageSample {
        FollowingTile(
            first.makeTile(tile, of: picture, finding, round: round), reference: try guided.guidance.features(),
            network: guided.network)
    }

    func values(of sample: any StageSample) throws(RestorationError) -> [Float] {
        guard let tile = sample as? FollowingTile, let guided = tile.guided else {
            throw .internalFault("a sample of another stage")
        }
        _ = try first.values(of: tile.diffusion)
        return try self.guided.values(of: guided)
    }
}

/// A tile's diffusion and, once that is done, its evaluation with the reference.
final class FollowingTile: StageSample {
    let diffusion: DiffusionTile
    private let reference: ReferenceFeatures
    private let network: any GuidedNetwork
    /// Nil while the diffusion goes on.
    fileprivate(set) var guided: GuidedTile?

    init(_ diffusion: DiffusionTile, reference: ReferenceFeatures, network: any GuidedNetwork) {
        self.diffusion = diffusion
        self.reference = reference
        self.network = network
    }

    /// What the network is shown: what the diffusion made, as a picture has it.
    fileprivate func beginGuided() -> GuidedTile {
        let tile = GuidedTile(
            GuidedSample(picture: diffusion.state.map { min(1, max(0, $0)) }, reference: reference),
            width: diffusion.region.width, height: diffusion.region.height, network: network)
        guided = tile
        return tile
    }
}

/// One evaluation of either network for those tiles of a batch that are at it.
struct FollowingStage: StageEvaluator {
    let diffusion: DiffusionStage
    let guided: GuidedStage

    func advance(_ tiles: [FollowingTile], in workspace: Workspace) {
        let (done, going) = (tiles.filter { $0.diffusion.isDone }, tiles.filter { !$0.diffusion.isDone })
        diffusion.advance(going.map(\.diffusion), in: workspace)
        guided.advance(done.map { $0.beginGuided() }, in: workspace)
    }
}
