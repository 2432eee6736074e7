import Images

/// A picture as a recipe sees it: what people see of it, and grey where it is grey.
///
/// Whatever lies under an alpha of 0 is filled from what is visible, and a picture that is grey but for noise in its colours
/// is made grey. It is not kept while the recipe works but made again where it is needed in the end, for it may take as much
/// memory as the picture that came.
struct SeenPicture: Sendable {
    /// Of the same size and alpha as the picture that came.
    let picture: Picture
    let isGrey: Bool

    init(_ original: Picture) {
        var picture = original.fillingHiddenPixels()
        let isExactlyGrey = picture.isExactlyGrey
        isGrey = isExactlyGrey || picture.isNearlyGrey
        if isGrey, !isExactlyGrey { picture.turnToLuma() }
        self.picture = picture
    }
}

extension RestorationResult {
    /// What came of a picture as it was seen, as an answer for the picture as it came: grey where that was, with its alpha and
    /// hidden colours. Where what was made would do harm, the answer is the picture as it came.
    ///
    /// - Parameter isGuarded: whether that is looked at.
    func answering(_ original: Picture, seenAsGrey isGrey: Bool, isGuarded: Bool) -> RestorationResult {
        var result = self
        if isGuarded, !unchanged,
            let reason = OutputGuard.objection(
                to: picture, madeOf: SeenPicture(original).picture, as: degradations)
        {
            (result.unchanged, result.declined) = (true, reason)
            result.rounds = Array(rounds.prefix(1))
            result.modes = []
        }
        if result.unchanged {
            result.picture = original
        } else {
            if isGrey, !result.picture.isExactlyGrey { result.picture.turnToMean() }
            result.picture.putBackHiddenPixels(of: original)
        }
        return result
    }
}
