/// The places that a restoration moved, held against what such a defect can spoil: a shadow falls on a part of a scene; drops
/// on a pane take some of a scene that is sharp behind them, and gather its light.
///
/// Measured on the test split, of which 49 pictures with shadows and 63 with drops were restored, on the real pairs, and on clean
/// photographs that were taken for one of these. Withheld are three of the shadows (each lost 1.8 to 4.9 dB), three of the drops,
/// none of the pairs.
struct MovedPlaces {
    /// Of the picture, 0...1.
    private let share: Double
    /// Of what moved, the part that was nearly black, 0...1.
    private let shareOfDark: Double
    /// The median of the ranges of the cells that stayed.
    private let rangeOfRest: Int

    /// Below it a place is nearly black, in all channels.
    static let leastBrightness = 40
    /// Measured: 0.75 in shadows that fell on a part, 0.29 in real ones; from 0.89 on where a dark scene was taken for one.
    static let mostInShadow = 0.8
    /// Measured: from 0.11 on, but for one of 0.09; in real pairs from 0.22.
    static let leastUnderDrops = 0.1
    /// Measured: up to 0.10, in real pairs none; 0.21 of faint streaks in a dark background.
    static let mostDarkUnderDrops = 0.15
    /// Measured: from 4 on, but for two of 3; in real pairs from 24. 2 and 3 in flowers and mushrooms before a background out of focus.
    static let leastRangeBehindDrops = 4

    private init(from before: PictureGrid, to after: PictureGrid) {
        let hasMoved = (0..<before.count).map { before.shift(ofCell: $0, to: after) > OutputGuard.mostLevels }
        let moved = hasMoved.indices.filter { hasMoved[$0] }
        let dark = moved.count { before.brightness(ofCell: $0) < Self.leastBrightness }
        share = Double(moved.count) / Double(max(1, before.count))
        shareOfDark = Double(dark) / Double(max(1, moved.count))
        let ranges = hasMoved.indices.filter { !hasMoved[$0] }.map(before.range(ofCell:)).sorted()
        rangeOfRest = ranges.isEmpty ? 255 : ranges[ranges.count / 2]
    }

    /// - Parameter label: that was treated.
    /// - Returns: whether a defect of that name can have been there. Nothing is looked at for others than shadows and drops.
    static func arePlausible(for label: String, from before: PictureGrid, to after: PictureGrid) -> Bool {
        switch label {
        case "shadowed": MovedPlaces(from: before, to: after).areOfShadow
        case "raindrop": MovedPlaces(from: before, to: after).areOfDrops
        default: true
        }
    }

    private var areOfShadow: Bool { share <= Self.mostInShadow }

    private var areOfDrops: Bool {
        share >= Self.leastUnderDrops && shareOfDark <= Self.mostDarkUnderDrops && rangeOfRest >= Self.leastRangeBehindDrops
    }
}
