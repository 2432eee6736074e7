package import Checkpoints
package import Foundation

/// The folder of reference numbers that the networks are checked against.
///
/// It is the one that `RESTORED_PARITY` names, else `../shared/parity` beside the checkout, else the compact subset in
/// `Tests/Fixtures/Parity`. Suites name the files they need, so what the folder lacks is skipped by name:
///
///     @Suite("U-Net parity", .enabled(if: ParityFolder.current.has("unet_a.safetensors")))
package struct ParityFolder: Sendable {
    package static let current = ParityFolder(root: Repository.folder(
        variable: "RESTORED_PARITY", otherwise: [Repository.shared("parity"), ParityFolder.compactSubset]))

    /// The subset that stands in the repository.
    package static let compactSubset = Repository.root
        .appendingPathComponent("Tests/Fixtures/Parity", isDirectory: true)

    /// Networks of one evaluation, in a folder within that one.
    package static let singlePass = ParityFolder(root: current.root?.appendingPathComponent("singlepass", isDirectory: true))

    /// The parts of latent diffusion, and a system made of them, likewise.
    package static let latent = ParityFolder(root: current.root?.appendingPathComponent("latent", isDirectory: true))
    package static let textual = ParityFolder(root: current.root?.appendingPathComponent("textual", isDirectory: true))
    package static let autoDIR = ParityFolder(root: current.root?.appendingPathComponent("autodir", isDirectory: true))

    /// Nil where no folder was found.
    package let root: URL?

    /// The largest differences that the folder's `tolerances.json` tells: file, tensor, `f32_vs_f64`.
    private let differences: [String: [String: Double]]

    package init(root: URL?) {
        self.root = root
        let table = root.flatMap { try? Data(contentsOf: $0.appendingPathComponent("tolerances.json")) }
            .flatMap { try? JSONDecoder().decode([String: [String: Entry]].self, from: $0) }
        differences = (table ?? [:]).mapValues { $0.compactMapValues(\.f32_vs_f64) }
    }

    private struct Entry: Decodable {
        var f32_vs_f64: Double?
    }

    /// The place of a file, whether or not it is there.
    package func url(_ name: String) -> URL {
        (root ?? URL(fileURLWithPath: "/nonexistent")).appendingPathComponent(name)
    }

    package func path(_ name: String) -> String { url(name).path }

    /// `config.json`: the sizes of the recorded networks, by their names.
    package func configuration() throws -> ConfigurationReader {
        try ConfigurationReader(json: [UInt8](Data(contentsOf: url("config.json"))))
    }

    /// Whether every one of these files is there.
    package func has(_ names: String...) -> Bool {
        root != nil && names.allSatisfy { FileManager.default.fileExists(atPath: path($0)) }
    }

    /// The names of all files right in the folder, sorted; with this ending where one is given.
    package func files(withExtension ending: String? = nil) -> [String] {
        guard let root, let names = try? FileManager.default.contentsOfDirectory(atPath: root.path) else { return [] }
        return names.filter { name in ending.map { name.hasSuffix("." + $0) } ?? true }.sorted()
    }

    /// The largest absolute difference that a float32 re-implementation may show: ten times what the reference
    /// itself differs from its double-precision run, never under 1e-6. Whole runs are looser, as their table says:
    /// `final` within 1e-3 (posterior over all steps, whose coefficients cancel) or 1e-4.
    package func tolerance(of tensor: String, in file: String) -> Double {
        if tensor == "final", file.hasPrefix("irsde_run_") {
            return file.hasPrefix("irsde_run_posterior.") ? 1e-3 : 1e-4
        }
        return max(10 * (differences[file]?[tensor] ?? 0), 1e-6)
    }
}

/// The folder of photographs: the one that `RESTORED_DATA` names, else `../shared/data` beside the checkout.
package struct DataFolder: Sendable {
    package static let current = DataFolder(
        root: Repository.folder(variable: "RESTORED_DATA", otherwise: [Repository.shared("data")]))

    /// Nil where no folder was found.
    package let root: URL?

    package init(root: URL?) { self.root = root }

    /// The place of a file or folder, by its path inside this one, whether or not it is there.
    package func url(_ name: String) -> URL {
        (root ?? URL(fileURLWithPath: "/nonexistent")).appendingPathComponent(name)
    }

    package func path(_ name: String) -> String { url(name).path }

    /// Whether every one of these files or folders is there.
    package func has(_ names: String...) -> Bool {
        root != nil && names.allSatisfy { FileManager.default.fileExists(atPath: path($0)) }
    }

    /// The files of a folder inside this one, sorted by name.
    package func files(in folder: String) -> [URL] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path(folder))) ?? []
        return names.sorted().map { url(folder).appendingPathComponent($0) }
    }
}
