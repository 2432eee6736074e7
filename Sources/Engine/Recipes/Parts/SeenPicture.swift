import Images

/// A picture as a recipe sees it: what people see of it, and grey where it is grey.
///
/// Whatever lies under an alpha of 0 is filled from what is visible, and a picture that is grey but for noise in its colours
/// is made grey. What a recipe makes of it becomes an answer to the picture as it came.
struct SeenPicture: Sendable {
    /// As it came.
    let original: Picture
    /// What recipes are given: of the same size and alpha.
    let picture: Picture

    init(_ original: Picture) {
        self.original = original
        var picture = original.fillingHiddenPixels()
        if !picture.isExactlyGrey, picture.isNearlyGrey { picture.turnToLuma() }
        self.picture = picture
    }

    /// What was made of `picture`, as an answer: grey where that was grey, with the alpha and the hidden colours that came.
    func answer(_ restored: Picture) -> Picture {
        var answer = restored
        if picture.isExactlyGrey { answer.turnToMean() }
        answer.putBackHiddenPixels(of: original, filledAs: picture)
        return answer
    }
}

extension RestorationResult {
    /// What came of a picture as it was seen, as an answer for the picture as it came; which it is where what was made would
    /// do harm.
    ///
    /// - Parameter isGuarded: whether that is looked at.
    func answering(_ seen: SeenPicture, isGuarded: Bool) -> RestorationResult {
        var result = self
        if isGuarded, !unchanged,
            let reason = OutputGuard.objection(to: picture, madeOf: seen.picture, as: degradations)
        {
            (result.unchanged, result.declined) = (true, reason)
            result.rounds = Array(rounds.prefix(1))
        }
        result.picture = result.unchanged ? seen.original : seen.answer(picture)
        return result
    }
}
