/// Chooses tiles: the whole picture where that is small enough, else the largest tiles that memory allows.
struct AutoDIRPlanner: Sendable {
    let memory: AutoDIRMemory
    /// Working memory beyond the weights that one worker may hold, in bytes.
    let memoryBudget: Int

    /// The largest tile that is chosen where none is asked for, and the largest that may be: sides in pixels.
    static let automaticSide = 512
    static let mostSide = 768
    /// Pixels that neighbours share.
    static let standardOverlap = 64

    /// Tiles of the picture, padded to whole units of the networks.
    ///
    /// - Parameter evaluations: of the network a step.
    /// - Throws: `option` for a tile that is too large, `exceedsMemory`.
    func plan(
        width: Int, height: Int, tile: Int?, overlap: Int?, evaluations: Int
    ) throws(RestorationError) -> TilePlan {
        let unit = memory.alignment
        let (width, height) = (SignedPicture.rounded(width, to: unit), SignedPicture.rounded(height, to: unit))
        func bytes(_ width: Int, _ height: Int) -> Int {
            memory.bytes(width: width, height: height, evaluations: evaluations)
        }
        let overlap = overlap ?? Self.standardOverlap
        if let tile {
            guard tile <= Self.mostSide else {
                throw .option(OptionFault(
                    .tile, String(tile),
                    expected: "a whole number from \(TileBounds.sides.lowerBound) to \(Self.mostSide) with this bundle"))
            }
            let plan = TilePlan(width: width, height: height, tile: tile, overlap: overlap, alignment: unit)
            guard bytes(plan.tileWidth, plan.tileHeight) <= memoryBudget else {
                throw excess(bytes(plan.tileWidth, plan.tileHeight), bytes)
            }
            return plan
        }
        let plan = TilePlan(
            width: width, height: height, sides: unit...max(unit, Self.automaticSide), overlap: overlap, alignment: unit,
            maximumBytes: memoryBudget, bytes: bytes)
        guard let plan else { throw excess(bytes(unit, unit), bytes) }
        return plan
    }

    private func excess(_ needed: Int, _ bytes: (Int, Int) -> Int) -> RestorationError {
        let unit = memory.alignment
        let sides = Array(stride(from: unit, through: max(unit, Self.mostSide), by: unit))
        let largest = sides.last { bytes($0, $0) <= memoryBudget } ?? 0
        return .exceedsMemory(needed: needed, limit: memoryBudget, largestSide: largest)
    }
}
