// Grey pictures: told from coloured ones, and made exactly grey.

/// How far from grey a picture may be and still count as grey. Measured: grey photographs with colour noise of 3
/// levels (deviation) have after JPEG pixels of up to 23, cells of up to 3.7 and a tint of 0.1; of 2,060 coloured ones (fog,
/// snow, dark rooms, black-and-white prints with a tone among them) the greyest has cells of 5.7 and a tint of 2.6, the next
/// one cells of 8.2. So a toned photograph is none, and keeps its hue; and a red dot on a grey page makes the page coloured.
private enum GreyBounds {
    /// Between the largest and the smallest of a pixel's values.
    static let pixelChroma = 32
    /// Of the mean of a cell of `cellSide` pixels by as many; the last ones of a row and a column take what is left.
    static let cellChroma = 4
    static let cellSide = 8
    /// Of the mean of all pixels.
    static let tint = 1
}

extension Picture {
    /// Whether red, green and blue are the same in every pixel.
    package var isExactlyGrey: Bool {
        pixels.withUnsafeBufferPointer { pixels in
            var index = 0
            while index + 2 < pixels.count {
                if pixels[index] != pixels[index + 1] || pixels[index] != pixels[index + 2] { return false }
                index += 3
            }
            return true
        }
    }

    /// Whether the picture is grey but for what noise and JPEG make of colours (`GreyBounds`). A coloured picture is told
    /// by its first coloured rows.
    package var isNearlyGrey: Bool {
        let (columns, rows) = (max(1, width / GreyBounds.cellSide), max(1, height / GreyBounds.cellSide))
        var sums = [Int](repeating: 0, count: 3 * columns)
        var total = (0, 0, 0)
        return pixels.withUnsafeBufferPointer { pixels in
            for row in 0..<rows {
                let top = row * GreyBounds.cellSide
                let lines = top..<(row == rows - 1 ? height : top + GreyBounds.cellSide)
                guard Self.addLines(lines, of: pixels, width: width, to: &sums) else { return false }
                for cell in 0..<columns {
                    let left = cell * GreyBounds.cellSide
                    let across = cell == columns - 1 ? width - left : GreyBounds.cellSide
                    let (red, green, blue) = (sums[3 * cell], sums[3 * cell + 1], sums[3 * cell + 2])
                    let chroma = max(red, green, blue) - min(red, green, blue)
                    if chroma > GreyBounds.cellChroma * across * lines.count { return false }
                    total = (total.0 + red, total.1 + green, total.2 + blue)
                    (sums[3 * cell], sums[3 * cell + 1], sums[3 * cell + 2]) = (0, 0, 0)
                }
            }
            let tint = max(total.0, total.1, total.2) - min(total.0, total.1, total.2)
            return tint <= GreyBounds.tint * width * height
        }
    }

    /// Adds lines of pixels to the sums of their cells.
    ///
    /// - Returns: false where a pixel is coloured.
    private static func addLines(
        _ lines: Range<Int>, of pixels: UnsafeBufferPointer<UInt8>, width: Int, to sums: inout [Int]
    ) -> Bool {
        let last = sums.count - 3
        for y in lines {
            for x in 0..<width {
                let index = 3 * (y * width + x)
                let (red, green, blue) = (Int(pixels[index]), Int(pixels[index + 1]), Int(pixels[index + 2]))
                if max(red, green, blue) - min(red, green, blue) > GreyBounds.pixelChroma { return false }
                let cell = min(3 * (x / GreyBounds.cellSide), last)
                sums[cell] += red
                sums[cell + 1] += green
                sums[cell + 2] += blue
            }
        }
        return true
    }

    /// Makes each pixel its luma (ITU-R BT.601, which JPEG codes apart from colours); a grey one stays as it is.
    package mutating func turnToLuma() {
        turnGrey { red, green, blue in (77 * red + 150 * green + 29 * blue + 128) >> 8 }
    }

    /// Makes each pixel the mean of its values: the grey that is closest to it.
    package mutating func turnToMean() {
        turnGrey { red, green, blue in (2 * (red + green + blue) + 3) / 6 }
    }

    private mutating func turnGrey(_ grey: (_ red: Int, _ green: Int, _ blue: Int) -> Int) {
        pixels.withUnsafeMutableBufferPointer { pixels in
            var index = 0
            while index + 2 < pixels.count {
                let value = UInt8(
                    truncatingIfNeeded: grey(Int(pixels[index]), Int(pixels[index + 1]), Int(pixels[index + 2])))
                (pixels[index], pixels[index + 1], pixels[index + 2]) = (value, value, value)
                index += 3
            }
        }
    }
}
