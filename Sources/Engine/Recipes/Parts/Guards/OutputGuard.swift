package import Images

/// Whether a restoration did harm: what can be told from what came out. Only where the classifier chose the label.
package enum OutputGuard {
    /// What a label gives reason for.
    private enum PlainAreasUnder {
        case stay
        /// What was added to the picture may have been clipped there, and hides what is below.
        case stayUnlessClipped
        case move
        case areHoles

        init(label: String) {
            switch label {
            case "jpeg-compressed", "motion-blurry", "blur", "raindrop": self = .stay
            case "hazy", "haze", "low-light", "underexposure", "shadowed": self = .move
            case "uncompleted": self = .areHoles
            default: self = .stayUnlessClipped
            }
        }
    }

    /// Plain areas count from this share of the picture on, and a plain cell has moved whose mean did by more levels. At most
    /// this share of them may. Measured: of 28 real pairs with such areas and labels 0.007 (JPEG, motion, drops); of clean
    /// photographs whose dry panes were called wet 0.19 to 0.33, at 24 to 29 dB.
    static let leastShareOfPlain = 0.1
    package static let mostLevels = 8
    static let mostMoved = 0.1

    /// Lines are cells of this range and more beside a plain one; they are lost where less than half of it is left. From this
    /// share of the picture on they count, and at most this share of them may be lost: 0.04 in real pairs.
    static let leastRangeOfLine = 80
    static let leastShareOfLines = 0.005
    static let mostLost = 0.3

    /// - Parameters:
    ///   - made: the restored picture.
    ///   - picture: what it was made of, of the same size.
    ///   - labels: that were treated, in order.
    /// - Returns: why it is to be withheld, or nil.
    package static func objection(to made: Picture, madeOf picture: Picture, as labels: [String]) -> DeclineReason? {
        objection(to: PictureGrid(made), madeOf: PictureGrid(picture), as: labels)
    }

    /// As above, of pictures whose grids are there already.
    static func objection(
        to after: PictureGrid, madeOf before: PictureGrid, as labels: some Collection<String>
    ) -> DeclineReason? {
        // What several labels moved together is no one's.
        if labels.count == 1, let label = labels.first, !MovedPlaces.arePlausible(for: label, from: before, to: after) {
            return .noTraces
        }
        let treatments = labels.isEmpty ? [.stayUnlessClipped] : labels.map(PlainAreasUnder.init(label:))
        guard !treatments.contains(.areHoles) else { return nil }
        let leavesOutClipped = treatments.contains(.stayUnlessClipped)
        let isPlain = (0..<before.count).map { cell in
            guard before.isPlain(cell) else { return false }
            let colour = before.colour(ofCell: cell)
            return !leavesOutClipped || colour != 0xFF_FFFF && colour != 0
        }
        if !treatments.contains(.move), areasMove(isPlain, before, after) { return .flatAreasMove }
        return linesFade(isPlain, before, after) ? .textLost : nil
    }

    private static func areasMove(_ isPlain: [Bool], _ before: PictureGrid, _ after: PictureGrid) -> Bool {
        let plain = isPlain.indices.filter { isPlain[$0] }
        guard Double(plain.count) >= leastShareOfPlain * Double(before.count) else { return false }
        let moved = plain.count { before.shift(ofCell: $0, to: after) > mostLevels }
        return Double(moved) > mostMoved * Double(plain.count)
    }

    private static func linesFade(_ isPlain: [Bool], _ before: PictureGrid, _ after: PictureGrid) -> Bool {
        let lines = (0..<before.count).filter { cell in
            before.isVisible(cell) && before.range(ofCell: cell) >= leastRangeOfLine
                && before.neighbours(ofCell: cell).contains { isPlain[$0] }
        }
        guard Double(lines.count) >= leastShareOfLines * Double(before.count), !lines.isEmpty else { return false }
        let lost = lines.count { 2 * after.range(ofCell: $0) < before.range(ofCell: $0) }
        return Double(lost) > mostLost * Double(lines.count)
    }
}
