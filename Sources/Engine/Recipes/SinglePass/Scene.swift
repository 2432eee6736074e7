import Compute
import Images
import NAFNet
import Synchronization

/// A whole picture, shrunk to the size of a tile, for restorations in which the light of the whole scene matters: its means are used in
/// every tile.
///
/// They are computed by whichever tile's evaluation needs them first; where two do so at the same time both come to the same
/// numbers. The mutex guards them and is not held meanwhile.
final class Scene: Sendable {
    /// Labels of what is wrong with the light of a whole scene.
    static let labels: Set<String> = ["hazy", "low-light"]

    private let picture: Picture
    /// Of the shrunk picture's longer side, in pixels.
    private let side: Int
    private let means = Mutex<[[Float]]?>(nil)

    init(_ picture: Picture, side: Int) {
        self.picture = picture
        self.side = side
    }

    /// By block of the network's middle.
    func means(
        by network: any SinglePassNetwork, condition: SinglePassCondition, in workspace: Workspace
    ) -> [[Float]] {
        if let known = means.withLock({ $0 }) { return known }
        let longer = max(picture.width, picture.height)
        func shrunk(_ length: Int) -> Int { max(1, length * min(side, longer) / max(1, longer)) }
        let (width, height) = (shrunk(picture.width), shrunk(picture.height))
        // Nobody asks it to end, so that it never does.
        guard let small = try? picture.resampled(
            width: width, height: height, columns: 0..<width, rows: 0..<height,
            sharedBy: workspace.team.share)
        else { return [] }
        let seen = SeenMeans()
        _ = network.evaluate(
            [.init(picture: small.map { Float($0) / 255 }, condition: condition)], height: height, width: width,
            means: .read { block, rows in seen.note(rows.first ?? [], ofBlock: block) }, in: workspace)
        means.withLock { $0 = seen.rows }
        return seen.rows
    }

    /// What an evaluation tells of its blocks, one after another on the calling thread.
    private final class SeenMeans {
        private(set) var rows: [[Float]] = []

        func note(_ row: [Float], ofBlock block: Int) {
            while rows.count <= block { rows.append([]) }
            rows[block] = row
        }
    }
}
