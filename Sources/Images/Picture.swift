/// A decoded photograph as it is displayed: EXIF orientation already applied.
package struct Picture: Sendable, Equatable {
    /// Pixels across and down, as displayed.
    package let width: Int
    package let height: Int
    /// Interleaved 8-bit RGB, row by row from the top left: `width * height * 3` bytes.
    package var pixels: [UInt8]
    /// One 8-bit opacity a pixel, carried through restoration untouched; nil for an opaque picture.
    package var alpha: [UInt8]?
    /// Which colours the file's samples mean, carried through untouched.
    package var colour: ColourDescription
    /// Whether the pixels are sRGB's, converted from what `colour` says, which differs much from that. Elsewhere they are
    /// the file's own, near enough to sRGB.
    package var isConverted = false
    package var metadata: PictureMetadata

    /// - Precondition: `pixels.count == width * height * 3`, and `alpha`, where given, has one byte a pixel.
    package init(
        width: Int, height: Int, pixels: [UInt8], alpha: [UInt8]? = nil, colour: ColourDescription = ColourDescription(),
        metadata: PictureMetadata = PictureMetadata()
    ) {
        precondition(pixels.count == width * height * 3)
        precondition(alpha == nil || alpha?.count == width * height)
        self.width = width
        self.height = height
        self.pixels = pixels
        self.alpha = alpha
        self.colour = colour
        self.metadata = metadata
    }

    /// Bytes beside the pixels that go out with them.
    package var bytesBesidePixels: Int { colour.byteCount + metadata.count }

    /// Whether red, green and blue are equal in every pixel.
    var hasGreyPixelsOnly: Bool {
        pixels.withUnsafeBufferPointer { bytes in
            stride(from: 0, to: bytes.count - 2, by: 3).allSatisfy {
                bytes[$0] == bytes[$0 + 1] && bytes[$0] == bytes[$0 + 2]
            }
        }
    }

    /// A value of 0...1 as a byte: clamped, times 255 and rounded half to even; what is no number becomes 0.
    package static func byte(_ value: Float) -> UInt8 {
        guard value > 0 else { return 0 }  // NaN as well
        return UInt8((min(value, 1) * 255).rounded(.toNearestOrEven))
    }
}
