/// How much each tile of a row or column of tiles counts at each position, as integers that sum to `one` everywhere.
///
/// A tile's weight rises over what it shares with its neighbour by the smooth step 3t^2 - 2t^3, which with its mirror
/// image makes one; where more than two tiles overlap the weights are scaled to that. The weight of a tile of the grid is
/// the product of its column's and its row's, and these sum to `one` squared.
package struct BlendWeights: Sendable {
    package static let one = 1 << 12

    /// Of each tile, from its first position to its last; 0...`one`.
    package let weights: [[Int32]]
    /// Positions in more than one tile.
    package let isShared: [Bool]

    /// - Parameter ranges: positions of each tile; they start and end in order and cover 0 ..< the last one's end.
    package init(_ ranges: [Range<Int>]) {
        let length = ranges.last?.upperBound ?? 0
        var weights = ranges.map { [Int32](repeating: Int32(Self.one), count: $0.count) }
        var isShared = [Bool](repeating: false, count: length)
        // The tiles that cover a position follow one another, and both ends only move on.
        var first = 0
        var end = 0
        for position in 0..<length {
            while first < ranges.count, ranges[first].upperBound <= position { first += 1 }
            while end < ranges.count, ranges[end].lowerBound <= position { end += 1 }
            guard end - first > 1 else { continue }
            isShared[position] = true
            let parts = Self.split((first..<end).map { Self.height(of: $0, at: position, in: ranges) })
            for (tile, part) in zip(first..<end, parts) {
                weights[tile][position - ranges[tile].lowerBound] = part
            }
        }
        self.weights = weights
        self.isShared = isShared
    }

    /// A tile's weight before scaling: the product of its ramps, always above 0.
    private static func height(of tile: Int, at position: Int, in ranges: [Range<Int>]) -> Double {
        var height = 1.0
        let range = ranges[tile]
        if tile > 0 {
            height *= ramp(position - range.lowerBound, over: ranges[tile - 1].upperBound - range.lowerBound)
        }
        if tile + 1 < ranges.count {
            height *= ramp(range.upperBound - 1 - position, over: range.upperBound - ranges[tile + 1].lowerBound)
        }
        return height
    }

    private static func ramp(_ distance: Int, over length: Int) -> Double {
        guard distance < length else { return 1 }
        let t = (Double(distance) + 0.5) / Double(length)
        return t * t * (3 - 2 * t)
    }

    /// Splits `one` in proportion; what rounding leaves goes to the largest part.
    private static func split(_ heights: [Double]) -> [Int32] {
        let total = heights.reduce(0, +)
        var parts = heights.map { Int32($0 / total * Double(one)) }
        if let largest = parts.indices.max(by: { parts[$0] < parts[$1] }) {
            parts[largest] += Int32(one) - parts.reduce(0, +)
        }
        return parts
    }
}
