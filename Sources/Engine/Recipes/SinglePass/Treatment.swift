import Compute

/// What is done about a picture.
struct Treatment: Sendable {
    /// Of the bundle.
    let network: any SinglePassNetwork
    /// Of the network among those of the bundle.
    let number: Int
    /// What the bundle says of the label to a network that takes words; empty elsewhere.
    let instruction: [Float]
    /// Whether the light of the whole scene matters.
    let isOfScene: Bool
}

/// What a bundle does, by label.
struct Treatments: Sendable {
    /// Where nothing is named.
    let standard: Treatment?
    /// By label.
    let byLabel: [String: Treatment]

    /// - Parameter label: nil where nothing is named.
    subscript(label: String?) -> Treatment? { label.map { byLabel[$0] } ?? standard }

    var all: [Treatment] { Array(byLabel.values) + (standard.map { [$0] } ?? []) }
}
