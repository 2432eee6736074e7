/// Chooses tiles for networks of one evaluation: the whole picture where it is no larger than a tile may be, else the largest
/// tiles that memory allows.
struct SinglePassPlanner: Sendable {
    let memory: SinglePassMemory
    let alignment: Int
    /// The largest side of a tile.
    let mostSide: Int
    /// Working memory beyond the weights that one worker may hold, in bytes.
    let memoryBudget: Int

    /// Of a tile.
    static let leastSide = 64
    /// Pixels that neighbours share: as many as published results have between tiles, and more than a tile's edge is seen from.
    static let standardOverlap = 32

    /// - Throws: `option` for a tile that is too large for the networks, `exceedsMemory`.
    func plan(width: Int, height: Int, tile: Int?, overlap: Int?) throws(RestorationError) -> TilePlan {
        let overlap = overlap ?? Self.standardOverlap
        if let tile {
            guard tile <= mostSide else {
                throw .option(OptionFault(
                    .tile, String(tile), expected: "a whole number from \(Self.leastSide) to \(mostSide) with this bundle"))
            }
            let plan = TilePlan(width: width, height: height, tile: tile, overlap: overlap, alignment: alignment)
            guard memory.bytes(width: plan.tileWidth, height: plan.tileHeight) <= memoryBudget else {
                throw excess(plan.tileWidth, plan.tileHeight)
            }
            return plan
        }
        let plan = TilePlan(
            width: width, height: height, sides: Self.leastSide...mostSide, overlap: overlap, alignment: alignment,
            maximumBytes: memoryBudget, bytes: memory.bytes)
        guard let plan else { throw excess(min(Self.leastSide, width), min(Self.leastSide, height)) }
        return plan
    }

    private func excess(_ width: Int, _ height: Int) -> RestorationError {
        .exceedsMemory(
            needed: memory.bytes(width: width, height: height), limit: memoryBudget,
            largestSide: memory.largestSide(within: memoryBudget))
    }
}
