package import Diffusion

/// The choices of one restoration. Whatever is nil takes the bundle's default.
package struct RestorationOptions: Sendable, Equatable {
    /// Network evaluations a tile.
    package var steps: Int?
    /// A sampler's name, as the recipe has it.
    package var sampler: String?
    /// The seed of the noise; nil draws one, which the result tells.
    package var seed: UInt64?
    /// The degradations to treat, in order; nil for whatever the classifier finds.
    package var degradations: [String]?
    /// What to do, in the words of whoever asks, in place of what the classifier finds.
    package var prompt: String?
    /// Another picture that the restoration may borrow from.
    package var reference: ReferencePicture?
    /// How much the words and the picture count; nil for as much as the network says.
    package var guidance: Guidance?
    /// Restore with the help of a picture that is drawn from words about the one that came.
    package var drawsGuidance = false
    /// What makes the colours those of the picture that came.
    package var colour = ColourCorrection.none
    /// Restore although the picture is labelled clean, as the likeliest degradation. Explicit degradations imply it.
    package var force = false
    /// How to restore; nil for what suits the label.
    package var mode: RestorationMode?
    /// The most rounds; each after the first only where a look at the result finds something else wrong. Nil for 1.
    package var rounds: Int?
    /// Side of the tiles in pixels, and pixels that neighbours share; nil for what memory suggests.
    package var tile: Int?
    package var overlap: Int?
    /// When the answer is no longer wanted.
    package var deadline: ContinuousClock.Instant?

    package init() {}

    /// Whether a restoration that would do harm is withheld: where nobody asked for it by name or by force.
    var isGuarded: Bool { degradations == nil && prompt == nil && !force }

    /// How many pictures a restoration makes at most, one after another.
    var mostRounds: Int { degradations?.count ?? rounds ?? 1 }
}

/// An option that a recipe may offer. The one declaration behind a parameter of `/restore`, a flag of
/// `restored restore`, its help and its place in `/capabilities`.
package enum RestorationOption: String, Sendable, CaseIterable {
    case degradation, prompt, reference, mode, steps, sampler, seed, rounds, guidance, colour, force, tile, overlap

    /// The parameter's name.
    package var name: String { rawValue }

    /// One line for the command line's help.
    package var help: String {
        switch self {
        case .degradation:
            "Labels to treat, in order, separated by commas; auto to find out. With a text tower any words."
        case .prompt: "What to do, in English words, where the bundle takes words: Remove the haze."
        case .reference: "Another picture of the same: what the restoration may borrow from, where the bundle takes one."
        case .mode: "fast for one evaluation, photo for diffusion, auto for what suits the label; where the bundle has both."
        case .steps: "Network evaluations a picture; else the bundle's own number. The sampler has bounds."
        case .sampler: "posterior, mr-ode, mr-sde, sde or ode; in latents euler-a, euler, dpm-2m, ddim, ddim-sde or ddpm."
        case .seed: "Seed of the noise, for the same result again."
        case .rounds:
            "auto or 1 to \(RestorationRounds.most): restore, look again, go on while something is wrong; else the bundle's number."
        case .guidance:
            "How much words count, 0 to \(Int(Guidance.allowed.upperBound)), and behind a comma how much the picture does, where "
                + "latents are sampled; else 1 each. Or words, where a bundle draws a picture to restore with."
        case .colour: "adain or wavelet: the colours of the picture that came, where latents are sampled; else none."
        case .force: "Restore although the picture is labelled clean, as the likeliest degradation."
        case .tile:
            "Side of the tiles in pixels, \(TileBounds.sides.lowerBound) to \(TileBounds.sides.upperBound); else the whole "
                + "picture, or what memory allows."
        case .overlap: "Pixels that neighbouring tiles share, at most half a tile; else 32, or half a tile."
        }
    }
}

/// How much of a caller's own words is taken for labels.
package enum WordLimits {
    /// Of one label, in UTF-8.
    package static let bytes = 200
    /// Labels to choose among.
    package static let chosenAmong = 64
    /// Labels to treat, one after another, where words are among them.
    package static let treated = 16
}

/// How a picture is restored.
package enum RestorationMode: String, Sendable, CaseIterable {
    /// In one evaluation: closest to what was there.
    case fast
    /// By diffusion, which makes up what is missing.
    case photo
}

/// How often a picture may be restored, looked at and restored again.
package enum RestorationRounds {
    /// What `auto` allows.
    package static let most = 7
    package static let allowed = 1...most

    /// `auto`, or a number of rounds; nil for anything else.
    package static func parse(_ text: String) -> Int? {
        if text == "auto" { return most }
        return Int(text).flatMap { allowed.contains($0) ? $0 : nil }
    }
}
