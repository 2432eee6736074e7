package import Checkpoints
import FoundationEssentials

/// A bundle in memory: what its `bundle.json` says, and its files, mapped and known to be the right ones.
///
/// Where Foundation is imported as well, its own `Bundle` makes the name ambiguous: write `Bundles.Bundle` there.
package struct Bundle: Sendable {
    package let directory: String
    package let manifest: BundleManifest
    /// The tensors of the towers and the controller.
    package let classifierTensors: StateDict
    /// The tensors of the restoration network.
    package let networkTensors: StateDict
    /// The byte-pair merges as they are in the file; nil without a text tower.
    package let merges: [UInt8]?

    /// Reads a bundle's folder: decodes and checks `bundle.json`, maps the files it names, compares their SHA-256 and
    /// lists their tensors. Whether these fit the networks shows when the networks are built.
    ///
    /// - Throws: the first thing that is wrong.
    package static func load(_ directory: String) throws(BundleError) -> Bundle {
        let manifest = try manifest(in: directory)
        return Bundle(
            directory: directory, manifest: manifest,
            classifierTensors: try tensors(of: manifest.classifier.file, in: directory),
            networkTensors: try tensors(of: manifest.network.file, in: directory),
            merges: try manifest.classifier.merges.map { file throws(BundleError) in
                let bytes = try checkedBytes(of: file, in: directory)
                return bytes.withBytes(in: 0..<bytes.count) { [UInt8]($0) }
            })
    }

    /// Reads and checks a folder's `bundle.json` alone.
    package static func manifest(in directory: String) throws(BundleError) -> BundleManifest {
        let bytes: CheckpointBytes
        do {
            bytes = try CheckpointBytes(contentsOf: directory + "/bundle.json")
        } catch .unreadable(let reason) {
            throw .unreadable(file: directory + "/bundle.json", reason: reason)
        } catch {
            throw .malformed(key: "", "is empty")
        }
        // A longer file is refused by its length; its bytes are not needed for that.
        let count = min(bytes.count, BundleManifest.byteLimit + 1)
        return try BundleManifest(json: bytes.withBytes(in: 0..<count) { Data($0) })
    }

    private static func tensors(of file: BundleManifest.File, in directory: String) throws(BundleError) -> StateDict {
        // The digest is taken of the very mapping that is used, so nothing can be put in between.
        let bytes = try checkedBytes(of: file, in: directory)
        do {
            return try StateDict(bytes)
        } catch {
            throw .checkpoint(file: file.name, error)
        }
    }

    private static func checkedBytes(
        of file: BundleManifest.File, in directory: String
    ) throws(BundleError) -> CheckpointBytes {
        let bytes: CheckpointBytes
        do {
            bytes = try CheckpointBytes(contentsOf: directory + "/" + file.name)
        } catch {
            throw .init(error, file: file.name)
        }
        let found = FileDigest.sha256(of: bytes)
        guard found == file.sha256 else { throw .wrongDigest(file: file.name, expected: file.sha256, found: found) }
        return bytes
    }

    /// What the bundle tells about itself.
    package var summary: BundleSummary {
        BundleSummary(
            name: manifest.name, version: manifest.version, licence: manifest.licence,
            trainingDataTerms: manifest.trainingDataTerms, labels: manifest.labels,
            hasTextTower: manifest.classifier.text != nil, defaultSampler: manifest.defaults.sampler,
            defaultSteps: manifest.defaults.steps,
            digests: Dictionary(uniqueKeysWithValues: manifest.files.map { ($0.name, $0.sha256) }))
    }
}

extension BundleError {
    /// What a weight file's error means for its bundle.
    init(_ error: CheckpointError, file: String) {
        if case .unreadable(let reason) = error {
            self = .unreadable(file: file, reason: reason)
        } else {
            self = .checkpoint(file: file, error)
        }
    }
}
