import Engine
import Images

/// The parameters of `/restore`, checked.
struct RestoreParameters: Sendable {
    static let names = ParameterNames(offered: [
        "steps", "sampler", "seed", "degradation", "format", "quality", "tile", "overlap", "metadata", "force",
        "timeout",
    ])

    static let quality = 1...100
    static let standardQuality = 90

    typealias Format = ImageFormat

    enum Metadata: String, CaseIterable, Sendable {
        case strip, keep
    }

    var options = RestorationOptions()
    /// Nil where the Accept field decides.
    var format: Format?
    /// Nil where the request names none.
    var quality: Int?
    var metadata = Metadata.strip
    /// Seconds that the client is ready to wait.
    var timeout: Int

    /// - Parameters:
    ///   - choices: what the engine takes.
    ///   - timeoutLimit: the server's longest time, in seconds; also the default.
    init(_ list: ParameterList, choices: RestorationChoices, timeoutLimit: Int) throws(ServiceFault) {
        let named = list["sampler"]
        guard let sampler = choices.sampler(named: named) else {
            throw .invalidParameter(
                name: "sampler", value: named ?? "",
                expected: "one of \(choices.samplerNames.joined(separator: ", "))")
        }
        options.sampler = named == nil ? nil : sampler.kind
        options.steps =
            try list.integer("steps", in: sampler.steps, when: " with the sampler \(sampler.kind.rawValue)")
            ?? (named == nil ? nil : sampler.defaultSteps)
        options.seed = try list.unsigned("seed")
        options.degradations = try Self.degradations(list, labels: choices.labels)
        options.force = try list.flag("force") ?? false
        options.tile = try list.integer("tile", in: TileBounds.sides)
        options.overlap = try list.integer("overlap", in: TileBounds.overlaps(ofTile: options.tile))
        format = try list.choice("format", of: Format.self)
        quality = try list.integer("quality", in: Self.quality)
        metadata = try list.choice("metadata", of: Metadata.self) ?? .strip
        timeout = try list.integer("timeout", in: 1...timeoutLimit) ?? timeoutLimit
        if let format { _ = try encodingQuality(for: format) }
    }

    /// The quality to encode with.
    ///
    /// - Parameter format: the answer's, which the parameter or the Accept field decided.
    /// - Throws: `ServiceFault.invalidParameter` where a quality is given for a PNG, which has none.
    func encodingQuality(for format: Format) throws(ServiceFault) -> Int {
        if let quality, format == .png {
            throw .invalidParameter(
                name: "quality", value: String(quality), expected: "left out where the answer is a PNG (format=jpeg)")
        }
        return quality ?? Self.standardQuality
    }

    /// Nil for `auto`.
    private static func degradations(_ list: ParameterList, labels: [String]) throws(ServiceFault) -> [String]? {
        guard let names = try list.list("degradation", of: "labels"), names != ["auto"] else { return nil }
        if let unknown = names.first(where: { !labels.contains($0) }) {
            throw .invalidParameter(
                name: "degradation", value: unknown, expected: "auto or labels among \(labels.joined(separator: ", "))")
        }
        return names
    }
}
