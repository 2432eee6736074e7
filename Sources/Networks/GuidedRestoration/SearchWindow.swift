/// Where in the coarsest features of a reference the matches of a block are looked for (README, "Search window"), along one
/// side: both are told alike. Where it is larger than the reference it goes round and begins anew.
struct SearchWindow: Sendable, Equatable {
    /// Its first row, or column: negative where it is larger than the reference.
    let start: Int
    /// Places of a 3x3 patch in it: two fewer than it is long.
    let places: Int

    /// - Parameters:
    ///   - best: where the block was found.
    ///   - size: of the reference's features.
    ///   - blocks: of the picture.
    init(around best: Int, size: Int, blocks: Int, share: Double) {
        places = Self.places(size: size, blocks: blocks, share: share)
        let half = places / 2
        var (first, last) = (best - half - 1, best + half + 1)
        if first < 0 { (first, last) = (0, places + 1) }
        if last > size - 1 { first = size - 1 - (places + 1) }
        start = first
    }

    /// The division of whole numbers comes first, then the share, whose fraction is cut off.
    static func places(size: Int, blocks: Int, share: Double) -> Int {
        2 * Int(Double(size / (2 * blocks)) * share) + 1
    }

    /// Places after which the same patches come again.
    func distinctPlaces(size: Int) -> Int { min(places, size) }

    /// A row, or column, in the reference.
    static func wrapped(_ index: Int, _ size: Int) -> Int {
        let rest = index % size
        return rest < 0 ? rest + size : rest
    }
}
