/// The sizes of a DA-CLIP; the coding keys are those of open_clip's model files.
package struct DegradationAwareCLIPConfiguration: Sendable, Equatable, Codable {
    /// Length of every embedding.
    package var embeddingWidth: Int
    /// The image encoder.
    package var vision: Vision
    /// The image encoder's trained copy; of the same shape but for `stemBlocks` and `pool`.
    package var controller: Vision
    /// nil where the checkpoint holds label features instead of a text tower.
    package var text: Text?

    /// A vision tower.
    package struct Vision: Sendable, Equatable, Codable {
        /// Side of the square input, in pixels.
        package var imageSize: Int
        package var layers: Int
        package var width: Int
        package var patchSize: Int
        package var headWidth = 64
        /// Inner widths of a convolutional stem in place of the patch convolution.
        package var stem: [Int]?
        /// Residual blocks behind each of the stem's convolutions; nil for none.
        package var stemBlocks: [Int]?
        package var pool = Pool.classToken

        /// What the embedding is read from.
        package enum Pool: Sendable {
            case classToken
            /// The mean over the patches, then their maximum.
            case patches
        }

        enum CodingKeys: String, CodingKey {
            case layers, width, stem
            case imageSize = "image_size"
            case patchSize = "patch_size"
            case headWidth = "head_width"
        }

        package init(
            imageSize: Int, layers: Int, width: Int, patchSize: Int, headWidth: Int = 64, stem: [Int]? = nil,
            stemBlocks: [Int]? = nil, pool: Pool = .classToken
        ) {
            self.imageSize = imageSize
            self.layers = layers
            self.width = width
            self.patchSize = patchSize
            self.headWidth = headWidth
            self.stem = stem
            self.stemBlocks = stemBlocks
            self.pool = pool
        }

        package init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: CodingKeys.self)
            imageSize = try values.decode(Int.self, forKey: .imageSize)
            layers = try values.decode(Int.self, forKey: .layers)
            width = try values.decode(Int.self, forKey: .width)
            patchSize = try values.decode(Int.self, forKey: .patchSize)
            headWidth = try values.decodeIfPresent(Int.self, forKey: .headWidth) ?? 64
            stem = try values.decodeIfPresent([Int].self, forKey: .stem)
            try decoder.require(
                (1...2048).contains(imageSize) && (1...imageSize).contains(patchSize),
                "image_size must be from 1 to 2048 and patch_size within it")
            try decoder.require(
                (1...64).contains(layers) && (1...8192).contains(width) && headWidth > 0 && width % headWidth == 0,
                "layers must be from 1 to 64, width from 1 to 8192 and a multiple of head_width")
            try decoder.require(
                stem?.allSatisfy { (1...8192).contains($0) } ?? true && (stem?.count ?? 0) <= 8,
                "stem must hold at most 8 widths from 1 to 8192")
        }

        package var heads: Int { width / headWidth }

        /// Length of what the embedding is read from.
        var pooledWidth: Int { pool == .patches ? 2 * width : width }

        /// Side of the grid of tokens.
        package var grid: Int {
            guard let stem else { return imageSize / patchSize }
            return (0...stem.count).reduce(imageSize) { side, _ in (side + 1) / 2 }
        }
    }

    package struct Text: Sendable, Equatable, Codable {
        package var contextLength = 77
        package var vocabularySize = 49408
        package var width: Int
        package var heads: Int
        package var layers: Int

        enum CodingKeys: String, CodingKey {
            case width, heads, layers
            case contextLength = "context_length"
            case vocabularySize = "vocab_size"
        }

        package init(contextLength: Int = 77, vocabularySize: Int = 49408, width: Int, heads: Int, layers: Int) {
            self.contextLength = contextLength
            self.vocabularySize = vocabularySize
            self.width = width
            self.heads = heads
            self.layers = layers
        }

        package init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: CodingKeys.self)
            contextLength = try values.decodeIfPresent(Int.self, forKey: .contextLength) ?? 77
            vocabularySize = try values.decodeIfPresent(Int.self, forKey: .vocabularySize) ?? 49408
            width = try values.decode(Int.self, forKey: .width)
            heads = try values.decode(Int.self, forKey: .heads)
            layers = try values.decode(Int.self, forKey: .layers)
            try decoder.require(
                (2...1024).contains(contextLength) && (3...1_000_000).contains(vocabularySize),
                "context_length must be from 2 to 1024 and vocab_size from 3 to 1,000,000")
            try decoder.require(
                (1...64).contains(layers) && (1...8192).contains(width) && heads > 0 && width % heads == 0,
                "layers must be from 1 to 64, width from 1 to 8192 and a multiple of heads")
        }
    }

    package init(embeddingWidth: Int, vision: Vision, controller: Vision, text: Text?) {
        self.embeddingWidth = embeddingWidth
        self.vision = vision
        self.controller = controller
        self.text = text
    }

    enum CodingKeys: String, CodingKey {
        case embeddingWidth = "embed_dim"
        case vision = "vision_cfg"
        case text = "text_cfg"
        case quickGELU = "quick_gelu"
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        embeddingWidth = try values.decode(Int.self, forKey: .embeddingWidth)
        vision = try values.decode(Vision.self, forKey: .vision)
        // open_clip's files know one shape for both.
        controller = vision
        text = try values.decodeIfPresent(Text.self, forKey: .text)
        try decoder.require((1...8192).contains(embeddingWidth), "embed_dim must be from 1 to 8192")
        let quickGELU = try values.decodeIfPresent(Bool.self, forKey: .quickGELU) ?? false
        try decoder.require(!quickGELU, "quick_gelu is not offered: both official DA-CLIP models use the exact GELU")
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(embeddingWidth, forKey: .embeddingWidth)
        try values.encode(vision, forKey: .vision)
        try values.encodeIfPresent(text, forKey: .text)
        try values.encode(false, forKey: .quickGELU)
    }
}

extension Decoder {
    fileprivate func require(_ condition: Bool, _ expectation: String) throws {
        if !condition {
            throw DecodingError.dataCorrupted(.init(codingPath: codingPath, debugDescription: expectation))
        }
    }
}
