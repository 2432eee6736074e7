/// Chooses tiles for networks of one evaluation: the whole picture where it is no larger than a tile may be, else the largest
/// tiles that memory allows.
struct SinglePassPlanner: Sendable {
    /// Of each network.
    private let memories: [SinglePassMemory]
    /// Bytes that something else takes, where tiles may be given to that as well: a diffusion, say.
    private let other: (@Sendable (_ width: Int, _ height: Int) -> Int)?
    let alignment: Int
    /// The largest side of a tile.
    let mostSide: Int
    /// Working memory beyond the weights that one worker may hold, in bytes.
    let memoryBudget: Int

    /// Tiles that any of these networks may be given.
    init(of members: [SinglePassReader.Member], memoryBudget: Int) {
        memories = members.map { SinglePassMemory(measuring: $0.network) }
        // All are powers of two.
        alignment = members.map(\.network.alignment).max() ?? 1
        mostSide = members.map(\.network.mostSide).min() ?? TileBounds.automaticSide
        self.memoryBudget = memoryBudget
        other = nil
    }

    /// Tiles of which something else tells what they take.
    init(
        alignment: Int, mostSide: Int, memoryBudget: Int, bytes: @escaping @Sendable (_ width: Int, _ height: Int) -> Int
    ) {
        memories = []
        other = bytes
        self.alignment = alignment
        self.mostSide = mostSide
        self.memoryBudget = memoryBudget
    }

    private init(_ own: SinglePassPlanner, _ other: TilePlanner, bytesPerPixel: Int) {
        memories = own.memories
        self.other = { max(own.other?($0, $1) ?? 0, other.bytes(width: $0, height: $1, bytesPerPixel: bytesPerPixel)) }
        // Both are powers of two.
        alignment = max(own.alignment, other.memory.alignment)
        mostSide = own.mostSide
        memoryBudget = own.memoryBudget
    }

    /// Tiles that a diffusion may be given as well.
    ///
    /// - Parameter bytesPerPixel: of its tiles in flight.
    func joined(with other: TilePlanner, bytesPerPixel: Int) -> SinglePassPlanner {
        SinglePassPlanner(self, other, bytesPerPixel: bytesPerPixel)
    }

    /// What an evaluation takes of the network that takes the most.
    func bytes(width: Int, height: Int) -> Int {
        let own = memories.map { $0.bytes(width: width, height: height) }.max() ?? 0
        return max(own, other?(width, height) ?? 0)
    }

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
            guard bytes(width: plan.tileWidth, height: plan.tileHeight) <= memoryBudget else {
                throw excess(plan.tileWidth, plan.tileHeight)
            }
            return plan
        }
        let plan = TilePlan(
            width: width, height: height, sides: Self.leastSide...mostSide, overlap: overlap, alignment: alignment,
            maximumBytes: memoryBudget, bytes: bytes)
        guard let plan else { throw excess(min(Self.leastSide, width), min(Self.leastSide, height)) }
        return plan
    }

    private func excess(_ width: Int, _ height: Int) -> RestorationError {
        .exceedsMemory(
            needed: bytes(width: width, height: height), limit: memoryBudget,
            largestSide: largestSide)
    }

    /// Of a square tile within the budget.
    private var largestSide: Int {
        var side = 0
        while side + alignment <= mostSide, bytes(width: side + alignment, height: side + alignment) <= memoryBudget {
            side += alignment
        }
        return side
    }
}
