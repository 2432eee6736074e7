package import Images

/// What `OutputGuard` says of the rounds of one restoration: of each alone, and of all together. Small steps of several
/// rounds may add up to harm that none of them did, and then it is the last that is taken back.
package struct RoundGuard: Sendable {
    /// Of the picture as it was seen before the first round; nil until that is looked at. A grid, for the picture itself may
    /// take as much memory as the one that came.
    private var first: PictureGrid?

    package init() {}

    /// - Parameters:
    ///   - made: what a round made.
    ///   - picture: what it was made of, of the same size.
    ///   - labels: of all rounds so far, this one's last.
    /// - Returns: why that round is to be taken back, or nil.
    package mutating func objection(
        to made: Picture, madeOf picture: Picture, as labels: [String]
    ) -> DeclineReason? {
        let (before, after) = (PictureGrid(picture), PictureGrid(made))
        let alone = OutputGuard.objection(to: after, madeOf: before, as: labels.suffix(1))
        guard let first else {
            first = before
            return alone
        }
        return alone ?? OutputGuard.objection(to: after, madeOf: first, as: labels)
    }
}
