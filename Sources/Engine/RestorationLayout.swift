import Diffusion
import Scheduling

/// How a restoration is made of samples: for each degradation to treat first the picture's embedding, then its tiles.
///
/// One whole-picture embedding conditions all tiles, and the noise field is drawn over the whole picture, so that seams
/// have nothing to show.
struct RestorationLayout: Sendable {
    typealias Outline = SampleOutline<NetworkEvaluator.BatchKey>

    /// What a sample does.
    enum Part: Equatable {
        case embedding(round: Int)
        case tile(Int, round: Int)
    }

    let tiles: TilePlan
    /// Degradations treated one after another.
    let rounds: Int

    var count: Int { rounds * (1 + tiles.count) }

    subscript(index: Int) -> Part {
        let (round, place) = index.quotientAndRemainder(dividingBy: 1 + tiles.count)
        return place == 0 ? .embedding(round: round) : .tile(place - 1, round: round)
    }

    /// What the scheduler must know of the samples, in order.
    ///
    /// - Parameters:
    ///   - steps: evaluations of each tile.
    ///   - embedding: the outline of an embedding that waits for nothing.
    ///   - evaluationBytes: of one tile.
    func outlines(steps: Int, embedding: Outline, evaluationBytes: Int) -> [Outline] {
        let (width, height) = (tiles.tileWidth, tiles.tileHeight)
        return (0..<count).map { index in
            switch self[index] {
            case .embedding(let round):
                Outline(
                    key: embedding.key, steps: embedding.steps, bytes: embedding.bytes, cost: embedding.cost,
                    waitsForEarlier: round > 0)
            case .tile(let tile, _):
                // The first one waits for the embedding, the others may go with it.
                Outline(
                    key: .diffusion(width: width, height: height), steps: steps,
                    bytes: width * height * DiffusionWork.bytesPerPixel, evaluationBytes: evaluationBytes,
                    cost: Double(width * height), waitsForEarlier: tile == 0)
            }
        }
    }

    /// Bytes that the result's sums take at most, beside the picture itself.
    func blendingBytes(tilesAtOnce: Int) -> Int { TileBlender.workingBytesLimit(for: tiles, tilesAtOnce: tilesAtOnce) }
}

/// What a request may ask of tiles, in pixels.
package enum TileBounds {
    /// Sides that may be asked for. A step can't be interrupted, and that of a larger tile keeps a worker for many
    /// seconds.
    package static let sides = 64...1_024
    /// The largest tile that is chosen where none is asked for. Measured (`Tests/Benchmarks/tiles`): a pixel of it costs
    /// no more than one of any larger tile, and pictures come out as close to the truth as whole. A step can't be
    /// interrupted, so this is what a small picture waits for beside a large one: two evaluations of 256x256.
    package static let automaticSide = 384

    /// Half a tile at most.
    package static func overlaps(ofTile tile: Int?) -> ClosedRange<Int> { 0...(tile ?? automaticSide) / 2 }
}

/// Chooses tiles: the whole picture where that is small enough, else the largest tiles that memory allows.
struct TilePlanner: Sendable {
    let memory: MemoryEstimate
    /// Working memory beyond the weights, in bytes.
    let memoryBudget: Int

    /// Least and greatest side of a tile in pixels.
    static let sides = 64...TileBounds.automaticSide
    /// Pixels that neighbours share.
    static let standardOverlap = 32

    /// - Throws: `exceedsMemory`.
    func plan(width: Int, height: Int, tile: Int?, overlap: Int?) throws(RestorationError) -> TilePlan {
        let overlap = overlap ?? Self.standardOverlap
        if let tile {
            let plan = TilePlan(
                width: width, height: height, tile: tile, overlap: overlap, alignment: memory.alignment)
            guard bytes(plan.tileWidth, plan.tileHeight) <= memoryBudget else {
                throw excess(plan.tileWidth, plan.tileHeight)
            }
            return plan
        }
        let plan = TilePlan(
            width: width, height: height, sides: Self.sides, overlap: overlap, alignment: memory.alignment,
            maximumBytes: memoryBudget, bytes: bytes)
        guard let plan else {
            let side = Self.sides.lowerBound
            throw excess(min(side, width), min(side, height))
        }
        return plan
    }

    /// What restoring a tile takes, from its making to its end.
    func bytes(_ width: Int, _ height: Int) -> Int {
        memory.bytes(width: width, height: height) + width * height * DiffusionWork.bytesPerPixel
    }

    private func excess(_ width: Int, _ height: Int) -> RestorationError {
        .exceedsMemory(
            needed: bytes(width, height), limit: memoryBudget, largestSide: memory.largestSide(within: memoryBudget))
    }
}
