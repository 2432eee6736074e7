package import Bundles
import Checkpoints
package import Engine

/// What `restored restore` prints about a picture.
package struct RestorationSummary: Encodable, Sendable {
    let file: String
    let output: String
    let width: Int
    let height: Int
    let degradation: String
    let confidence: Double
    let seed: String
    let steps: Int
    let sampler: String
    let bundle: String
    let unchanged: Bool
    let seconds: Double

    package init(_ result: RestorationResult, file: String, output: String, bundle: BundleSummary) {
        self.file = file
        self.output = output
        width = result.picture.width
        height = result.picture.height
        degradation = result.degradations.joined(separator: ",")
        confidence = result.confidence
        seed = String(result.seed)
        steps = result.steps
        sampler = result.sampler.rawValue
        self.bundle = bundle.identifier
        unchanged = result.unchanged
        seconds = (result.timing.classify + result.timing.diffuse).seconds
    }

    /// One line of JSON.
    package var line: String { JSON.line(self) }

    /// One line for people.
    package var text: String {
        let percent = (confidence * 1000).rounded() / 10
        let how = unchanged ? "unchanged" : "\(steps) \(steps == 1 ? "step" : "steps") of \(sampler), seed \(seed)"
        return "\(file) -> \(output): \(degradation) (\(percent) %), \(how)"
    }
}
