package import Images

/// Whether what a look found is believed: what can be told before anything is computed. Only for labels that the classifier
/// chose.
package enum LookGuard {
    package enum Verdict: Equatable, Sendable {
        /// Restore as this label.
        case restore(String)
        case decline(DeclineReason)
    }

    /// Where the likeliest label can't be, the likeliest that can be is taken from this probability on. Measured on pages,
    /// interfaces, charts and cut-outs after JPEG of quality 10, blur and noise: 0.2 finds 12 more of 180 than none would, and
    /// lets 5 more of 216 clean ones be changed; 0.1 finds 19 and changes 13.
    package static let leastProbabilityOfNext = 0.2
    /// How much likelier than clean it must be then: what can't be has a share of the probabilities that is missing there.
    package static let leastMarginOfNext = 0.05
    /// How likely it may be at most that nothing is wrong. Not how far the label is ahead: where two things are wrong they share
    /// what is left. Measured: up to 0.144 in the 46 real pairs of 49 that are named rightly, more in six of ten of the clean
    /// photographs that are called something else.
    package static let mostProbabilityOfClean = 0.15
    /// The same for `labelsOfWeather`. Measured: up to 0.058 in the real pairs that are named so; more in 8 of 356 pictures of the
    /// test split that are, and in two of six clean photographs.
    package static let mostProbabilityOfCleanInWeather = 0.06
    /// The same for a grey picture's `labelsToldByColour`. Measured on 220 clean grey photographs and the test split without its colours: at
    /// 0.05 there are 11 below it and 88 of 132 hazy and shadowed ones, at 0.015 one or two and 66.
    package static let mostProbabilityOfCleanInGrey = 0.015
    package static let labelsOfWeather: Set<String> = ["hazy", "rainy", "snowy", "raindrop"]
    /// A shadow under the sky is bluer than what it falls on, a veil paler: without colours both look like dark and like pale things.
    package static let labelsToldByColour: Set<String> = ["shadowed", "hazy"]

    /// - Parameters:
    ///   - label: the likeliest, which is not clean.
    ///   - probabilities: of all labels, 0...1.
    ///   - picture: that was looked at.
    package static func verdict(
        _ label: String, _ probabilities: [String: Double], of picture: Picture
    ) -> Verdict {
        let plausibility = Plausibility(picture)
        let clean = probabilities[Look.cleanLabel] ?? 0
        guard let reason = plausibility.objection(to: label) else {
            return clean <= mostProbabilityOfClean(beside: label, in: picture) ? .restore(label) : .decline(.undecided)
        }
        let next = probabilities.filter { plausibility.objection(to: $0.key) == nil }
            .max { ($0.value, $1.key) < ($1.value, $0.key) }
        guard let next, next.key != Look.cleanLabel, next.value >= leastProbabilityOfNext else { return .decline(reason) }
        return next.value - clean >= leastMarginOfNext ? .restore(next.key) : .decline(.undecided)
    }

    private static func mostProbabilityOfClean(beside label: String, in picture: Picture) -> Double {
        if labelsToldByColour.contains(label), picture.isExactlyGrey { return mostProbabilityOfCleanInGrey }
        return labelsOfWeather.contains(label) ? mostProbabilityOfCleanInWeather : mostProbabilityOfClean
    }
}

/// What a picture itself says against a label.
private struct Plausibility {
    private let picture: Picture
    private let grid: PictureGrid
    private let isOnPlainGround: Bool

    /// What leaves plain ground plain, and so is believed there.
    private static let labelsOnPlainGround: Set<String> = ["jpeg-compressed", "motion-blurry", "uncompleted", "clean"]
    /// Of the darkest hundredth's brightness (`Traces.darkness`): below it there is no veil. Measured: 36 to 109 in five hazy
    /// pictures of benchmarks, from 44 on in 41 that were rendered or photographed with a haze machine; 0 to 29 in a third of the
    /// clean photographs that were called hazy.
    private static let leastDarknessUnderHaze = 32
    /// On plain ground, of `Traces.quietBesideLines`: above it nothing rings. Measured: 0.43 in nine of ten pages, interfaces and
    /// charts after JPEG of quality 10; more in nine of ten as they were drawn.
    private static let mostQuietAfterJPEG = 0.5
    /// On plain ground, of `Traces.sharpness`. Measured: up to 0.50 in 19 of 20 such after motion blur of 7 pixels and more;
    /// above 0.63 in three of four before.
    private static let mostSharpnessAfterBlur = 0.55

    init(_ picture: Picture) {
        self.picture = picture
        grid = PictureGrid(picture)
        isOnPlainGround = PlainAreas(grid).areGround
    }

    /// What a label leaves is looked for when it is asked for: of most pictures that is one label.
    func objection(to label: String) -> DeclineReason? {
        if isOnPlainGround, !Self.labelsOnPlainGround.contains(label) { return .plainGround }
        switch label {
        case "uncompleted": return Holes(grid).arePlausible ? nil : .plainGround
        case "hazy": return Traces.darkness(picture) < Self.leastDarknessUnderHaze ? .noTraces : nil
        case "jpeg-compressed" where isOnPlainGround:
            return Traces.quietBesideLines(grid) ?? 0 > Self.mostQuietAfterJPEG ? .noTraces : nil
        case "motion-blurry" where isOnPlainGround:
            return Traces.sharpness(picture) > Self.mostSharpnessAfterBlur ? .noTraces : nil
        default: return nil
        }
    }
}
