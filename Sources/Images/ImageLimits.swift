/// What a picture may ask for before it is refused. Sizes are compared with the header before any pixel is
/// allocated.
package struct ImageLimits: Sendable, Equatable {
    /// Width times height, in pixels.
    package var pixels = 50_000_000
    /// The longer side, in pixels.
    package var longestSide = 16_384
    /// The shorter side, in pixels.
    package var shortestSide = 8
    /// An ICC profile, expanded, in bytes. A longer one is dropped.
    package var colourProfileBytes = 4 << 20
    /// Each of the EXIF block, the XMP packet and the IPTC records, expanded, in bytes. A longer one is dropped, once the
    /// orientation has been read.
    package var metadataBytes = 1 << 20
    /// Scans of a JPEG; each may cost a pass over all blocks, and real files have fewer than 100.
    package var jpegScans = 500

    package init() {}

    /// Measures beside the picture's size that `ImageError.overLimit` names.
    package enum Quantity: String, Sendable {
        case jpegScans = "number of scans"

        package var unit: String { "scans" }
    }
}
