package import Checkpoints

/// The sizes of a `ConditionalUNet`: the section `unet` of a `bundle.json`, whose keys are those of the official option
/// files. What is read has been checked: a network of these sizes can be built.
package struct ConditionalUNetConfiguration: Sendable, Equatable {
    /// Channels of a picture, in and out (`in_nc`, `out_nc`); the network sees twice as many.
    package static let pictureChannels = 3

    /// Channels of the first level (`nf`).
    package let baseWidth: Int
    /// Channels a level, as multiples of `baseWidth`, the finest level first; their number is the depth (`ch_mult`).
    package let multipliers: [Int]
    /// Length of both embeddings (`context_dim`); nil without contexts.
    package let contextWidth: Int?
    /// Whether it takes the degradation embedding (`use_degra_context`) and the content embedding (`use_image_context`).
    package let usesDegradation: Bool
    package let usesContent: Bool
    /// One more halving after the first convolution, as in wild-IR (`scale` 0.5, not 1).
    package let halvesFirst: Bool

    /// - Throws: the first value that can't be, with its place.
    package init(_ reader: ConfigurationReader) throws(ConfigurationError) {
        let channels = Self.pictureChannels...Self.pictureChannels
        _ = (try reader.size("in_nc", channels), try reader.size("out_nc", channels))
        baseWidth = try reader.size("nf", 4...1_024)
        // At most six levels: pictures are padded to multiples of 64.
        guard let multipliers = try reader.sizes("ch_mult", 1...32, count: 1...6) else {
            throw reader.fault("ch_mult", "is needed (a list of whole numbers)")
        }
        self.multipliers = multipliers
        contextWidth = try reader.optionalSize("context_dim", 1...8_192)
        usesDegradation = try reader.flag("use_degra_context")
        usesContent = try reader.flag("use_image_context")
        let scale = try reader.number("scale", above: 0, upTo: 1, default: 1)
        guard scale == 1 || scale == 0.5 else { throw reader.fault("scale", "expected 1 or 0.5, found \(scale)") }
        halvesFirst = scale == 0.5
        guard baseWidth % 2 == 0 else { throw reader.fault("nf", "expected an even number, found \(baseWidth)") }
        guard (usesDegradation || usesContent) == (contextWidth != nil) else {
            throw reader.fault("context_dim", "is needed with a context, and only with one")
        }
        let unfit = transformerWidths.first { !$0.isMultiple(of: SpatialTransformer.headWidth) }
        if let unfit {
            throw reader.fault("nf", "a level with a spatial transformer has \(unfit) channels, which heads of "
                + "\(SpatialTransformer.headWidth) don't divide")
        }
    }

    /// Levels of the network.
    package var depth: Int { multipliers.count }
    /// Width of the time embedding.
    package var timeWidth: Int { 4 * baseWidth }
    /// Pictures are padded to multiples of this.
    package var alignment: Int { 1 << depth }

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

    /// Channels of every spatial transformer: those of the levels, down and up, and the middle's.
    private var transformerWidths: [Int] {
        let levels = (0..<depth).filter(hasTransformer)
        return levels.flatMap { [width(ofLevel: $0), width(below: $0)] } + (usesContent ? [width(below: depth - 1)] : [])
    }
}
