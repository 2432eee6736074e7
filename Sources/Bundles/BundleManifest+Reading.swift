import Diffusion
package import FoundationEssentials

extension BundleManifest {
    /// Bytes of a `bundle.json`.
    package static let byteLimit = 1 << 20

    /// Reads and checks a `bundle.json`.
    ///
    /// - Throws: `malformed`, with the place, what was expected and what was found.
    package init(json: Data) throws(BundleError) {
        guard json.count <= Self.byteLimit else {
            throw .malformed(key: "", "expected at most \(Self.byteLimit) bytes, found \(json.count)")
        }
        let reader = try ManifestReader(json: json)
        name = try reader.text("name", upTo: 64)
        // The name goes into a header field.
        guard Self.isPlain(name) else { throw reader.fault("name", "expected letters, digits, '.', '_' and '-'") }
        version = try reader.text("version", upTo: 64)
        licence = try reader.text("licence", upTo: 1_000)
        trainingDataTerms = try reader.text("trainingDataTerms", upTo: 10_000)
        prediction = try reader.choice(Prediction.self, "prediction")
        labels = try Self.labels(reader)
        logitScale = try reader.number("logit_scale", above: 0, upTo: 10_000)
        classifier = try Classifier(try reader.object("daclip"))
        network = try Network(try reader.object("unet"))
        diffusion = try Diffusion(try reader.object("diffusion"))
        defaults = try Defaults(try reader.object("default"), steps: diffusion.steps)
        try reader.finish()
        if let dimension = network.contextDimension, dimension != classifier.embeddingDimension {
            throw .malformed(key: "unet.context_dim", "expected the embeddings' \(classifier.embeddingDimension), "
                + "found \(dimension)")
        }
        guard Set(files.map(\.name)).count == files.count else {
            throw .malformed(key: "", "two networks name the same file")
        }
    }

    /// Labels stand in header fields and in lists joined by commas, so they are plain words.
    private static func labels(_ reader: ManifestReader) throws(BundleError) -> [String] {
        let labels = try reader.required([String].self, "labels")
        guard (1...1_000).contains(labels.count) else {
            throw reader.fault("labels", "expected 1 to 1000 of them, found \(labels.count)")
        }
        for label in labels where !isPlain(label) || label == "auto" {
            throw reader.fault("labels", "\(ManifestReader.shown(label)) means something else, or is not made of letters, "
                + "digits, '.', '_' and '-'")
        }
        guard Set(labels).count == labels.count else { throw reader.fault("labels", "one is there twice") }
        return labels
    }

    /// 1 to 64 ASCII letters, digits, `.`, `_` and `-`, not beginning with `.` or `-`.
    static func isPlain(_ text: String) -> Bool {
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
    /// Reads `file` and `sha256`.
    ///
    /// The name is a plain one: nothing in a bundle can lead out of its folder.
    fileprivate init(_ reader: ManifestReader, endings: [String]) throws(BundleError) {
        name = try reader.required(String.self, "file")
        let (name, list) = (name, endings.joined(separator: ", "))
        guard BundleManifest.isPlain(name), endings.contains(where: name.hasSuffix) else {
            throw reader.fault("file", "expected a plain file name that ends in \(list), found "
                + ManifestReader.shown(name))
        }
        sha256 = try reader.required(String.self, "sha256")
        let isDigest = sha256.utf8.count == 64
            && sha256.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
        guard isDigest else { throw reader.fault("sha256", "expected 64 lower-case hexadecimal digits") }
    }
}

extension BundleManifest.Classifier {
    fileprivate init(_ reader: ManifestReader) throws(BundleError) {
        file = try .init(reader, endings: [".safetensors", ".pt", ".pth"])
        embeddingDimension = try reader.size("embed_dim", 1...16_384)
        usesQuickGELU = try reader.optional(Bool.self, "quick_gelu") ?? false
        vision = try .init(try reader.object("vision_cfg"))
        controller = vision
        if let changes = try reader.optionalObject("controller_cfg") {
            try controller.change(changes)
            try changes.finish()
        }
        nativeWindows = try reader.size("native_windows", 0...BundleManifest.Classifier.nativeWindowLimit, default: 0)
        text = try reader.optionalObject("text_cfg").map { reader throws(BundleError) in try .init(reader) }
        if let merges = try reader.optionalObject("merges") {
            self.merges = try .init(merges, endings: [".txt", ".txt.gz", ".gz"])
            try merges.finish()
        }
        // Of the official configurations; it only says how their program is put together.
        _ = try reader.optional(Bool.self, "custom_text")
        try reader.finish()
        guard (text == nil) == (merges == nil) else {
            throw reader.fault("merges", "is needed with a text tower, and only with one")
        }
    }
}

extension BundleManifest.Vision {
    fileprivate init(_ reader: ManifestReader) throws(BundleError) {
        imageSize = try reader.size("image_size", 1...4_096)
        layers = try reader.size("layers", 1...256)
        width = try reader.size("width", 1...16_384)
        patchSize = try reader.size("patch_size", 1...4_096)
        headWidth = try reader.size("head_width", 1...16_384, default: 64)
        stem = try reader.sizes("stem", 1...16_384, count: 1...11)
        (stemBlocks, pool) = (nil, .classToken)
        try change(reader)
        try reader.finish()
        guard imageSize % patchSize == 0 else {
            throw reader.fault("patch_size", "\(patchSize) doesn't divide the image size \(imageSize)")
        }
        guard width % headWidth == 0 else {
            throw reader.fault("head_width", "\(headWidth) doesn't divide the width \(width)")
        }
        if let stem, patchSize != 1 << (stem.count + 1) {
            throw reader.fault("stem", "\(stem.count + 1) convolutions halve the side to a patch of "
                + "\(1 << (stem.count + 1)), expected \(patchSize)")
        }
    }

    /// Reads `stem_blocks` and `pool`, in which alone a controller may differ from the image encoder.
    fileprivate mutating func change(_ reader: ManifestReader) throws(BundleError) {
        pool = try reader.choice(BundleManifest.Pool.self, "pool", default: pool)
        guard let blocks = try reader.sizes("stem_blocks", 0...64, count: 1...12) else { return }
        guard let stem, blocks.count == stem.count + 1 else {
            throw reader.fault("stem_blocks", "expected a number for each convolution of the stem, of which there are "
                + "\(stem.map { $0.count + 1 } ?? 0), found \(blocks.count)")
        }
        for (count, outputs) in zip(blocks, stem + [width]) where count > 0 && outputs < 2 {
            throw reader.fault("stem_blocks", "a block works with half of its channels, of which there is \(outputs)")
        }
        stemBlocks = blocks
    }
}

extension BundleManifest.Text {
    fileprivate init(_ reader: ManifestReader) throws(BundleError) {
        contextLength = try reader.size("context_length", 3...4_096, default: 77)
        vocabularySize = try reader.size("vocab_size", 3...1_000_000, default: 49_408)
        width = try reader.size("width", 1...16_384, default: 512)
        heads = try reader.size("heads", 1...1_024, default: 8)
        layers = try reader.size("layers", 1...256, default: 12)
        try reader.finish()
        guard width % heads == 0 else { throw reader.fault("heads", "\(heads) don't divide the width \(width)") }
    }
}

extension BundleManifest.Network {
    fileprivate init(_ reader: ManifestReader) throws(BundleError) {
        file = try .init(reader, endings: [".safetensors", ".pt", ".pth"])
        inputChannels = try reader.size("in_nc", 3...3)
        outputChannels = try reader.size("out_nc", 3...3)
        width = try reader.size("nf", 4...4_096)
        guard let multipliers = try reader.sizes("ch_mult", 1...64, count: 1...8) else {
            throw reader.fault("ch_mult", "is needed (a list of whole numbers)")
        }
        self.multipliers = multipliers
        contextDimension = try reader.optional(Int.self, "context_dim")
        usesDegradationContext = try reader.required(Bool.self, "use_degra_context")
        usesImageContext = try reader.required(Bool.self, "use_image_context")
        scale = try reader.optional(Double.self, "scale") ?? 1
        try reader.finish()
        guard width % 2 == 0 else { throw reader.fault("nf", "expected an even number, found \(width)") }
        guard scale == 1 || scale == 0.5 else { throw reader.fault("scale", "expected 1 or 0.5, found \(scale)") }
        guard (usesDegradationContext || usesImageContext) == (contextDimension != nil) else {
            throw reader.fault("context_dim", "is needed with a context, and only with one")
        }
        if let contextDimension, !(1...16_384).contains(contextDimension) {
            throw reader.fault("context_dim", "expected 1 to 16384, found \(contextDimension)")
        }
    }
}

extension BundleManifest.Diffusion {
    fileprivate init(_ reader: ManifestReader) throws(BundleError) {
        steps = try reader.size("T", 1...10_000, default: 100)
        schedule = try reader.choice(BundleManifest.Schedule.self, "schedule", default: .cosine)
        epsilon = try reader.number("eps", above: 0, upTo: 0.5, default: 0.005)
        maximumSigma = try reader.number("max_sigma", above: 0, upTo: 255, default: 50)
        let sampled = try reader.size("sample_T", -1...steps, default: -1)
        guard sampled != 0 else { throw reader.fault("sample_T", "expected -1 (all), or 1 to \(steps)") }
        sampledSteps = sampled < 0 ? nil : sampled
        try reader.finish()
    }
}

extension BundleManifest.Defaults {
    fileprivate init(_ reader: ManifestReader, steps tableSteps: Int) throws(BundleError) {
        sampler = try reader.choice(SamplerKind.self, "sampler")
        // The Euler samplers fall apart in fewer than ten steps.
        steps = try reader.size("steps", (sampler == .posterior ? 1 : 10)...100)
        times = try reader.sizes("times", 1...tableSteps, count: 1...100)
        try reader.finish()
        if let times, times.count != steps || !zip(times, times.dropFirst()).allSatisfy({ $0 > $1 }) {
            throw reader.fault("times", "expected \(steps) steps, each below the one before it")
        }
    }
}
