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
    /// Working memory beyond the weights that one worker may hold, in bytes.
    let memoryBudget: Int

    /// Least and greatest side of a tile in pixels.
    static let sides = 64...TileBounds.automaticSide
    /// Pixels that neighbours share.
    static let standardOverlap = 32

    /// What restoring a tile takes, from its making to its end.
    func bytes(width: Int, height: Int, bytesPerPixel: Int) -> Int {
        memory.bytes(width: width, height: height) + width * height * bytesPerPixel
    }

    /// - Parameter bytesPerPixel: of a tile's sample.
    /// - Throws: `exceedsMemory`.
    func plan(
        width: Int, height: Int, tile: Int?, overlap: Int?, bytesPerPixel: Int
    ) throws(RestorationError) -> TilePlan {
        func bytes(_ width: Int, _ height: Int) -> Int {
            self.bytes(width: width, height: height, bytesPerPixel: bytesPerPixel)
        }
        func excess(_ width: Int, _ height: Int) -> RestorationError {
            .exceedsMemory(
                needed: bytes(width, height), limit: memoryBudget,
                largestSide: memory.largestSide(within: memoryBudget, besides: bytesPerPixel))
        }
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
}
