/// What a bundle tells about itself, for headers, `/capabilities` and the command line.
package struct BundleSummary: Sendable, Equatable {
    package var name: String
    package var version: String
    package var licence: String
    package var trainingDataTerms: String
    /// SHA-256 of each weight file, lower-case hexadecimal, by file name.
    package var digests: [String: String]

    package init(
        name: String, version: String, licence: String, trainingDataTerms: String, digests: [String: String]
    ) {
        self.name = name
        self.version = version
        self.licence = licence
        self.trainingDataTerms = trainingDataTerms
        self.digests = digests
    }

    /// How answers name the bundle.
    package var identifier: String { "\(name)/\(version)" }

    package init(_ manifest: BundleManifest) {
        self.init(
            name: manifest.name, version: manifest.version, licence: manifest.licence,
            trainingDataTerms: manifest.trainingDataTerms,
            digests: Dictionary(manifest.files.map { ($0.name, $0.sha256) }, uniquingKeysWith: { first, _ in first }))
    }
}
