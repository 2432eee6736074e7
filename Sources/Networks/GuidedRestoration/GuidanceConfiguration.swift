import Checkpoints

/// What a guided network has beside its backbone: how features are made, matched and fused. Keys as in the official option files.
package struct GuidanceConfiguration: Sendable, Equatable {
    /// Channels of the finest features (`nf`): those of the backbone at full resolution. Each level has twice as many.
    package let width: Int
    /// Levels of features, each of half the size of the one above.
    package let levels: Int
    /// Residual blocks of each level of the feature encoder (`ext_n_blocks`: of the finest, of the next one, of all others).
    package let featureBlocks: [Int]
    /// Blocks that fuse the features of each level (`reffusion_n_blocks`).
    package let fusionBlocks: [Int]
    /// Side of the blocks of the coarsest features that share a search window (`lr_block_size`).
    package let blockSide: Int
    /// What share of the reference a window covers, beside a block's own share of its picture (`ref_down_block_size`).
    package let windowShare: Double
    /// Distances of the samples that blocks are compared by (`dilations`).
    package let dilations: [Int]

    /// Sides of both pictures are padded to multiples of this.
    package var alignment: Int { blockSide << (levels - 1) }

    private static let blocks = 0...64
    /// Of `alignment`: a small picture would else be padding for the most part.
    private static let mostAlignment = 1_024

    /// - Parameters:
    ///   - backboneWidth: channels of the backbone at full resolution.
    ///   - hasMiddle: whether the coarsest level is the backbone's middle, whose fusion blocks have a key of their own.
    init(
        _ reader: ConfigurationReader, backboneWidth: Int, levels: Int, hasMiddle: Bool
    ) throws(ConfigurationError) {
        self.levels = levels
        width = try reader.size("nf", backboneWidth...backboneWidth, default: backboneWidth)
        let blocks = try Self.numbers("ext_n_blocks", Self.blocks, 3...8, reader)
        featureBlocks = (0..<levels).map { blocks[min($0, 2)] }
        fusionBlocks = try Self.fusionBlocks(reader, levels: levels, hasMiddle: hasMiddle)
        blockSide = try reader.size("lr_block_size", 2...64, default: 8)
        windowShare = try reader.number("ref_down_block_size", above: 0, upTo: 4, default: 1.5)
        dilations = try reader.sizes("dilations", 1...32, count: 1...8) ?? [1, 2, 3]
        for (key, only) in [("scale", 1), ("num_nbr", 1), ("psize", 3)] {
            _ = try reader.size(key, only...only, default: only)
        }
        guard blockSide << (levels - 1) <= Self.mostAlignment else {
            throw reader.fault(
                "lr_block_size", "expected at most \(Self.mostAlignment >> (levels - 1)) with \(levels) levels, found \(blockSide)")
        }
        // From a block with a margin of one around it.
        let centre = Self.centre(ofBlock: blockSide)
        let most = min(centre, blockSide + 1 - centre)
        if let wide = dilations.first(where: { $0 > most }) {
            throw reader.fault("dilations", "expected at most \(most) with blocks of \(blockSide), found \(wide)")
        }
    }

    /// The row and column that stand for a block with a margin of one.
    static func centre(ofBlock side: Int) -> Int { (side + 2) / 2 }

    private static func fusionBlocks(
        _ reader: ConfigurationReader, levels: Int, hasMiddle: Bool
    ) throws(ConfigurationError) -> [Int] {
        let key = "reffusion_n_blocks", middleKey = "reffusion_n_blocks_middle"
        let middle = try reader.optionalSize(middleKey, blocks)
        guard hasMiddle else { return try numbers(key, blocks, levels...levels, reader) }
        var numbers = try numbers(key, blocks, levels - 1...levels, reader)
        if numbers.count < levels {
            numbers.append(middle ?? 1)
        } else if let middle, middle != numbers[levels - 1] {
            throw reader.fault(middleKey, "expected \(numbers[levels - 1]), the last of \(key), found \(middle)")
        }
        return numbers
    }

    private static func numbers(
        _ key: String, _ range: ClosedRange<Int>, _ count: ClosedRange<Int>, _ reader: ConfigurationReader
    ) throws(ConfigurationError) -> [Int] {
        guard let numbers = try reader.sizes(key, range, count: count) else {
            throw reader.fault(key, "is needed (a list of whole numbers)")
        }
        return numbers
    }

    /// Channels of a level, counted from the finest.
    package func width(ofLevel level: Int) -> Int { width << level }
}
