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
