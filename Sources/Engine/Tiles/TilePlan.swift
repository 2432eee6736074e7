/// How a picture is cut into overlapping tiles, all of one size so that they share evaluations.
///
/// Tiles form a grid. Along each axis they start at multiples of the alignment, spread evenly; the last one is shifted
/// inwards to end with the picture. A picture that is no longer than a tile is covered by one as long as itself.
package struct TilePlan: Sendable, Equatable {
    /// A part of the picture.
    package struct Tile: Sendable, Hashable {
        /// Place in the grid.
        package let column: Int
        package let row: Int
        /// Pixels from the picture's left and top edge.
        package let x: Int
        package let y: Int
        package let width: Int
        package let height: Int
    }

    /// Of the picture, in pixels.
    package let width: Int
    package let height: Int
    /// Pixels across of each column of tiles, and down of each row.
    package let columns: [Range<Int>]
    package let rows: [Range<Int>]

    /// - Parameters:
    ///   - tile: side of a tile in pixels, rounded down to a multiple of `alignment` (but not to nothing).
    ///   - overlap: least pixels that neighbours share, rounded up to a multiple of `alignment`; half a tile at most.
    ///   - alignment: what sizes and positions should be multiples of, so that the network needn't pad.
    /// - Precondition: width, height and alignment are positive.
    package init(width: Int, height: Int, tile: Int, overlap: Int, alignment: Int) {
        self.init(
            width: width, height: height, columns: Axis(width, tile: tile, overlap: overlap, alignment: alignment),
            rows: Axis(height, tile: tile, overlap: overlap, alignment: alignment))
    }

    /// The plan with the largest tiles whose restoration fits a number of bytes: the whole picture where it can be.
    /// Tiles are then made as small as the same number of them allows.
    ///
    /// - Parameters:
    ///   - sides: least and greatest side of a tile.
    ///   - bytes: what restoring a tile of a width and height takes; must not fall with either.
    /// - Returns: nil where even the smallest tiles don't fit.
    /// - Precondition: width, height, alignment and the least side are positive.
    package init?(
        width: Int, height: Int, sides: ClosedRange<Int>, overlap: Int, alignment: Int, maximumBytes: Int,
        bytes: (_ width: Int, _ height: Int) -> Int
    ) {
        func fits(_ side: Int) -> Bool { bytes(min(side, width), min(side, height)) <= maximumBytes }
        // In units of the alignment: what fits, and what doesn't or isn't wanted.
        var least = max(1, sides.lowerBound / alignment)
        var beyond = max(least, min(sides.upperBound, max(width, height) + alignment - 1) / alignment) + 1
        guard fits(least * alignment) else { return nil }
        while beyond - least > 1 {
            let middle = least + (beyond - least) / 2
            if fits(middle * alignment) { least = middle } else { beyond = middle }
        }
        let tile = least * alignment
        self.init(
            width: width, height: height,
            columns: Axis(width, tile: tile, overlap: overlap, alignment: alignment).tightened(),
            rows: Axis(height, tile: tile, overlap: overlap, alignment: alignment).tightened())
    }

    private init(width: Int, height: Int, columns: Axis, rows: Axis) {
        precondition(width > 0 && height > 0)
        self.width = width
        self.height = height
        self.columns = columns.ranges
        self.rows = rows.ranges
    }

    package var tileWidth: Int { columns[0].count }
    package var tileHeight: Int { rows[0].count }
    package var count: Int { columns.count * rows.count }

    /// Tile number `index`, row by row from the top left.
    ///
    /// - Precondition: 0 ..< `count`.
    package subscript(index: Int) -> Tile {
        let (row, column) = index.quotientAndRemainder(dividingBy: columns.count)
        return Tile(
            column: column, row: row, x: columns[column].lowerBound, y: rows[row].lowerBound,
            width: columns[column].count, height: rows[row].count)
    }

    package var tiles: [Tile] { (0..<count).map { self[$0] } }
}

/// A plan along one side of the picture.
private struct Axis {
    let length: Int
    let alignment: Int
    /// Multiples of the alignment.
    let tile: Int
    let overlap: Int

    init(_ length: Int, tile: Int, overlap: Int, alignment: Int) {
        precondition(length > 0 && alignment > 0)
        self.length = length
        self.alignment = alignment
        self.tile = max(alignment, tile / alignment * alignment)
        let most = self.tile / 2 / alignment * alignment
        self.overlap = Self.roundedUp(min(max(0, overlap), most), to: alignment)
    }

    var count: Int {
        guard length > tile else { return 1 }
        let step = tile - overlap
        return 1 + (length - tile + step - 1) / step
    }

    var ranges: [Range<Int>] {
        guard count > 1 else { return [0..<length] }
        let last = length - tile
        // At most tile - overlap, which is a multiple of the alignment itself.
        let step = Self.roundedUp((last + count - 2) / (count - 1), to: alignment)
        return (0..<count).map { index in
            let start = index == count - 1 ? last : index * step
            return start..<start + tile
        }
    }

    /// The smallest tiles that need no larger a number.
    func tightened() -> Axis {
        guard count > 1 else { return self }
        let even = Self.roundedUp((length + (count - 1) * overlap + count - 1) / count, to: alignment)
        let tight = Axis(length, tile: even, overlap: overlap, alignment: alignment)
        return even < tile && tight.count == count && tight.overlap == overlap ? tight : self
    }

    private static func roundedUp(_ value: Int, to multiple: Int) -> Int {
        (value + multiple - 1) / multiple * multiple
    }
}
