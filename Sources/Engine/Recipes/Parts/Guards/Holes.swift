/// White areas that may be holes in a picture: strokes, boxes or blots that somebody painted over it. The ground of a page or
/// of an object that was cut out is none.
struct Holes {
    private let grid: PictureGrid
    private let isWhite: [Bool]

    /// From this value on in all channels and pixels a cell is white: JPEG leaves a hole some levels below 255.
    private static let leastWhite: UInt8 = 249
    /// The rest was measured on 100 photographs under 50 masks of an official benchmark, the benchmark's pairs, and pages,
    /// interfaces, charts, plans, drawings and cut-outs. Behind each bound: the extreme of the holes.
    ///
    /// Holes take 0.03 to 0.47 of a picture.
    private static let shares = 0.02...0.65
    /// Of the picture's rim 0.60 at most, a ground mostly all.
    private static let mostOfRim = 0.65
    /// Of the rim in one piece 0.33 at most, for strokes cross it: a ground takes whole sides.
    private static let mostOfRimInOnePiece = 0.4
    /// What is two or three cells beside a hole is nearly white in 0.23 of the places at most: content is cut off. A clipped
    /// sky or shaded white fades out.
    private static let mostNearlyWhiteBeside = 0.3
    private static let nearlyWhite: UInt8 = 225
    /// Of what is not white, one exact colour takes 0.08 at most: photographs have no plain ground beside the holes.
    private static let mostOfOneOtherColour = 0.25

    init(_ grid: PictureGrid) {
        self.grid = grid
        isWhite = (0..<grid.count).map { cell in
            grid.isVisible(cell) && (3 * cell..<3 * cell + 3).allSatisfy { grid.darkest[$0] >= Self.leastWhite }
        }
    }

    /// Whether the white areas have the shape and the surroundings of holes in a photograph.
    var arePlausible: Bool {
        guard Self.shares.contains(Self.share(of: isWhite)) else { return false }
        let rim = self.rim
        return Self.share(of: rim) <= Self.mostOfRim && longestPiece(of: rim) <= Self.mostOfRimInOnePiece
            && nearlyWhiteBeside <= Self.mostNearlyWhiteBeside && greatestOtherColour <= Self.mostOfOneOtherColour
    }

    private static func share(of cells: [Bool]) -> Double {
        Double(cells.count { $0 }) / Double(max(1, cells.count))
    }

    /// The cells along the picture's rim, clockwise.
    private var rim: [Bool] {
        let (columns, rows) = (grid.columns, grid.rows)
        guard min(columns, rows) > 1 else { return isWhite }
        let across = (0..<columns - 1), down = (0..<rows - 1)
        return across.map { isWhite[$0] } + down.map { isWhite[$0 * columns + columns - 1] }
            + across.map { isWhite[rows * columns - 1 - $0] } + down.map { isWhite[(rows - 1 - $0) * columns] }
    }

    /// The longest row of white cells around the rim, as a share of it.
    private func longestPiece(of rim: [Bool]) -> Double {
        var (longest, current) = (0, 0)
        for isWhite in rim + rim {
            current = isWhite ? current + 1 : 0
            longest = max(longest, current)
        }
        return Double(min(longest, rim.count)) / Double(max(1, rim.count))
    }

    private var nearlyWhiteBeside: Double {
        let next = grown(isWhite)
        let beside = grown(grown(next))
        let cells = (0..<grid.count).filter { beside[$0] && !next[$0] }
        let near = cells.count { cell in (3 * cell..<3 * cell + 3).allSatisfy { grid.mean[$0] >= Self.nearlyWhite } }
        return Double(near) / Double(max(1, cells.count))
    }

    /// With all cells that touch one of them.
    private func grown(_ cells: [Bool]) -> [Bool] {
        var grown = cells
        for cell in cells.indices where cells[cell] {
            for neighbour in grid.neighbours(ofCell: cell) { grown[neighbour] = true }
        }
        return grown
    }

    private var greatestOtherColour: Double {
        let others = (0..<grid.count).filter { !isWhite[$0] }
        let greatest = PlainAreas.counts(of: others.filter(grid.isPlain), in: grid).values.max() ?? 0
        return Double(greatest) / Double(max(1, others.count))
    }
}
