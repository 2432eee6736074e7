/// What pictures take while they are restored, for those who bound it; the engine itself bounds evaluations only.
package enum PictureMemory {
    /// Red, green, blue and opacity.
    package static let bytesPerPixel = 4
    /// The most that work on a picture holds, but for sums of overlapping tiles and for text in JSON: three pictures while
    /// it is restored, or two and the encoded one. Decoding a JPEG of several scans takes less.
    package static let peakBytesPerPixel = 12

    /// What a restoration holds of pictures at once: the one that came, which must be there to come back unchanged; the one
    /// that is restored, where that differs, for hidden pixels were filled or rounds were made; and the one that is made.
    package static func bytes(width: Int, height: Int) -> Int { 3 * bytesPerPixel * width * height }

    /// What a classification holds: the picture that came, and what is seen of it.
    package static func classificationBytes(width: Int, height: Int) -> Int { 2 * bytesPerPixel * width * height }
}
