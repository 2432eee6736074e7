/// The plain areas of a picture: cells in which all pixels have exactly one colour.
///
/// What was rendered or composed (pages, interfaces, charts, drawings, cut-outs) has large ones of few colours. What a camera
/// saw has not, but where it is clipped; and noise, rain or snow leave none.
struct PlainAreas {
    let grid: PictureGrid
    /// The share of the picture that areas of common colours take, 0...1.
    let share: Double
    /// The same without white and black, at which photographs are clipped.
    let unclippedShare: Double

    /// A colour is common that takes this share of the picture: skies after JPEG have plain blocks of many colours.
    private static let leastShareOfColour = 0.02
    /// Of unclipped and of all areas of common colours, from which on a picture counts as rendered or composed. Measured: of
    /// 49 real degraded pairs and 146 to train on at most 0.26 and 0.29 (holes not counted), of 400 clean photographs 0.28 and
    /// 0.50; of generated pages, interfaces, code, charts, plans, drawings and cut-outs 85 % have more, and so have 93 % of
    /// those after JPEG of quality 10 or motion blur, but none after noise.
    private static let leastUnclippedShare = 0.35
    private static let leastShare = 0.5

    init(_ grid: PictureGrid) {
        self.grid = grid
        var (all, unclipped) = (0, 0)
        let least = Self.leastShareOfColour * Double(grid.count)
        for (colour, count) in Self.counts(of: (0..<grid.count).filter(grid.isPlain), in: grid)
        where Double(count) >= least {
            all += count
            if colour != 0xFF_FFFF, colour != 0 { unclipped += count }
        }
        share = Double(all) / Double(max(1, grid.count))
        unclippedShare = Double(unclipped) / Double(max(1, grid.count))
    }

    /// Whether the picture lies on plain ground, as what is rendered or composed does.
    var areGround: Bool { unclippedShare >= Self.leastUnclippedShare || share >= Self.leastShare }

    /// How many of the cells have each colour.
    static func counts(of cells: [Int], in grid: PictureGrid) -> [Int: Int] {
        cells.reduce(into: [:]) { $0[grid.colour(ofCell: $1), default: 0] += 1 }
    }
}
