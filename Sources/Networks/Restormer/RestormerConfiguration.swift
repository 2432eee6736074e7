package import Checkpoints

/// The sizes of a Restormer, or of a network of its blocks: keys as in the official option files. What is read has been checked:
/// a network of these sizes can be built.
package struct RestormerConfiguration: Sendable, Equatable {
    /// The norms over the channels of a pixel (`LayerNorm_type`).
    package enum Norm: String, Sendable, CaseIterable {
        case withBias = "WithBias"
        /// Divides by the deviation without taking the mean away.
        case biasFree = "BiasFree"
    }

    /// Channels of the pictures (`inp_channels`, `out_channels`).
    package let inputChannels: Int
    package let outputChannels: Int
    /// Channels at full resolution (`dim`).
    package let width: Int
    /// Blocks of each of the four levels (`num_blocks`).
    package let blocks: [Int]
    /// `num_refinement_blocks`
    package let refinementBlocks: Int
    /// Heads of each level (`heads`).
    package let heads: [Int]
    /// Channels inside a perceptron, as a multiple (`ffn_expansion_factor`).
    package let expansion: Double
    package let norm: Norm
    /// Whether all convolutions have one but the first, those that change a map's size, and those of prompts (`bias`).
    package let hasBias: Bool
    /// Two pictures go in, seen through either half of a lens, and none is added to the result (`dual_pixel_task`).
    package let isDualPixel: Bool

    package static let levels = 4
    /// Pictures are padded to multiples of this.
    package static let alignment = 8

    /// - Parameter mayHaveBias: whether there are networks of this kind whose convolutions have biases.
    /// - Throws: the first value that can't be, with its place.
    package init(_ reader: ConfigurationReader, mayHaveBias: Bool = false) throws(ConfigurationError) {
        inputChannels = try reader.size("inp_channels", 1...6, default: 3)
        outputChannels = try reader.size("out_channels", 1...6, default: 3)
        width = try reader.size("dim", 2...512)
        blocks = try Self.numbers("num_blocks", 0...64, reader)
        refinementBlocks = try reader.size("num_refinement_blocks", 0...64)
        heads = try Self.numbers("heads", 1...64, reader)
        expansion = try reader.number("ffn_expansion_factor", above: 0, upTo: 16)
        norm = try reader.choice(Norm.self, "LayerNorm_type")
        isDualPixel = try reader.flag("dual_pixel_task", default: false)
        hasBias = try reader.flag("bias", default: false)
        guard mayHaveBias || !hasBias else {
            throw reader.fault("bias", "expected false: no published weights have biases")
        }
        guard width % 2 == 0 else { throw reader.fault("dim", "expected an even number, found \(width)") }
        guard Int(Double(width) * expansion) >= 1 else {
            throw reader.fault("ffn_expansion_factor", "expected at least one channel, found \(expansion)")
        }
        guard isDualPixel || inputChannels == outputChannels else {
            throw reader.fault("out_channels", "expected \(inputChannels), as many as go in, found \(outputChannels)")
        }
        for level in 0..<Self.levels where !width(ofLevel: level).isMultiple(of: heads[level]) {
            throw reader.fault(
                "heads", "level \(level) has \(width(ofLevel: level)) channels, which \(heads[level]) heads don't divide")
        }
    }

    private static func numbers(
        _ key: String, _ range: ClosedRange<Int>, _ reader: ConfigurationReader
    ) throws(ConfigurationError) -> [Int] {
        guard let numbers = try reader.sizes(key, range, count: levels...levels) else {
            throw reader.fault(key, "is needed (a list of \(levels) whole numbers)")
        }
        return numbers
    }

    /// Channels of a level, counted going down.
    package func width(ofLevel level: Int) -> Int { width << level }
}
