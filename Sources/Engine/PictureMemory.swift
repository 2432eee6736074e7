/// What pictures take while they are restored, for those who bound it; the engine itself bounds evaluations only.
package enum PictureMemory {
    /// Red, green, blue and opacity.
    package static let bytesPerPixel = 4
    /// The most that work on a picture holds, but for sums of overlapping tiles and for text in JSON: three pictures where
    /// several degradations are treated, or two and the encoded one. Decoding a JPEG of several scans takes less.
    package static let peakBytesPerPixel = 12

    /// What a restoration holds of pictures at once: the one that came, the one that is made and, where there are
    /// several degradations to treat, that of the round before.
    package static func bytes(width: Int, height: Int, options: RestorationOptions) -> Int {
        let rounds = options.degradations?.count ?? 1
        return min(1 + rounds, 3) * bytesPerPixel * width * height
    }
}
