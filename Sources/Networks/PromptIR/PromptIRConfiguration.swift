package import Checkpoints
package import Restormer

/// The sizes of a `PromptIR`: Restormer's, and those of its prompts. What is read has been checked: a network of these sizes can
/// be built.
package struct PromptIRConfiguration: Sendable, Equatable {
    package let body: RestormerConfiguration
    /// Channels of the prompts of levels 1 to 3 (`prompt_dims`).
    package let promptWidths: [Int]
    /// Sides of their maps (`prompt_sizes`).
    package let promptSides: [Int]
    /// Components that each prompt is mixed of (`prompt_len`).
    package let components: Int

    /// - Parameter mayHaveBias: whether there are networks of this kind whose convolutions have biases.
    /// - Throws: the first value that can't be, with its place.
    package init(_ reader: ConfigurationReader, mayHaveBias: Bool = false) throws(ConfigurationError) {
        body = try RestormerConfiguration(reader, mayHaveBias: mayHaveBias)
        guard body.inputChannels == 3, body.outputChannels == 3, !body.isDualPixel else {
            throw reader.fault("inp_channels", "expected pictures of three channels, in and out")
        }
        promptWidths = try Self.numbers("prompt_dims", default: [64, 128, 320], reader)
        promptSides = try Self.numbers("prompt_sizes", default: [64, 32, 16], reader)
        components = try reader.size("prompt_len", 1...64, default: 5)
        for level in 0..<3 where !noiseWidth(ofLevel: level).isMultiple(of: noiseHeads) {
            throw reader.fault(
                "prompt_dims", "level \(level + 1) has \(noiseWidth(ofLevel: level)) channels with its prompt, which "
                    + "\(noiseHeads) heads don't divide")
        }
    }

    private static func numbers(
        _ key: String, default fallback: [Int], _ reader: ConfigurationReader
    ) throws(ConfigurationError) -> [Int] {
        try reader.sizes(key, 1...2_048, count: 3...3) ?? fallback
    }

    /// Channels that the prompt of a level, counted from 0, is made for: 2d, 4d and 8d.
    func width(beforePromptOfLevel level: Int) -> Int { body.width << (level + 1) }
    /// Channels of the block that takes them with the prompt.
    func noiseWidth(ofLevel level: Int) -> Int { width(beforePromptOfLevel: level) + promptWidths[level] }
    /// Of all those blocks.
    var noiseHeads: Int { body.heads[2] }
}
