package import Images

/// A picture of numbers around -1...1, neither clamped nor rounded, as it goes from round to round.
package struct SignedPicture: Sendable, Equatable {
    package let width: Int
    package let height: Int
    /// Interleaved RGB, row by row.
    package var values: [Float]

    /// - Precondition: three values a pixel.
    package init(width: Int, height: Int, values: [Float]) {
        precondition(values.count == width * height * 3)
        (self.width, self.height, self.values) = (width, height, values)
    }

    package init(_ picture: Picture) {
        self.init(
            width: picture.width, height: picture.height, values: picture.pixels.map { 2 * Float($0) / 255 - 1 })
    }

    /// Clamped, and cut off after the point as the official program does.
    package var bytes: [UInt8] {
        values.map { value in
            let share = (value + 1) / 2
            return share > 0 ? UInt8(min(share, 1) * 255) : 0
        }
    }

    /// Mirrored at its right and lower edge up to a multiple of a number, again and again where it is small.
    package func padded(to alignment: Int) -> SignedPicture {
        let (paddedWidth, paddedHeight) = (Self.rounded(width, to: alignment), Self.rounded(height, to: alignment))
        guard (paddedWidth, paddedHeight) != (width, height) else { return self }
        var result: [Float] = []
        result.reserveCapacity(paddedWidth * paddedHeight * 3)
        for y in 0..<paddedHeight {
            let line = Self.mirrored(y, height) * width
            for x in 0..<paddedWidth {
                let source = (line + Self.mirrored(x, width)) * 3
                result.append(values[source])
                result.append(values[source + 1])
                result.append(values[source + 2])
            }
        }
        return SignedPicture(width: paddedWidth, height: paddedHeight, values: result)
    }

    package static func rounded(_ length: Int, to alignment: Int) -> Int {
        (length + alignment - 1) / alignment * alignment
    }

    private static func mirrored(_ index: Int, _ size: Int) -> Int {
        if index < size { return index }
        if size == 1 { return 0 }
        let phase = index % (2 * (size - 1))
        return phase < size ? phase : 2 * (size - 1) - phase
    }

    /// A part of it, which lies within.
    package func part(x: Int, y: Int, width partWidth: Int, height partHeight: Int) -> SignedPicture {
        if partWidth == width, partHeight == height { return self }
        let part = [Float](unsafeUninitializedCapacity: partWidth * partHeight * 3) { buffer, count in
            for row in 0..<partHeight {
                let source = ((y + row) * width + x) * 3
                for offset in 0..<partWidth * 3 {
                    buffer.initializeElement(at: count + offset, to: values[source + offset])
                }
                count += partWidth * 3
            }
        }
        return SignedPicture(width: partWidth, height: partHeight, values: part)
    }
}
