package import Checkpoints
package import NAFNet
import RestorationUNet

/// The sizes of a `ConditionalNAFNet`: NAFNet's, and what it is steered by. What is read has been checked: a network of these
/// sizes can be built.
package struct ConditionalNAFNetConfiguration: Sendable, Equatable {
    package let trunk: NAFNetConfiguration
    /// Length of both embeddings (`context_dim`).
    package let contextWidth: Int
    /// Whether every block is modulated by the degradation embedding (`use_degradation`).
    package let usesDegradation: Bool
    /// Whether blocks from `contentLevel` down attend to the content embedding (`use_content`).
    package let usesContent: Bool
    /// Levels count going down, the middle being the depth (`content_level`; the middle alone where left out).
    package let contentLevel: Int
    /// Which norm the blocks have (`norm`).
    package let norm: NAFBlock.Norm

    /// - Throws: the first value that can't be, with its place.
    package init(_ reader: ConfigurationReader) throws(ConfigurationError) {
        trunk = try NAFNetConfiguration(reader)
        contextWidth = try reader.size("context_dim", 1...8_192)
        usesDegradation = try reader.flag("use_degradation")
        usesContent = try reader.flag("use_content")
        let depth = trunk.depth
        // Without content it has no meaning, so any number may stand there.
        let level = try reader.size("content_level", 0...64, default: depth)
        guard level <= depth || !usesContent else {
            throw reader.fault("content_level", "expected at most \(depth), the middle, found \(level)")
        }
        contentLevel = min(level, depth)
        norm = try reader.choice(NAFBlock.Norm.self, "norm", default: .gain)
        // The transformer's groups are as many as its heads' channels.
        let head = SpatialTransformer.headWidth
        guard !usesContent || trunk.width(ofLevel: contentLevel).isMultiple(of: head) else {
            throw reader.fault(
                "width", "a level with content has \(trunk.width(ofLevel: contentLevel)) channels, which heads of \(head) "
                    + "don't divide")
        }
    }

    /// Whether the blocks of a level, counted going down, attend to the content.
    package func hasContent(atLevel level: Int) -> Bool { usesContent && level >= contentLevel }
    /// Length of what the prompt makes of the degradation embedding.
    package var promptWidth: Int { 4 * trunk.width }
}
