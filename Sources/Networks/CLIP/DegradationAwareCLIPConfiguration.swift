package import Checkpoints
import Compute

/// The sizes of a DA-CLIP and how it looks at pictures: the section `daclip` of a `bundle.json`, whose keys are those of
/// open_clip's model files and a few of this project's own.
///
/// What is read has been checked: sizes are positive and bounded, so that products of a few of them fit an `Int`.
package struct DegradationAwareCLIPConfiguration: Sendable, Equatable {
    /// Windows of the picture's own resolution: there are places for no more.
    package static let nativeWindowLimit = 5

    /// Length of every embedding (`embed_dim`).
    package var embeddingWidth: Int
    /// The towers' activation is x sigmoid(1.702 x) in place of the exact GELU (`quick_gelu`), as in OpenAI's weights.
    package var usesQuickGELU: Bool
    /// The image encoder (`vision_cfg`).
    package var vision: Vision
    /// The image encoder's trained copy; of the same shape but for what `controller_cfg` says of `stem_blocks` and `pool`.
    package var controller: Vision
    /// nil where the checkpoint's `label_features` replace a text tower (`text_cfg`).
    package var text: Text?
    /// Windows of its own resolution that are looked at beside the whole picture, whose degradation embedding is the mean
    /// over all of them (`native_windows`); 0 for the published models.
    package var nativeWindows: Int

    /// A vision tower: pixels a side, transformer blocks, channels.
    package struct Vision: Sendable, Equatable {
        /// Side of the square input, in pixels.
        package var imageSize: Int
        package var layers: Int
        package var width: Int
        package var patchSize: Int
        /// Channels of an attention head.
        package var headWidth: Int
        /// Inner widths of a convolutional stem, each convolution halving the side; nil for a patch convolution.
        package var stem: [Int]?
        /// Residual blocks behind each of the stem's convolutions; nil for none.
        package var stemBlocks: [Int]?
        package var pool: Pool

        /// What the embedding is read from.
        package enum Pool: String, Sendable, CaseIterable {
            case classToken = "class"
            /// The mean over the patches, then their maximum.
            case patches
        }

        package var heads: Int { width / headWidth }

        /// - Precondition: the patch divides the image, heads the width.
        package init(imageSize: Int, layers: Int, width: Int, patchSize: Int, headWidth: Int) {
            precondition(imageSize.isMultiple(of: patchSize) && width.isMultiple(of: headWidth))
            (self.imageSize, self.layers, self.width) = (imageSize, layers, width)
            (self.patchSize, self.headWidth) = (patchSize, headWidth)
            (stem, stemBlocks, pool) = (nil, nil, .classToken)
        }

        /// Length of what the embedding is read from.
        var pooledWidth: Int { pool == .patches ? 2 * width : width }

        /// Side of the grid of tokens.
        package var grid: Int { imageSize / patchSize }
    }

    /// The text tower.
    package struct Text: Sendable, Equatable {
        /// Tokens of a text, the start and end tokens among them.
        package var contextLength: Int
        package var vocabularySize: Int
        package var width: Int
        package var heads: Int
        package var layers: Int

        /// - Precondition: the heads divide the width.
        package init(contextLength: Int, vocabularySize: Int, width: Int, heads: Int, layers: Int) {
            precondition(width.isMultiple(of: heads))
            (self.contextLength, self.vocabularySize) = (contextLength, vocabularySize)
            (self.width, self.heads, self.layers) = (width, heads, layers)
        }
    }

    /// - Throws: the first value that can't be, with its place.
    package init(_ reader: ConfigurationReader) throws(ConfigurationError) {
        embeddingWidth = try reader.size("embed_dim", 1...8_192)
        usesQuickGELU = try reader.flag("quick_gelu", default: false)
        vision = try Vision(reader.object("vision_cfg"))
        controller = vision
        if let changes = try reader.optionalObject("controller_cfg") { try controller.change(changes) }
        text = try reader.optionalObject("text_cfg").map { reader throws(ConfigurationError) in try Text(reader) }
        nativeWindows = try reader.size("native_windows", 0...Self.nativeWindowLimit, default: 0)
        // The one key without an effect: the official files have it, and it only says how their program is put together.
        _ = try reader.flag("custom_text", default: true)
    }

    /// The activation of the towers' perceptrons.
    var activation: Activation { usesQuickGELU ? .quickGELU : .gelu }
}

extension DegradationAwareCLIPConfiguration.Vision {
    /// - Throws: the first value that can't be, with its place.
    package init(_ reader: ConfigurationReader) throws(ConfigurationError) {
        imageSize = try reader.size("image_size", 1...1_024)
        layers = try reader.size("layers", 1...64)
        width = try reader.size("width", 1...8_192)
        patchSize = try reader.size("patch_size", 1...1_024)
        headWidth = try reader.size("head_width", 1...8_192, default: 64)
        stem = try reader.sizes("stem", 1...8_192, count: 1...9)
        (stemBlocks, pool) = (nil, .classToken)
        try change(reader)
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
    fileprivate mutating func change(_ reader: ConfigurationReader) throws(ConfigurationError) {
        pool = try reader.choice(Pool.self, "pool", default: pool)
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

extension DegradationAwareCLIPConfiguration.Text {
    /// - Throws: the first value that can't be, with its place.
    package init(_ reader: ConfigurationReader) throws(ConfigurationError) {
        contextLength = try reader.size("context_length", 3...1_024, default: 77)
        vocabularySize = try reader.size(
            "vocab_size", BytePairTokenizer.supportedVocabularySizes, default: BytePairTokenizer.publishedVocabularySize)
        width = try reader.size("width", 1...8_192, default: 512)
        heads = try reader.size("heads", 1...1_024, default: 8)
        layers = try reader.size("layers", 1...64, default: 12)
        guard width % heads == 0 else { throw reader.fault("heads", "\(heads) don't divide the width \(width)") }
    }
}
