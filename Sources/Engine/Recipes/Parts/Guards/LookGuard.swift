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
    /// How much likelier a label must be than clean. Measured on 49 real pairs: the least is 0.06, the next 0.38.
    package static let leastMarginToClean = 0.05

    /// - Parameters:
    ///   - label: the likeliest, which is not clean.
    ///   - probabilities: of all labels, 0...1.
    ///   - picture: that was looked at.
    package static func verdict(
        _ label: String, _ probabilities: [String: Double], of picture: Picture
    ) -> Verdict {
        var chosen = label
        let plausibility = Plausibility(picture)
        if let reason = plausibility.objection(to: label) {
            let next = probabilities.filter { $0.key == Look.cleanLabel || plausibility.objection(to: $0.key) == nil }
                .max { ($0.value, $1.key) < ($1.value, $0.key) }
            guard let next, next.key != Look.cleanLabel, next.value >= leastProbabilityOfNext else {
                return .decline(reason)
            }
            chosen = next.key
        }
        let margin = (probabilities[chosen] ?? 0) - (probabilities[Look.cleanLabel] ?? 0)
        return margin >= leastMarginToClean ? .restore(chosen) : .decline(.undecided)
    }
}

/// What a picture itself says against a label.
private struct Plausibility {
    private let areas: PlainAreas
    private let holesArePlausible: Bool
    private let hasDarkPlaces: Bool

    /// Of the darkest pixels' smallest values, the hundredth part: below this there is no veil. Measured: 36 to 109 in five
    /// hazy pictures of benchmarks, from 44 on in 41 that were rendered or photographed with a haze machine; 0 to 29 in a third
    /// of the clean photographs that were called hazy.
    private static let leastDarknessUnderHaze = 32
    /// What leaves plain ground plain.
    private static let labelsOnPlainGround: Set<String> = ["jpeg-compressed", "motion-blurry"]

    init(_ picture: Picture) {
        let grid = PictureGrid(picture)
        areas = PlainAreas(grid)
        holesArePlausible = Holes(grid).arePlausible
        hasDarkPlaces = picture.darkness < Self.leastDarknessUnderHaze
    }

    func objection(to label: String) -> DeclineReason? {
        if label == "uncompleted", !holesArePlausible { return .plainGround }
        if areas.areGround, label != "uncompleted", !Self.labelsOnPlainGround.contains(label) { return .plainGround }
        if label == "hazy", hasDarkPlaces { return .noVeil }
        return nil
    }
}

extension Picture {
    /// What a hundredth of the pixels doesn't exceed with its smallest value, 0...255. Of large pictures a part is read.
    fileprivate var darkness: Int {
        var counts = [Int](repeating: 0, count: 256)
        let step = 3 * max(1, width * height / 1_000_000)
        pixels.withUnsafeBufferPointer { pixels in
            var index = 0
            while index + 2 < pixels.count {
                counts[Int(min(pixels[index], pixels[index + 1], pixels[index + 2]))] += 1
                index += step
            }
        }
        let hundredth = counts.reduce(0, +) / 100
        var sum = 0
        return counts.firstIndex { count in
            sum += count
            return sum > hundredth
        } ?? 0
    }
}
