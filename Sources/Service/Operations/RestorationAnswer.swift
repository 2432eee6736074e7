package import Bundles
import Checkpoints
package import Engine
import HTTPServer
import HTTPTypes

/// What `/restore` says about a restored picture.
struct RestorationAnswer: Sendable {
    let result: RestorationResult
    let bundle: String
    let format: RestoreParameters.Format
    let encode: Duration

    /// The picture itself, with the rest in header fields.
    func response(picture: [UInt8]) -> Response {
        var fields = commonFields
        fields[.contentType] = format.mediaType
        return Response(status: .ok, fields: fields, body: .bytes(picture))
    }

    /// A JSON document with the picture in it.
    func response(document picture: [UInt8]) -> Response {
        var fields = commonFields
        fields[.contentType] = "application/json"
        var document = RestorationDocument(result, bundle: bundle)
        // Empty; the base64 text is put in afterwards.
        document.image = ""
        document.media_type = format.mediaType
        document.timing = timing.milliseconds
        return Response(
            status: .ok, fields: fields, body: .bytes(JSON.bytes(document, base64: picture, in: "image")))
    }

    /// The picture, and behind it what was drawn to restore with, where something was.
    ///
    /// - Parameter guidance: a PNG.
    func response(picture: [UInt8], guidance: [UInt8]?) -> Response {
        var parts = [
            MultipartAnswer.Part(name: "restored.\(format.rawValue)", mediaType: format.mediaType, bytes: picture)
        ]
        if let guidance { parts.append(.init(name: "guidance.png", mediaType: "image/png", bytes: guidance)) }
        let answer = MultipartAnswer(parts)
        var fields = commonFields
        fields[.contentType] = answer.contentType
        return Response(status: .ok, fields: fields, body: .bytes(answer.body))
    }

    private var timing: ServerTiming {
        ServerTiming(
            [("queue", result.timing.queue), ("decode", result.timing.decode)] + result.timing.stages
                + [("encode", encode)])
    }

    private var commonFields: HTTPFields {
        var fields: HTTPFields = [
            .cacheControl: "no-store",
            .restoredBundle: Self.fieldText(bundle),
            .serverTiming: timing.fieldText,
        ]
        if let degradation = result.degradation { fields[.restoredDegradation] = Self.fieldText(degradation) }
        if let confidence = result.confidence {
            fields[.restoredConfidence] = String((confidence * 10_000).rounded() / 10_000)
        }
        if let nearest = result.nearestLabels {
            fields[.restoredNearestLabel] = Self.fieldText(nearest.joined(separator: ","))
        }
        if let sampling = result.sampling {
            fields[.restoredSeed] = String(sampling.seed)
            fields[.restoredSteps] = String(sampling.steps)
            fields[.restoredSampler] = sampling.sampler
        }
        if let mode = result.mode { fields[.restoredMode] = mode }
        if result.unchanged { fields[.restoredUnchanged] = "true" }
        if let declined = result.declined { fields[.restoredDeclined] = declined.word }
        if let verdicts = result.verdictText { fields[.restoredVerdicts] = Self.fieldText(verdicts) }
        if result.promptIsCut { fields[.restoredPromptCut] = "true" }
        return fields
    }

    /// A label or name in a header field: what isn't visible ASCII or a space is percent-encoded.
    static func fieldText(_ text: String) -> String {
        var encoded = ""
        for byte in text.utf8 {
            if (0x20...0x7E).contains(byte), byte != UInt8(ascii: "%") {
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                encoded += "%" + Hexadecimal.text([byte]).uppercased()
            }
        }
        return encoded
    }
}

extension RestorationResult {
    /// `noise=0.61,blur=0.2` for each look, likeliest first; looks stand apart by `; `. Nil where there are none.
    fileprivate var verdictText: String? {
        guard !verdicts.isEmpty else { return nil }
        return verdicts.map { verdict in
            verdict.entries.map { "\($0.label)=\(($0.probability * 10_000).rounded() / 10_000)" }.joined(separator: ",")
        }.joined(separator: "; ")
    }

    /// As the parameter takes it: labels joined by commas; nil where nothing was named.
    fileprivate var degradation: String? { rounds.isEmpty ? nil : degradations.joined(separator: ",") }
    /// How the pictures were made: one word where all were made alike; nil where none was.
    fileprivate var mode: String? {
        modes.isEmpty ? nil : (Set(modes).count == 1 ? modes.prefix(1) : modes[...]).map(\.rawValue).joined(separator: ",")
    }
}

/// What `/restore` answers in JSON, and `restored restore --json` prints. The members are named as they are in it.
package struct RestorationDocument: Encodable, Sendable {
    package struct Round: Encodable, Sendable {
        let degradation: String
        /// The classifier's probability of it, 0...1; absent where there is no classifier.
        let confidence: Double?
        /// The bundle's label that is closest; only for words of the request's own.
        let nearest_label: String?
    }

    /// A label that a look chose among, with its probability.
    package struct Candidate: Encodable, Sendable {
        let label: String
        let probability: Double
    }

    let width: Int
    let height: Int
    /// Absent where nothing is named, as the next.
    let degradation: String?
    let confidence: Double?
    let rounds: [Round]
    /// What each look chose among, likeliest first; absent where a bundle tells of its choice only.
    let verdicts: [[Candidate]]?
    /// True where the prompt was longer than what is looked at of it; else absent.
    let prompt_cut: Bool?
    /// Absent where nothing is sampled, as the next two.
    let seed: String?
    let steps: Int?
    let sampler: String?
    /// Absent where no picture was made, or where the bundle knows no modes.
    let mode: String?
    let bundle: String
    let unchanged: Bool
    /// Why the restoration was withheld; absent where it was not.
    let declined: String?
    // Over HTTP only.
    var image: String?
    var media_type: String?
    var timing: [String: Double]?
    // On the command line only.
    var file: String?
    var output: String?
    var seconds: Double?

    /// - Parameter bundle: its identifier.
    init(_ result: RestorationResult, bundle: String) {
        width = result.picture.width
        height = result.picture.height
        degradation = result.degradation
        confidence = result.confidence
        rounds = result.rounds.map {
            .init(degradation: $0.degradation, confidence: $0.confidence, nearest_label: $0.nearest)
        }
        verdicts = result.verdicts.isEmpty
            ? nil : result.verdicts.map { $0.entries.map { .init(label: $0.label, probability: $0.probability) } }
        prompt_cut = result.promptIsCut ? true : nil
        seed = result.sampling.map { String($0.seed) }
        steps = result.sampling?.steps
        sampler = result.sampling?.sampler
        mode = result.mode
        self.bundle = bundle
        unchanged = result.unchanged
        declined = result.declined?.word
    }

    /// What the command line says of a file.
    package init(_ result: RestorationResult, file: String, output: String, bundle: BundleSummary) {
        self.init(result, bundle: bundle.identifier)
        self.file = file
        self.output = output
        seconds = result.timing.stages.reduce(0) { $0 + $1.duration.seconds }
    }

    /// One line of JSON.
    package var line: String { JSON.line(self) }

    /// One line for people.
    package var text: String {
        var what = ""
        if let degradation {
            var remarks = confidence.map { ["\(($0 * 1000).rounded() / 10) %"] } ?? []
            if rounds.contains(where: { $0.nearest_label != nil }) {
                let nearest = rounds.map { $0.nearest_label ?? $0.degradation }
                remarks.append("nearest to \(nearest.joined(separator: ","))")
            }
            what = degradation + (remarks.isEmpty ? "" : " (\(remarks.joined(separator: ", ")))") + ", "
        }
        var how = unchanged ? "unchanged" : "restored"
        if let reason = declined.flatMap(DeclineReason.init(rawValue:)) { how += ": \(reason.explanation)" }
        if !unchanged, let steps, let sampler, let seed {
            how = "\(steps) \(steps == 1 ? "step" : "steps") of \(sampler), seed \(seed)"
        }
        return "\(file ?? "") -> \(output ?? ""): \(what)\(how)"
    }
}
