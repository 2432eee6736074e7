package import Diffusion

/// What a bundle tells about itself, for headers, `/capabilities` and the command line.
package struct BundleSummary: Sendable, Equatable {
    package var name: String
    package var version: String
    package var licence: String
    package var trainingDataTerms: String
    package var labels: [String]
    /// Whether `classify` may be given labels of the caller's own.
    package var hasTextTower: Bool
    package var defaultSampler: SamplerKind
    package var defaultSteps: Int
    /// SHA-256 of each weight file, lower-case hexadecimal, by file name.
    package var digests: [String: String]

    package init(
        name: String, version: String, licence: String, trainingDataTerms: String, labels: [String],
        hasTextTower: Bool, defaultSampler: SamplerKind, defaultSteps: Int, digests: [String: String]
    ) {
        self.name = name
        self.version = version
        self.licence = licence
        self.trainingDataTerms = trainingDataTerms
        self.labels = labels
        self.hasTextTower = hasTextTower
        self.defaultSampler = defaultSampler
        self.defaultSteps = defaultSteps
        self.digests = digests
    }
}
