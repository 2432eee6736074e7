import Bundles
import Checkpoints

/// What a bundle of the kind `restorers` is put together of: networks of one evaluation by label, behind the classifier of a
/// bundle beside it, whose diffusion is there for what they don't do.
///
///     "classifier": {"bundle": "mini"}
///     "fast": {
///       "motion-blurry": {"bundle": "nafnet-gopro"}, "noisy": {"kind": "nafnet", "nafnet": {...}},
///       "jpeg-compressed": {"as": "noisy"}
///     }
///     "measured": {"noisy": {"fast": 31.2, "photo": 28.0}}
struct RestorersBundle {
    static let kind = "restorers"

    let members: [SinglePassReader.Member]
    let treatments: Treatments
    let measured: [String: [RestorationMode: Double]]

    /// - Parameter choose: picks what a network's large products are computed with from what its card allows.
    /// - Throws: `BundleError` where tensors or sizes don't fit.
    init(
        _ bundle: Bundles.Bundle, classifier: BundleClassifier, choosing choose: @escaping (Set<Precision>) -> Precision
    ) throws {
        let section = try reading { () throws(ConfigurationError) in try bundle.configuration.object("fast") }
        var members: [SinglePassReader.Member] = []
        var byLabel: [String: Treatment] = [:]
        var aliases: [String: String] = [:]
        // A bundle that several labels name is there once.
        var neighbours: [String: Int] = [:]
        for label in classifier.labels {
            guard let object = try reading({ () throws(ConfigurationError) in try section.optionalObject(label) }) else { continue }
            if object.has("as") {
                aliases[label] = try reading { () throws(ConfigurationError) in try object.text("as", upTo: 64) }
                continue
            }
            let owner = object.has("bundle") ? try bundle.neighbour(of: object) : nil
            let number = owner.flatMap { neighbours[$0.directory] } ?? members.count
            if number == members.count {
                let reader = SinglePassReader(bundle: owner ?? bundle, classifier: classifier, choose: choose)
                members.append(try Self.member(
                    owner?.configuration ?? object, by: reader, labels: owner == nil ? [label] : classifier.labels))
                if let owner { neighbours[owner.directory] = number }
            }
            byLabel[label] = try Self.treatment(members[number], number, of: label, object)
        }
        for (label, other) in aliases.sorted(by: { $0.key < $1.key }) {
            guard let treatment = byLabel[other], aliases[other] == nil else {
                throw BundleError.malformed(section.fault(
                    label, "expected another label that has a network, found \(ConfigurationReader.shown(other))"))
            }
            byLabel[label] = treatment
        }
        guard !members.isEmpty else {
            throw BundleError.malformed(bundle.configuration.fault("fast", "expected a network for at least one label"))
        }
        self.members = members
        treatments = Treatments(standard: nil, byLabel: byLabel)
        measured = try Self.measured(bundle, labels: classifier.labels)
    }

    private static func member(
        _ object: ConfigurationReader, by reader: SinglePassReader, labels: [String]
    ) throws -> SinglePassReader.Member {
        let kind = try reading { () throws(ConfigurationError) in try object.choice(SinglePassKind.self, "kind") }
        return try reader.member(kind, in: object, labels: labels)
    }

    private static func treatment(
        _ member: SinglePassReader.Member, _ number: Int, of label: String, _ object: ConfigurationReader
    ) throws(BundleError) -> Treatment {
        if let instructions = member.instructions, instructions[label] == nil {
            throw .malformed(object.fault("kind", "the network takes words, and there is no sentence for \(label)"))
        }
        return Treatment(
            network: member.network, number: number, instruction: member.instructions?[label] ?? [],
            isOfScene: Scene.labels.contains(label))
    }

    private static func measured(
        _ bundle: Bundles.Bundle, labels: [String]
    ) throws(BundleError) -> [String: [RestorationMode: Double]] {
        try reading { () throws(ConfigurationError) in
            guard let section = try bundle.configuration.optionalObject("measured") else { return [:] }
            var result: [String: [RestorationMode: Double]] = [:]
            for label in labels {
                guard let figures = try section.optionalObject(label) else { continue }
                for mode in RestorationMode.allCases where figures.has(mode.rawValue) {
                    result[label, default: [:]][mode] = try figures.number(mode.rawValue, above: -1_000, upTo: 1_000)
                }
            }
            return result
        }
    }
}
