/// Whether what a look found is still there when one looks otherwise: from further off, and upside down. What falls on a scene or a
/// pane stays what it is; in what is part of the scene, a wall's own shade, grass, the grain of wood, the classifier sees nothing
/// then as often as not.
///
/// Measured: of 10 of 300 clean pictures that the other guards let through and restoring brought below 30 dB those from afar and upside
/// down keep 6 as they are; of 361 pictures of the test split that get a label of these they withhold 6, of the 49 real pairs none. From
/// far off 8 of 14 clean photographs that were taken for shadowed are less likely so than `leastFromFarOff`, and 3 of 10 for
/// hazy, 6 of 52 and 1 of 52 of the test split, and none of the pairs.
package enum SecondLook {
    package enum Manner: CaseIterable, Sendable {
        case fromAfar
        case fromFarOff
        case turned
    }

    /// Of a picture's sides, as it is seen so.
    static let scaleFromAfar = 0.75
    static let scaleFromFarOff = 0.6

    /// The others are told by their traces pixel by pixel, which are not there from further off.
    static let labels: Set<String> = ["shadowed", "hazy", "rainy", "snowy", "raindrop", "uncompleted"]
    /// What covers so much of a scene that it is still there from far off.
    static let labelsSeenFromFarOff: Set<String> = ["shadowed", "hazy"]

    /// Whether a label is looked for in such a manner.
    package static func looks(_ manner: Manner, for label: String) -> Bool {
        manner == .fromFarOff ? labelsSeenFromFarOff.contains(label) : labels.contains(label)
    }

    /// - Parameter probabilities: of all labels, of another look.
    /// - Returns: whether it speaks against the label.
    package static func doubts(_ label: String, _ probabilities: [String: Double], _ manner: Manner) -> Bool {
        let probability = probabilities[label] ?? 0
        return switch manner {
        case .fromAfar, .turned: (probabilities[Look.cleanLabel] ?? 0) > mostShareOfClean * probability
        case .fromFarOff: probability < leastFromFarOff
        }
    }

    /// How likely it may be that nothing is wrong, in parts of how likely the label is. Measured: up to 0.5 in real pairs.
    private static let mostShareOfClean = 0.8
    /// Measured: from 0.77 on in real pairs.
    package static let leastFromFarOff = 0.65
}
