import Checkpoints

/// What became of looking at every file of a bundle, for `weights verify`. Unlike loading, it doesn't stop at the first
/// fault.
package struct BundleVerification: Sendable, Equatable {
    package struct FileReport: Sendable, Equatable {
        package var name: String
        package var expectedDigest: String
        /// Nil where the file can't be read.
        package var foundDigest: String?
        /// Nil for a file without tensors, or one that can't be listed.
        package var tensorCount: Int?
        /// What is wrong, in one line.
        package var problem: String?
    }

    package var bundle: String
    package var version: String
    package var licence: String
    package var trainingDataTerms: String
    package var files: [FileReport]

    package var isSound: Bool { files.allSatisfy { $0.problem == nil } }

    /// - Throws: where `bundle.json` itself can't be read or is wrong.
    package init(_ directory: String) throws(BundleError) {
        let manifest = try Bundle.manifest(in: directory)
        bundle = manifest.name
        version = manifest.version
        licence = manifest.licence
        trainingDataTerms = manifest.trainingDataTerms
        files = manifest.files.map { Self.report(on: $0, in: directory) }
    }

    private static func report(on file: BundleManifest.File, in directory: String) -> FileReport {
        var report = FileReport(name: file.name, expectedDigest: file.sha256)
        do throws(CheckpointError) {
            let bytes = try CheckpointBytes(contentsOf: directory + "/" + file.name)
            let digest = FileDigest.sha256(of: bytes)
            report.foundDigest = digest
            if file.hasTensors { report.tensorCount = try StateDict(bytes).names.count }
            if digest != file.sha256 {
                let error = BundleError.wrongDigest(file: file.name, expected: file.sha256, found: digest)
                report.problem = error.description
            }
        } catch {
            report.problem = BundleError(error, file: file.name).description
        }
        return report
    }

    /// Lines for a reader. The weights' terms stand apart from those of the code.
    package var text: String {
        var lines = ["\(bundle) \(version)"]
        for file in files {
            if let problem = file.problem {
                lines.append("  wrong  \(problem)")
            } else {
                let tensors = file.tensorCount.map { ", \($0) tensors" } ?? ""
                lines.append("  right  \(file.name)\(tensors), SHA-256 \(file.expectedDigest)")
            }
        }
        lines.append("Terms of the weights: \(licence)")
        lines.append("Terms of the training data: \(trainingDataTerms)")
        lines.append("The program's own licence, MIT, covers its code and not these weights.")
        return lines.joined(separator: "\n")
    }

    /// The same for programs.
    package var json: String { JSON.line(self) }
}

extension BundleVerification: Encodable {
    private enum CodingKeys: String, CodingKey {
        case bundle, version, licence, files
        case isSound = "sound"
        case trainingDataTerms = "training_data_terms"
        case codeLicence = "code_licence"
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(bundle, forKey: .bundle)
        try values.encode(version, forKey: .version)
        try values.encode(isSound, forKey: .isSound)
        try values.encode(licence, forKey: .licence)
        try values.encode(trainingDataTerms, forKey: .trainingDataTerms)
        try values.encode("MIT", forKey: .codeLicence)
        try values.encode(files, forKey: .files)
    }
}

extension BundleVerification.FileReport: Encodable {
    private enum CodingKeys: String, CodingKey {
        case name = "file"
        case expectedDigest = "expected_sha256"
        case foundDigest = "found_sha256"
        case tensorCount = "tensors"
        case problem
    }

    /// What there is none of is null, not left out.
    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(name, forKey: .name)
        try values.encode(expectedDigest, forKey: .expectedDigest)
        try values.encode(foundDigest, forKey: .foundDigest)
        try values.encode(tensorCount, forKey: .tensorCount)
        try values.encode(problem, forKey: .problem)
    }
}
