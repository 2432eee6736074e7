package import Checkpoints

/// What every `bundle.json` says, of whatever kind: what the bundle is called, under which terms its weights come, which
/// labels it knows and which files it is made of. The rest are the sections of its kind, which the networks and the
/// engine read.
package struct BundleManifest: Sendable, Equatable {
    /// Bytes of a `bundle.json`.
    package static let byteLimit = 1 << 20
    /// The kind of a bundle that doesn't name one.
    package static let defaultKind = "daclip-ir-sde"

    /// Which recipe the networks are for.
    package let kind: String
    package let name: String
    package let version: String
    /// Of the weights; the code's own licence says nothing about them.
    package let licence: String
    package let trainingDataTerms: String
    /// In the order of the classifier's features; empty where the bundle knows none.
    package let labels: [String]
    /// The files that the bundle is made of, `bundle.json` aside: every object with the keys `file` and `sha256`.
    package let files: [File]

    /// A file of the bundle: a plain name in its folder, and its SHA-256 in lower-case hexadecimal.
    package struct File: Sendable, Equatable {
        package let name: String
        package let sha256: String
    }

    /// - Throws: the first value that can't be, with its place.
    package init(_ reader: ConfigurationReader) throws(ConfigurationError) {
        kind = try reader.text("kind", upTo: 64, default: Self.defaultKind)
        name = try reader.text("name", upTo: 64)
        // The name goes into a header field.
        guard Self.isPlain(name) else { throw reader.fault("name", "expected letters, digits, '.', '_' and '-'") }
        version = try reader.text("version", upTo: 64)
        licence = try reader.text("licence", upTo: 1_000)
        trainingDataTerms = try reader.text("trainingDataTerms", upTo: 10_000)
        labels = try Self.labels(reader)
        // What the weights were trained with is for whoever trains them again.
        _ = try reader.wholeObject("training")
        let named = reader.allObjects.filter { $0.has("file") && $0.has("sha256") }
        files = try named.map { reader throws(ConfigurationError) in try File(reader) }
        guard Set(files.map(\.name)).count == files.count else {
            throw ConfigurationError("two networks name the same file")
        }
    }

    /// Labels stand in header fields and in lists joined by commas, so they are plain words.
    private static func labels(_ reader: ConfigurationReader) throws(ConfigurationError) -> [String] {
        guard let labels = try reader.texts("labels") else { return [] }
        guard (1...1_000).contains(labels.count) else {
            throw reader.fault("labels", "expected 1 to 1000 of them, found \(labels.count)")
        }
        for label in labels where !isPlain(label) || label == "auto" {
            throw reader.fault("labels", "\(ConfigurationReader.shown(label)) means something else, or is not made of "
                + "letters, digits, '.', '_' and '-'")
        }
        guard Set(labels).count == labels.count else { throw reader.fault("labels", "one is there twice") }
        return labels
    }

    /// 1 to 64 ASCII letters, digits, `.`, `_` and `-`, not beginning with `.` or `-`.
    package static func isPlain(_ text: String) -> Bool {
        let isFit = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): true
            default: false
            }
        }
        return isFit && (1...64).contains(text.utf8.count) && text.first != "." && text.first != "-"
    }
}

extension BundleManifest.File {
    /// Of checkpoints.
    static let tensorEndings = [".safetensors", ".pt", ".pth", ".ckpt", ".bin"]
    /// Of checkpoints, and of a tokenizer's merges.
    static let endings = tensorEndings + [".txt", ".gz"]

    var hasTensors: Bool { Self.tensorEndings.contains(where: name.hasSuffix) }

    /// Reads `file` and `sha256`.
    ///
    /// The name is a plain one: nothing in a bundle can lead out of its folder.
    init(_ reader: ConfigurationReader) throws(ConfigurationError) {
        name = try reader.text("file", upTo: 64)
        let name = name
        guard BundleManifest.isPlain(name), Self.endings.contains(where: name.hasSuffix) else {
            throw reader.fault("file", "expected a plain file name that ends in \(Self.endings.joined(separator: ", ")), "
                + "found \(ConfigurationReader.shown(name))")
        }
        sha256 = try reader.text("sha256", upTo: 64)
        let isDigest = sha256.utf8.count == 64
            && sha256.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
        guard isDigest else { throw reader.fault("sha256", "expected 64 lower-case hexadecimal digits") }
    }
}
