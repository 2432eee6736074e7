/// A decoded photograph as it is displayed: EXIF orientation already applied.
package struct Picture: Sendable, Equatable {
    /// Pixels across and down, as displayed.
    package let width: Int
    package let height: Int
    /// Interleaved 8-bit RGB, row by row from the top left: `width * height * 3` bytes.
    package var pixels: [UInt8]
    /// One 8-bit opacity a pixel, carried through restoration untouched; nil for an opaque picture.
    package var alpha: [UInt8]?
    /// The embedded ICC profile, carried through untouched.
    package var colourProfile: [UInt8]?
    /// The embedded EXIF block (a TIFF structure, without JPEG's "Exif" prefix) with its orientation reset; written
    /// only when a client asks to keep its metadata.
    package var exif: [UInt8]?

    /// - Precondition: `pixels.count == width * height * 3`, and `alpha`, where given, has one byte a pixel.
    package init(
        width: Int, height: Int, pixels: [UInt8], alpha: [UInt8]? = nil, colourProfile: [UInt8]? = nil,
        exif: [UInt8]? = nil
    ) {
        precondition(pixels.count == width * height * 3)
        precondition(alpha == nil || alpha?.count == width * height)
        self.width = width
        self.height = height
        self.pixels = pixels
        self.alpha = alpha
        self.colourProfile = colourProfile
        self.exif = exif
    }

    /// A value of 0...1 as a byte: clamped, times 255 and rounded half to even; what is no number becomes 0.
    package static func byte(_ value: Float) -> UInt8 {
        guard value > 0 else { return 0 }  // NaN as well
        return UInt8((min(value, 1) * 255).rounded(.toNearestOrEven))
    }
}
