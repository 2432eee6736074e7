extension Picture {
    /// The picture at another size, by the bicubic filter with antialiasing that `resizedForCLIP` uses. Alpha is
    /// resized on its own; the profile and EXIF block stay.
    /// - Precondition: both sides, before and after, are positive.
    package func resized(width: Int, height: Int) -> Picture {
        precondition(width > 0 && height > 0)
        let resampling = BicubicResampling(
            from: (self.width, self.height), to: (width, height), columns: 0..<width, rows: 0..<height)
        return Picture(
            width: width, height: height, pixels: resampling(pixels, channels: 3),
            alpha: alpha.map { resampling($0, channels: 1) }, colourProfile: colourProfile, exif: exif)
    }

    /// The centre square that CLIP looks at, as interleaved RGB bytes, `side * side * 3`.
    ///
    /// The shorter side is resized to `side`, the longer one to the integer part of `side * long / short`, and the
    /// crop is centred with halves rounded to even: byte for byte what the networks were trained on. Only what the
    /// crop keeps is computed.
    /// - Precondition: `side` and the picture's sides are positive.
    package func resizedForCLIP(side: Int) -> [UInt8] {
        precondition(side > 0)
        let short = min(width, height), long = max(width, height)
        let resizedLong = side * long / short
        let resized = width <= height ? (width: side, height: resizedLong) : (width: resizedLong, height: side)
        let left = Self.halfToEven(resized.width - side), top = Self.halfToEven(resized.height - side)
        let resampling = BicubicResampling(
            from: (width, height), to: resized, columns: left..<left + side, rows: top..<top + side)
        return resampling(pixels, channels: 3)
    }

    private static func halfToEven(_ difference: Int) -> Int {
        let half = difference / 2
        return difference.isMultiple(of: 2) || half.isMultiple(of: 2) ? half : half + 1
    }

    /// The part of the picture from (x, y) on, with its alpha, profile and EXIF block.
    /// - Precondition: it lies inside the picture.
    package func cropped(x: Int, y: Int, width: Int, height: Int) -> Picture {
        precondition(x >= 0 && y >= 0 && width >= 0 && height >= 0)
        precondition(x <= self.width - width && y <= self.height - height)
        func window(_ bytes: [UInt8], channels: Int) -> [UInt8] {
            var kept: [UInt8] = []
            kept.reserveCapacity(width * height * channels)
            for row in y..<y + height {
                let start = (row * self.width + x) * channels
                kept += bytes[start..<start + width * channels]
            }
            return kept
        }
        return Picture(
            width: width, height: height, pixels: window(pixels, channels: 3),
            alpha: alpha.map { window($0, channels: 1) }, colourProfile: colourProfile, exif: exif)
    }
}
