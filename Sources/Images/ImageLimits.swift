/// What a picture may ask for before it is refused. Sizes are compared with the header before any pixel is
/// allocated.
package struct ImageLimits: Sendable, Equatable {
    /// Width times height, in pixels.
    package var pixels = 50_000_000
    /// The longer side, in pixels.
    package var longestSide = 16_384
    /// The shorter side, in pixels.
    package var shortestSide = 8
    /// An ICC profile, expanded, in bytes.
    package var colourProfileBytes = 1 << 20
    /// An EXIF block, in bytes.
    package var exifBytes = 64 << 10
    /// Scans of a JPEG; each may cost a pass over all blocks, and real files have fewer than 100.
    package var jpegScans = 500
    /// Ancillary chunks that libpng keeps of one file.
    package var pngCachedChunks = 128
    /// What libpng allocates for one chunk, in bytes.
    package var pngChunkBytes = 8_000_000

    package init() {}

    /// Measures beside the picture's size that `ImageError.overLimit` names.
    package enum Quantity: String, Sendable {
        case colourProfile = "ICC profile"
        case exif = "EXIF block"
        case jpegScans = "number of scans"

        package var unit: String { self == .jpegScans ? "scans" : "bytes" }
    }
}
