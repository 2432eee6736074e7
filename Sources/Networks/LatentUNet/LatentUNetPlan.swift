/// The order of a network's blocks (README, "Order").
struct LatentUNetPlan {
    /// A residual block with what follows it.
    struct Block {
        let inputs: Int
        let outputs: Int
        /// Counted going down.
        let level: Int
        /// The number of its transformer among all; nil for none.
        let transformer: Int?
        /// On the way up: doubled afterwards.
        let doubles: Bool
    }

    /// `input_blocks` after the first.
    enum Down {
        case block(Block)
        /// Of so many channels.
        case halve(Int)
    }

    private(set) var downs: [Down] = []
    private(set) var middleTransformer = 0
    private(set) var ups: [Block] = []
    private(set) var transformers = 0

    init(_ configuration: LatentUNetConfiguration) {
        let depth = configuration.depth
        var width = configuration.modelChannels
        var skips = [width]
        for level in 0..<depth {
            let outputs = configuration.width(ofLevel: level)
            for _ in 0..<configuration.blocks {
                downs.append(.block(Block(
                    inputs: width, outputs: outputs, level: level,
                    transformer: number(configuration.hasTransformer(atLevel: level)), doubles: false)))
                width = outputs
                skips.append(width)
            }
            guard level < depth - 1 else { continue }
            downs.append(.halve(width))
            skips.append(width)
        }
        middleTransformer = transformers
        transformers += 1
        for level in (0..<depth).reversed() {
            let outputs = configuration.width(ofLevel: level)
            for index in 0...configuration.blocks {
                ups.append(Block(
                    inputs: width + skips.removeLast(), outputs: outputs, level: level,
                    transformer: number(configuration.hasTransformer(atLevel: level)),
                    doubles: level > 0 && index == configuration.blocks))
                width = outputs
            }
        }
    }

    private mutating func number(_ hasTransformer: Bool) -> Int? {
        guard hasTransformer else { return nil }
        transformers += 1
        return transformers - 1
    }
}
