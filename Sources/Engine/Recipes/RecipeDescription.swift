package import Checkpoints
import Diffusion

/// What a recipe offers: validation, `/capabilities` and help read it, so that nothing can be asked for that isn't there.
package struct RecipeDescription: Sendable, Equatable {
    package struct Sampler: Sendable, Equatable {
        package var name: String
        /// Network evaluations that it takes.
        package var steps: ClosedRange<Int>
        /// Where a request names none.
        package var defaultSteps: Int

        package init(name: String, steps: ClosedRange<Int>, defaultSteps: Int) {
            self.name = name
            self.steps = steps
            self.defaultSteps = defaultSteps
        }
    }

    /// What is told apart and treated.
    package var labels: [String]
    /// Whether it can tell what is wrong with a picture.
    package var classifies: Bool
    /// Whether words of the caller's own are taken for labels.
    package var takesOwnLabels: Bool
    /// The bundle's default first; none where nothing is sampled.
    package var samplers: [Sampler]
    package var options: Set<RestorationOption>
    /// Whether a guidance may be drawn from words (`guidance=words`).
    package var drawsGuidance: Bool
    /// Ways to restore; none where there is no such choice.
    package var modes: [RestorationMode]
    /// Of the networks' large products as computed here, by the section of `bundle.json`; nil until they are loaded.
    package var precisions: [String: Precision]?

    package init(
        labels: [String], classifies: Bool = true, takesOwnLabels: Bool = false, samplers: [Sampler] = [],
        options: Set<RestorationOption>, drawsGuidance: Bool = false, modes: [RestorationMode] = [],
        precisions: [String: Precision]? = nil
    ) {
        self.labels = labels
        self.classifies = classifies
        self.takesOwnLabels = takesOwnLabels
        self.samplers = samplers
        self.options = options
        self.drawsGuidance = drawsGuidance
        self.modes = modes
        self.precisions = precisions
    }

    /// Of a name, or the default one.
    package func sampler(named name: String?) -> Sampler? {
        guard let name else { return samplers.first }
        return samplers.first { $0.name == name }
    }
}

/// An option that a request has wrong.
package struct OptionFault: Error, Sendable, Equatable, CustomStringConvertible {
    package let option: RestorationOption
    package let value: String
    /// What would have been right, to be read after "expected".
    package let expected: String

    package init(_ option: RestorationOption, _ value: String, expected: String) {
        self.option = option
        self.value = value
        self.expected = expected
    }

    package var description: String { "\(option.name) must be \(expected), not '\(value)'" }
}

// MARK: - Reading and checking options

extension RecipeDescription {
    /// Reads options as people write them, and checks them.
    ///
    /// - Parameter text: what was given for each; nothing for those left out.
    package func options(reading text: [RestorationOption: String]) throws(OptionFault) -> RestorationOptions {
        var options = RestorationOptions()
        for option in RestorationOption.allCases {
            guard let value = text[option] else { continue }
            try read(option, value, into: &options)
        }
        do throws(OptionFault) {
            try check(options)
        } catch {
            // As it was written, not as it was understood.
            guard let value = text[error.option] else { throw error }
            throw OptionFault(error.option, String(value.prefix(80)), expected: error.expected)
        }
        return options
    }

    private func read(
        _ option: RestorationOption, _ value: String, into options: inout RestorationOptions
    ) throws(OptionFault) {
        func number(in bounds: ClosedRange<Int>) throws(OptionFault) -> Int {
            guard Self.isDigits(value), let number = Int(value), bounds.contains(number) else {
                throw OptionFault(
                    option, value, expected: "a whole number from \(bounds.lowerBound) to \(bounds.upperBound)")
            }
            return number
        }
        switch option {
        case .degradation:
            guard let labels = CommaList.pieces(of: value) else {
                throw OptionFault(
                    option, value, expected: "auto, or labels separated by commas, none empty and none twice")
            }
            options.degradations = labels == ["auto"] ? nil : labels
        case .prompt:
            guard (1...PromptLimits.characters).contains(value.unicodeScalars.count) else {
                throw OptionFault(
                    option, String(value.prefix(80)), expected: "an instruction of 1 to \(PromptLimits.characters) characters")
            }
            options.prompt = value
        case .reference:
            throw OptionFault(
                option, String(value.prefix(80)), expected: "a picture: a part of a form with that name, as image is")
        case .mode:
            let known = modes.map(\.rawValue) + ["auto"]
            guard known.contains(value) else {
                throw OptionFault(option, value, expected: "one of \(known.joined(separator: ", ")) with this bundle")
            }
            options.mode = RestorationMode(rawValue: value)
        case .steps:
            // Which of them the sampler takes is checked in the end.
            guard Self.isDigits(value), let number = Int(value) else {
                throw OptionFault(
                    option, value,
                    expected: "a whole number from \(stepBounds.lowerBound) to \(stepBounds.upperBound)")
            }
            options.steps = number
        case .sampler: options.sampler = value
        case .seed:
            guard Self.isDigits(value), let seed = UInt64(value) else {
                throw OptionFault(option, value, expected: "a whole number from 0 to \(UInt64.max)")
            }
            options.seed = seed
        case .rounds:
            guard let rounds = RestorationRounds.parse(value) else {
                throw OptionFault(option, value, expected: "auto, or a whole number from 1 to \(RestorationRounds.most)")
            }
            options.rounds = rounds
        case .guidance where !self.options.contains(.guidance):
            throw OptionFault(option, String(value.prefix(80)), expected: Self.notOffered)
        case .guidance where drawsGuidance:
            (options.guidance, options.drawsGuidance) = (try strength(value), true)
        case .guidance: options.guidance = try guidance(value)
        case .colour:
            guard let colour = ColourCorrection(rawValue: value) else {
                let known = ColourCorrection.allCases.map(\.rawValue).joined(separator: ", ")
                throw OptionFault(option, value, expected: "one of \(known)")
            }
            options.colour = colour
        case .force:
            // Python and .NET write it with a capital.
            guard let force = ["true": true, "True": true, "false": false, "False": false][value] else {
                throw OptionFault(option, value, expected: "true or false")
            }
            options.force = force
        case .tile: options.tile = try number(in: TileBounds.sides)
        case .overlap: options.overlap = try number(in: TileBounds.overlaps(ofTile: options.tile))
        }
    }

    /// What guidance a request names that is drawn from words.
    private static let words = "words"

    /// `words`, and behind a comma how much they count.
    private func strength(_ value: String) throws(OptionFault) -> Guidance? {
        if value == Self.words { return nil }
        let prefix = Self.words + ","
        if value.hasPrefix(prefix), let number = Self.number(value.dropFirst(prefix.count)) { return Guidance(text: number) }
        let bounds = Guidance.allowed
        throw OptionFault(
            .guidance, String(value.prefix(40)),
            expected: "words, or words and behind a comma a number from \(Int(bounds.lowerBound)) to \(Int(bounds.upperBound)) with "
                + "this bundle")
    }

    /// A plain one that guidance may have.
    private static func number(_ text: Substring) -> Double? {
        // `Double` takes names, exponents and signs as well.
        let isPlain = (1...8).contains(text.utf8.count)
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") }
        return isPlain ? Double(text).flatMap { Guidance.allowed.contains($0) ? $0 : nil } : nil
    }

    /// One number, or two with a comma between them.
    private func guidance(_ value: String) throws(OptionFault) -> Guidance {
        let bounds = Guidance.allowed
        let numbers = value.split(separator: ",", omittingEmptySubsequences: false).map { Self.number($0) }
        guard (1...2).contains(numbers.count), case let text?? = numbers.first, case let picture?? = numbers.last else {
            throw OptionFault(
                .guidance, String(value.prefix(40)),
                expected: "a number from \(Int(bounds.lowerBound)) to \(Int(bounds.upperBound)), or two with a comma between them")
        }
        return Guidance(text: text, picture: numbers.count == 2 ? picture : 1)
    }

    /// `Int` takes a sign, which no option has.
    private static func isDigits(_ text: String) -> Bool {
        (1...20).contains(text.utf8.count) && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }

    /// Of any sampler.
    private var stepBounds: ClosedRange<Int> {
        let bounds = samplers.map(\.steps)
        return (bounds.map(\.lowerBound).min() ?? 1)...(bounds.map(\.upperBound).max() ?? 1)
    }

    /// Refuses what the recipe doesn't offer or can't do.
    package func check(_ options: RestorationOptions) throws(OptionFault) {
        try checkOffered(options)
        if let treated = options.degradations { try check(labels: treated) }
        if let mode = options.mode, !modes.contains(mode) {
            let known = modes.map(\.rawValue) + ["auto"]
            throw OptionFault(.mode, mode.rawValue, expected: "one of \(known.joined(separator: ", ")) with this bundle")
        }
        if let prompt = options.prompt {
            guard options.degradations == nil else {
                throw OptionFault(.prompt, prompt, expected: "left out where degradation names the labels to treat")
            }
            guard (1...PromptLimits.characters).contains(prompt.unicodeScalars.count) else {
                throw OptionFault(
                    .prompt, String(prompt.prefix(80)), expected: "of 1 to \(PromptLimits.characters) characters")
            }
        }
        try checkDrawing(options)
        if let rounds = options.rounds {
            guard RestorationRounds.allowed.contains(rounds) else {
                throw OptionFault(.rounds, String(rounds), expected: "auto, or from 1 to \(RestorationRounds.most)")
            }
            guard rounds == 1 || options.degradations == nil && options.prompt == nil else {
                let other = options.prompt == nil ? "degradation names the labels to treat" : "there is a prompt"
                throw OptionFault(.rounds, String(rounds), expected: "left out where \(other)")
            }
        }
        if let name = options.sampler, sampler(named: name) == nil {
            let names = samplers.map(\.name).joined(separator: ", ")
            throw OptionFault(.sampler, name, expected: "one of \(names)")
        }
        if let steps = options.steps, let sampler = sampler(named: options.sampler), !sampler.steps.contains(steps) {
            throw OptionFault(
                .steps, String(steps),
                expected: "from \(sampler.steps.lowerBound) to \(sampler.steps.upperBound) with the sampler \(sampler.name)")
        }
    }

    /// What is drawn takes the place of a reference; what samples it is there for nothing else.
    private func checkDrawing(_ options: RestorationOptions) throws(OptionFault) {
        guard drawsGuidance else {
            guard !options.drawsGuidance else {
                throw OptionFault(.guidance, Self.words, expected: "numbers: this bundle draws no guidance")
            }
            return
        }
        guard options.drawsGuidance else {
            let given = [(RestorationOption.steps, options.steps.map { String($0) }), (.sampler, options.sampler)]
            for case (let option, let value?) in given {
                throw OptionFault(option, value, expected: "left out where no guidance is drawn (guidance=words)")
            }
            return
        }
        guard options.reference == nil else {
            throw OptionFault(.guidance, Self.words, expected: "left out where a reference comes with the picture")
        }
    }

    private func check(labels treated: [String]) throws(OptionFault) {
        if labels.contains(Look.cleanLabel), treated.contains(Look.cleanLabel) {
            throw OptionFault(
                .degradation, treated.joined(separator: ","),
                expected: "without \(Look.cleanLabel), which names nothing that could be taken away")
        }
        let own = treated.filter { !labels.contains($0) }
        guard let first = own.first else { return }
        guard takesOwnLabels else {
            throw OptionFault(.degradation, first, expected: "auto or labels among \(labels.joined(separator: ", "))")
        }
        if own.contains("auto") {
            throw OptionFault(.degradation, treated.joined(separator: ","), expected: "auto alone, or labels without it")
        }
        if let long = own.first(where: { $0.utf8.count > WordLimits.bytes }) {
            throw OptionFault(.degradation, long, expected: "labels of at most \(WordLimits.bytes) bytes")
        }
        guard treated.count <= WordLimits.treated else {
            throw OptionFault(
                .degradation, "\(treated.count) labels", expected: "at most \(WordLimits.treated) labels with words of your own")
        }
    }

    private func checkOffered(_ given: RestorationOptions) throws(OptionFault) {
        let values: [(RestorationOption, String?)] = [
            (.degradation, given.degradations?.joined(separator: ",")), (.prompt, given.prompt),
            (.reference, given.reference.map { "a picture of \($0.width)x\($0.height)" }),
            (.mode, given.mode?.rawValue), (.steps, given.steps.map { String($0) }),
            (.sampler, given.sampler), (.seed, given.seed.map { String($0) }), (.rounds, given.rounds.map { String($0) }),
            (.guidance, given.drawsGuidance ? Self.words : given.guidance.map { "\($0.text),\($0.picture)" }),
            (.colour, given.colour == .none ? nil : given.colour.rawValue),
            (.force, given.force ? "true" : nil), (.tile, given.tile.map { String($0) }),
            (.overlap, given.overlap.map { String($0) }),
        ]
        for (option, value) in values where !options.contains(option) {
            if let value { throw OptionFault(option, value, expected: Self.notOffered) }
        }
    }

    private static let notOffered = "left out: this bundle has no such choice"
}
