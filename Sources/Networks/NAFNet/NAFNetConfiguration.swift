package import Checkpoints

/// The sizes of a NAFNet, or of a network with its trunk: keys as in the official option files. What is read has been checked: a
/// network of these sizes can be built.
package struct NAFNetConfiguration: Sendable, Equatable {
    /// Channels of a picture.
    package static let pictureChannels = 3

    /// Channels in (`in_channels`): those of one picture, or of two, of which the last one is corrected.
    package let inputChannels: Int

    /// Channels at full resolution (`width`); each level has twice those of the one above.
    package let width: Int
    /// Blocks of each level on the way down, the finest first (`enc_blk_nums`); their number is the depth.
    package let encoderBlocks: [Int]
    /// Blocks in the middle (`middle_blk_num`).
    package let middleBlocks: Int
    /// Blocks of each level on the way up, the coarsest first (`dec_blk_nums`).
    package let decoderBlocks: [Int]

    /// At most six levels: pictures are padded to multiples of 64.
    private static let levels = 1...6
    private static let blocks = 0...64
    /// In the middle.
    private static let widestMap = 8_192

    /// - Parameter pictures: that the network sees at a time.
    /// - Throws: the first value that can't be, with its place.
    package init(_ reader: ConfigurationReader, pictures: Int = 1) throws(ConfigurationError) {
        inputChannels = pictures * Self.pictureChannels
        _ = try reader.size("in_channels", inputChannels...inputChannels, default: inputChannels)
        _ = try reader.size(
            "out_channels", Self.pictureChannels...Self.pictureChannels, default: Self.pictureChannels)
        width = try reader.size("width", 1...1_024)
        encoderBlocks = try Self.blocks("enc_blk_nums", reader)
        middleBlocks = try reader.size("middle_blk_num", Self.blocks)
        decoderBlocks = try Self.blocks("dec_blk_nums", reader)
        guard encoderBlocks.count == decoderBlocks.count else {
            throw reader.fault(
                "dec_blk_nums", "expected as many levels as in enc_blk_nums, \(encoderBlocks.count), found \(decoderBlocks.count)")
        }
        guard width << depth <= Self.widestMap else {
            throw reader.fault("width", "expected at most \(Self.widestMap) channels in the middle, found \(width << depth)")
        }
    }

    private static func blocks(_ key: String, _ reader: ConfigurationReader) throws(ConfigurationError) -> [Int] {
        guard let numbers = try reader.sizes(key, blocks, count: levels) else {
            throw reader.fault(key, "is needed (a list of whole numbers)")
        }
        return numbers
    }

    package var depth: Int { encoderBlocks.count }
    /// Pictures are padded to multiples of this.
    package var alignment: Int { 1 << depth }

    /// Channels of a level, counted going down; the middle is `depth`.
    package func width(ofLevel level: Int) -> Int { width << level }
}
