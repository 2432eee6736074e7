/// Why a restoration was withheld, and the picture came back as it was.
package enum DeclineReason: String, Sendable, CaseIterable {
    case plainGround = "plain-ground"
    case flatAreasMove = "flat-areas-move"
    case textLost = "text-lost"
    case noTraces = "no-traces"
    case undecided
    case notTreated = "not-treated"

    /// In one word, for header fields and programs.
    package var word: String { rawValue }

    /// For people.
    package var explanation: String {
        switch self {
        case .plainGround: "the plain areas are a ground, not holes in a picture"
        case .flatAreasMove: "plain areas would have taken another colour"
        case .textLost: "lines on plain ground, such as text, would have faded"
        case .noTraces: "what it was taken for would have left traces that are not there"
        case .notTreated: "this bundle has nothing against what was found"
        case .undecided: "it is too uncertain what is wrong with the picture, if anything"
        }
    }
}
