package import Checkpoints

/// The sizes of a `LatentUNet`, whose keys are those of the official option files. What is read has been checked: a network of
/// these sizes can be built.
package struct LatentUNetConfiguration: Sendable, Equatable {
    /// Channels in (`in_channels`; twice those of a latent in the edit form) and out (`out_channels`).
    package let inputChannels: Int
    package let outputChannels: Int
    /// Channels of the first level (`model_channels`).
    package let modelChannels: Int
    /// Channels a level, as multiples of `modelChannels`, the finest level first (`channel_mult`).
    package let multipliers: [Int]
    /// Residual blocks a level on the way down; there is one more on the way up (`num_res_blocks`).
    package let blocks: Int
    /// Factors of shrinking at which levels have transformers (`attention_resolutions`).
    package let transformerFactors: Set<Int>
    package let heads: Heads
    /// Length of a token of the context (`context_dim`).
    package let contextWidth: Int
    /// Whether the projections around a transformer are linear layers in the file, else 1x1 convolutions
    /// (`use_linear_in_transformer`).
    package let usesLinearProjections: Bool

    /// How channels are cut into heads, which the weights don't tell.
    package enum Heads: Sendable, Equatable {
        /// So many everywhere (`num_heads`).
        case count(Int)
        /// As many as this width allows (`num_head_channels`).
        case width(Int)
    }

    /// Channels that a level may have.
    private static let widestMap = 8_192
    /// Of GroupNorm.
    package static let groups = 32

    /// - Throws: the first value that can't be, with its place.
    package init(_ reader: ConfigurationReader) throws(ConfigurationError) {
        inputChannels = try reader.size("in_channels", 1...64)
        outputChannels = try reader.size("out_channels", 1...4)
        modelChannels = try reader.size("model_channels", 32...1_024)
        guard let multipliers = try reader.sizes("channel_mult", 1...32, count: 1...6) else {
            throw reader.fault("channel_mult", "is needed (a list of whole numbers)")
        }
        self.multipliers = multipliers
        blocks = try reader.size("num_res_blocks", 1...16)
        transformerFactors = Set(try reader.sizes("attention_resolutions", 1...32, count: 0...6) ?? [])
        contextWidth = try reader.size("context_dim", 1...8_192)
        usesLinearProjections = try reader.flag("use_linear_in_transformer", default: false)
        heads = try Self.heads(reader)
        try Self.checkForm(reader)
        for multiplier in multipliers {
            let width = modelChannels * multiplier
            guard width <= Self.widestMap, width.isMultiple(of: Self.groups) else {
                throw reader.fault("channel_mult", "expected multiples of \(Self.groups) channels, at most "
                    + "\(Self.widestMap), found \(width)")
            }
            switch heads {
            case .count(let count) where !width.isMultiple(of: count):
                throw reader.fault("num_heads", "\(count) don't divide a level's \(width) channels")
            case .width(let headWidth) where !width.isMultiple(of: headWidth):
                throw reader.fault("num_head_channels", "\(headWidth) doesn't divide a level's \(width) channels")
            default: break
            }
        }
    }

    /// Officially the one that isn't meant is -1.
    private static func heads(_ reader: ConfigurationReader) throws(ConfigurationError) -> Heads {
        let count = try reader.size("num_heads", -1...1_024, default: -1)
        let width = try reader.size("num_head_channels", -1...8_192, default: -1)
        guard (count > 0) != (width > 0) else {
            throw reader.fault("num_heads", "expected either this or num_head_channels")
        }
        return count > 0 ? .count(count) : .width(width)
    }

    /// What the official options say of forms that this network has not, and what says nothing of the network.
    private static func checkForm(_ reader: ConfigurationReader) throws(ConfigurationError) {
        _ = try reader.size("transformer_depth", 1...1, default: 1)
        guard try reader.flag("use_spatial_transformer", default: true) else {
            throw reader.fault("use_spatial_transformer", "expected true")
        }
        guard try !reader.flag("legacy", default: false) else { throw reader.fault("legacy", "expected false") }
        _ = try reader.flag("use_checkpoint", default: false)
        _ = try reader.size("image_size", 1...4_096, default: 32)
    }

    package var depth: Int { multipliers.count }
    /// Width of the time embedding.
    package var timeWidth: Int { 4 * modelChannels }
    /// What a latent's sides must be multiples of.
    package var alignment: Int { 1 << (depth - 1) }

    /// Channels that a level works on, counted going down.
    package func width(ofLevel level: Int) -> Int { modelChannels * multipliers[level] }

    package func hasTransformer(atLevel level: Int) -> Bool { transformerFactors.contains(1 << level) }

    func headCount(_ width: Int) -> Int {
        switch heads {
        case .count(let count): count
        case .width(let headWidth): width / headWidth
        }
    }
}
