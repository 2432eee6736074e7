/// The sizes of a `ConditionalUNet`; the coding keys are those of the official option files.
package struct ConditionalUNetConfiguration: Sendable, Equatable, Codable {
    /// Channels of a picture; the network sees twice as many.
    package var inputChannels = 3
    package var outputChannels = 3
    /// Channels of the first level (nf).
    package var baseWidth = 64
    /// Channels a level, as multiples of `baseWidth`; their number is the depth.
    package var multipliers = [1, 2, 4, 8]
    /// Length of both embeddings; nil without contexts.
    package var contextWidth: Int?
    package var usesDegradation = false
    package var usesContent = false
    /// 0.5 inserts one more halving after the first convolution, as in wild-IR; 1 does not.
    package var scale = 1.0

    enum CodingKeys: String, CodingKey {
        case inputChannels = "in_nc"
        case outputChannels = "out_nc"
        case baseWidth = "nf"
        case multipliers = "ch_mult"
        case contextWidth = "context_dim"
        case usesDegradation = "use_degra_context"
        case usesContent = "use_image_context"
        case scale
    }

    package init() {}

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        let official = Self()
        inputChannels = try values.decodeIfPresent(Int.self, forKey: .inputChannels) ?? official.inputChannels
        outputChannels = try values.decodeIfPresent(Int.self, forKey: .outputChannels) ?? official.outputChannels
        baseWidth = try values.decodeIfPresent(Int.self, forKey: .baseWidth) ?? official.baseWidth
        multipliers = try values.decodeIfPresent([Int].self, forKey: .multipliers) ?? official.multipliers
        contextWidth = try values.decodeIfPresent(Int.self, forKey: .contextWidth)
        usesDegradation = try values.decodeIfPresent(Bool.self, forKey: .usesDegradation) ?? false
        usesContent = try values.decodeIfPresent(Bool.self, forKey: .usesContent) ?? false
        scale = try values.decodeIfPresent(Double.self, forKey: .scale) ?? official.scale
        if let problem {
            throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: problem))
        }
    }

    /// What keeps a network of these sizes from being built, if anything.
    private var problem: String? {
        if inputChannels != 3 || outputChannels != 3 { return "in_nc and out_nc must be 3" }
        if baseWidth < 32 || baseWidth > 1024 || baseWidth % 32 != 0 {
            return "nf must be a multiple of 32 from 32 to 1024, not \(baseWidth)"
        }
        if !(1...6).contains(multipliers.count) || multipliers.contains(where: { !(1...32).contains($0) }) {
            return "ch_mult must hold 1 to 6 numbers from 1 to 32, not \(multipliers)"
        }
        if scale != 1, scale != 0.5 { return "scale must be 1 or 0.5, not \(scale)" }
        if let contextWidth, !(1...8192).contains(contextWidth) {
            return "context_dim must be from 1 to 8192, not \(contextWidth)"
        }
        if contextWidth == nil, usesDegradation || usesContent { return "contexts are used but context_dim is missing" }
        return nil
    }

    /// Levels of the network.
    package var depth: Int { multipliers.count }
    /// Width of the time embedding.
    package var timeWidth: Int { 4 * baseWidth }
    /// Pictures are padded to multiples of this.
    package var alignment: Int { 1 << depth }
    package var halvesFirst: Bool { scale == 0.5 }

    /// Channels that level `index` works on, counted going down.
    package func width(ofLevel index: Int) -> Int {
        baseWidth * (index == 0 ? 1 : multipliers[index - 1])
    }

    /// Channels that level `index` hands to the next one.
    package func width(below index: Int) -> Int {
        baseWidth * multipliers[index]
    }

    /// Whether level `index` attends by a spatial transformer: from level 3 on, in wild-IR at the last level.
    package func hasTransformer(atLevel index: Int) -> Bool {
        usesContent && index >= (halvesFirst ? depth - 1 : 3)
    }
}
