package import Checkpoints

/// The sizes of an `Autoencoder`, whose keys are those of the official option files. What is read has been checked: a network
/// of these sizes can be built.
package struct AutoencoderConfiguration: Sendable, Equatable {
    /// Channels of a picture, in and out.
    package static let pictureChannels = 3
    /// Of GroupNorm.
    static let groups = 32
    /// Channels that a level may have.
    private static let widestMap = 8_192

    /// Channels of the finest level (`ch`).
    package let baseWidth: Int
    /// Channels a level, as multiples of `baseWidth`, the finest level first (`ch_mult`).
    package let multipliers: [Int]
    /// Residual blocks a level of the encoder; the decoder has one more (`num_res_blocks`).
    package let blocks: Int
    /// Channels of a latent between the inner networks and the 1x1 convolutions (`z_channels`), and of a latent
    /// (`embed_dim`).
    package let innerChannels: Int
    package let latentChannels: Int

    /// - Throws: the first value that can't be, with its place.
    package init(_ reader: ConfigurationReader) throws(ConfigurationError) {
        let channels = Self.pictureChannels...Self.pictureChannels
        _ = (try reader.size("in_channels", channels), try reader.size("out_ch", channels))
        baseWidth = try reader.size("ch", 32...1_024)
        guard let multipliers = try reader.sizes("ch_mult", 1...32, count: 1...6) else {
            throw reader.fault("ch_mult", "is needed (a list of whole numbers)")
        }
        self.multipliers = multipliers
        blocks = try reader.size("num_res_blocks", 1...16)
        innerChannels = try reader.size("z_channels", 1...64)
        latentChannels = try reader.size("embed_dim", 1...4)
        guard try reader.sizes("attn_resolutions", 1...4_096, count: 0...0) ?? [] == [] else {
            throw reader.fault("attn_resolutions", "expected none: attention is in the middle only")
        }
        guard try reader.flag("double_z", default: true) else { throw reader.fault("double_z", "expected true") }
        // What says nothing of the networks at inference.
        _ = try reader.size("resolution", 1...4_096, default: 256)
        _ = try reader.number("dropout", above: -1, upTo: 1, default: 0)
        for width in multipliers.map({ $0 * baseWidth }) {
            guard width <= Self.widestMap, width.isMultiple(of: Self.groups) else {
                throw reader.fault("ch_mult", "expected multiples of \(Self.groups) channels, at most \(Self.widestMap), "
                    + "found \(width)")
            }
        }
    }

    package var depth: Int { multipliers.count }
    /// Pixels along a side that become one of the latent.
    package var factor: Int { 1 << (depth - 1) }

    /// Channels of a level, the finest one 0.
    func width(ofLevel level: Int) -> Int { baseWidth * multipliers[level] }
    /// Of the coarsest level and the middle.
    var deepestWidth: Int { width(ofLevel: depth - 1) }
}
