import ArgumentParser
import Bundles

/// What a user says about one fetch or conversion of a catalogue's entry.
struct FetchFlags: ParsableArguments {
    @Option(name: .customLong("sha256"), help: "SHA-256 of a file: FILE=HEX, or HEX where there is one file.")
    var digests: [String] = []

    @Flag(help: "Keep what was published as well, in the folder original.")
    var keepOriginal = false

    @Flag(help: "Accept the terms of weights that ask for it.")
    var acceptLicence = false

    @Flag(help: "Don't restore a picture to see whether it works, and record no numbers for verify --run.")
    var noCheck = false

    /// - Throws: `ValidationError` for what is no digest, or of no file of the entry.
    func apply(to options: inout FetchOptions, for entry: CatalogueEntry) throws {
        for digest in digests {
            let (file, value) = try Self.pair(digest, of: entry, flag: "--sha256")
            guard Self.isDigest(value) else { throw ValidationError("--sha256 must be 64 hexadecimal digits, not '\(value)'") }
            options.digests[file] = value.lowercased()
        }
        options.keepsOriginals = keepOriginal
        options.acceptsLicence = acceptLicence
    }

    private static func isDigest(_ text: String) -> Bool {
        text.utf8.count == 64 && text.unicodeScalars.allSatisfy { $0.isASCII && $0.properties.isASCIIHexDigit }
    }

    /// `FILE=VALUE`, or `VALUE` alone where the entry has one file.
    static func pair(_ text: String, of entry: CatalogueEntry, flag: String) throws -> (file: String, value: String) {
        let names = entry.files.map(\.name)
        if let file = names.first(where: { text.hasPrefix($0 + "=") }) {
            return (file, String(text.dropFirst(file.count + 1)))
        }
        guard names.count == 1, let file = names.first else {
            throw ValidationError(
                "\(flag) must begin with the name of one of its files and '=': \(names.joined(separator: ", "))")
        }
        return (file, text)
    }
}
