import CKernels

/// A field of standard normal numbers over a picture, drawn anew as often as needed: Philox4x32-10 (Salmon et al.,
/// SC 2011) and the Box-Muller transform.
///
/// Each number depends only on the seed, the stream, the draw, its place in the picture and its channel, so a tile draws
/// exactly the noise of its place however the picture is cut, a skipped draw changes no other, and a batch changes
/// nothing. Every machine computes the same bits.
package struct NoiseSource: Sendable, Hashable {
    package let seed: UInt64
    /// Which of several independent fields of one seed, such as one for each degradation treated in turn.
    package let stream: UInt32

    package init(seed: UInt64, stream: UInt32 = 0) {
        self.seed = seed
        self.stream = stream
    }

    /// The draw that a sampler's first state takes.
    package static let startDraw: UInt32 = 0

    /// The draw of a sampler's step, by its place in the plan.
    package static func draw(ofStep index: Int) -> UInt32 { UInt32(index) + 1 }

    /// A rectangle of the picture, in pixels from its top left corner.
    package struct Region: Sendable, Hashable {
        package var x, y, width, height: Int

        /// - Precondition: nothing is negative, and the far corner is within 2^32.
        package init(x: Int = 0, y: Int = 0, width: Int, height: Int) {
            let limit = 1 << 32
            precondition(x >= 0 && y >= 0 && width >= 0 && height >= 0, "a region with a negative number")
            precondition(x <= limit && y <= limit && width <= limit - x && height <= limit - y, "a region too far out")
            (self.x, self.y, self.width, self.height) = (x, y, width, height)
        }
    }

    /// The channels that one draw can fill.
    package static let channelRange = 1...4

    /// Fills a buffer with the numbers of a region: height, width, channel, without gaps.
    ///
    /// - Precondition: the buffer holds the region's values.
    package func fill(_ buffer: UnsafeMutableBufferPointer<Float>, draw: UInt32, region: Region, channels: Int = 3) {
        precondition(Self.channelRange.contains(channels), "\(channels) channels")
        let rowCount = region.width * channels
        precondition(buffer.count >= rowCount * region.height, "\(buffer.count) floats for \(region)")
        guard let start = buffer.baseAddress else { return }
        for row in 0..<region.height {
            restored_normal_row(
                start + row * rowCount, region.width, channels, UInt32(truncatingIfNeeded: region.x),
                UInt32(truncatingIfNeeded: region.y + row), draw, stream, seed)
        }
    }
}
