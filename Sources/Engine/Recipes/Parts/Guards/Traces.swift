import Images

/// What defects leave behind, looked for where it shows clearly: around lines on plain ground, and in the darkest places.
enum Traces {
    /// Cells of this range and more are lines.
    private static let leastRangeOfLine = 80
    /// Cells of this range and less are quiet.
    private static let mostRangeOfQuiet = 8
    /// So many lines must there be to tell, as a share of the picture.
    private static let leastShareOfLines = 0.005

    /// The share of cells beside lines that are quiet; nil where there are hardly any lines. JPEG of low quality rings there.
    static func quietBesideLines(_ grid: PictureGrid) -> Double? {
        let ranges = (0..<grid.count).map(grid.range(ofCell:))
        let lines = ranges.indices.filter { ranges[$0] >= leastRangeOfLine }
        guard !lines.isEmpty, Double(lines.count) >= leastShareOfLines * Double(grid.count) else { return nil }
        var isBeside = [Bool](repeating: false, count: grid.count)
        for line in lines {
            for cell in grid.neighbours(ofCell: line) where ranges[cell] < leastRangeOfLine { isBeside[cell] = true }
        }
        let beside = ranges.indices.filter { isBeside[$0] }
        return Double(beside.count { ranges[$0] <= mostRangeOfQuiet }) / Double(max(1, beside.count))
    }

    /// The steps between neighbouring pixels that a thousandth of them exceeds, across or down, whichever is less, as a share
    /// of the steps that there could be. Blur in a direction leaves none in that one. Of large pictures a part is read.
    static func sharpness(_ picture: Picture) -> Double {
        var across = [Int](repeating: 0, count: 256), down = across
        var (darkest, brightest) = (255, 0)
        let (width, height) = (picture.width, picture.height)
        let lineStep = max(1, width * height / 1_000_000)
        picture.pixels.withUnsafeBufferPointer { pixels in
            for y in stride(from: 0, to: height - 1, by: lineStep) {
                for x in 0..<width - 1 {
                    let index = 3 * (y * width + x)
                    var (stepAcross, stepDown) = (0, 0)
                    for channel in index..<index + 3 {
                        let value = Int(pixels[channel])
                        stepAcross = max(stepAcross, abs(Int(pixels[channel + 3]) - value))
                        stepDown = max(stepDown, abs(Int(pixels[channel + 3 * width]) - value))
                        (darkest, brightest) = (min(darkest, value), max(brightest, value))
                    }
                    across[stepAcross] += 1
                    down[stepDown] += 1
                }
            }
        }
        let step = min(exceeded(byThousandths: 1, of: across), exceeded(byThousandths: 1, of: down))
        return Double(step) / Double(max(1, brightest - darkest))
    }

    /// What a hundredth of the pixels doesn't exceed with its smallest value, 0...255. Haze brightens the darkest places. Of
    /// large pictures a part is read.
    static func darkness(_ picture: Picture) -> Int {
        var counts = [Int](repeating: 0, count: 256)
        let step = 3 * max(1, picture.width * picture.height / 1_000_000)
        picture.pixels.withUnsafeBufferPointer { pixels in
            var index = 0
            while index + 2 < pixels.count {
                counts[Int(min(pixels[index], pixels[index + 1], pixels[index + 2]))] += 1
                index += step
            }
        }
        return exceeded(byThousandths: 990, of: counts)
    }

    /// The value that so many thousandths of what was counted exceed.
    private static func exceeded(byThousandths share: Int, of counts: [Int]) -> Int {
        let most = counts.reduce(0, +) * share / 1_000
        var above = 0
        for value in counts.indices.reversed() {
            above += counts[value]
            if above > most { return value }
        }
        return 0
    }
}
