// Pixels that nobody sees: under an alpha of 0, or next to it.

extension Picture {
    /// From this opacity on a pixel is looked at as it is. Below it gives way to its neighbourhood bit by bit: of a colour
    /// stored under an opacity of 1 in 255 nobody sees anything either.
    private static let clearlyVisible: UInt8 = 32

    /// Whether there are pixels that people see little or nothing of.
    package var hasHiddenPixels: Bool { alpha?.contains { $0 < Self.clearlyVisible } ?? false }

    /// Whether people see little or nothing of a pixel.
    ///
    /// - Parameter position: counted row by row from the top left.
    package func isHidden(_ position: Int) -> Bool { alpha.map { $0[position] < Self.clearlyVisible } ?? false }

    /// The picture with hidden pixels filled smoothly from the visible ones around them, which count as much as they are
    /// opaque. What was stored there has no say. A picture of which nothing is visible becomes grey.
    ///
    /// Takes a fifth of the picture's size beside the picture that it returns, and time in proportion to the pixels.
    package func fillingHiddenPixels() -> Picture {
        guard let alpha, hasHiddenPixels else { return self }
        var filled = self
        let pyramid = FillingPyramid(self, alpha)
        filled.pixels.withUnsafeMutableBufferPointer { pixels in
            for y in 0..<height {
                for x in 0..<width {
                    let share = Self.share(ofOpacity: alpha[y * width + x])
                    if share == 255 { continue }
                    let filling = pyramid.filling(x: x, y: y)
                    let index = 3 * (y * width + x)
                    for channel in 0..<3 {
                        let sum = Int(pixels[index + channel]) * share + filling[channel] * (255 - share)
                        pixels[index + channel] = UInt8(truncatingIfNeeded: (sum + 127) / 255)
                    }
                }
            }
        }
        return filled
    }

    /// Puts colours back that are hidden, exactly as they were, and the alpha; what is little visible changes little.
    ///
    /// - Parameter original: the picture that this one was made of, before hidden pixels were filled; of the same size.
    package mutating func putBackHiddenPixels(of original: Picture) {
        alpha = original.alpha
        guard let alpha = original.alpha, original.hasHiddenPixels else { return }
        pixels.withUnsafeMutableBufferPointer { pixels in
            for position in alpha.indices where alpha[position] < Self.clearlyVisible {
                let share = Self.share(ofOpacity: alpha[position])
                for index in 3 * position..<3 * position + 3 {
                    let sum = Int(pixels[index]) * share + Int(original.pixels[index]) * (255 - share)
                    pixels[index] = UInt8(truncatingIfNeeded: (sum + 127) / 255)
                }
            }
        }
    }

    /// How much of a pixel of this opacity is looked at, 0...255.
    private static func share(ofOpacity opacity: UInt8) -> Int {
        opacity >= clearlyVisible ? 255 : Int(opacity) * 255 / Int(clearlyVisible)
    }
}

/// Pictures of half the size, a quarter and so on, each pixel the mean of the visible ones below it (the "pull" of Gortler et
/// al., The Lumigraph, 1996, section 4.4); then, from the smallest on, filled up from the next smaller (the "push").
///
/// Whole numbers throughout, so the filling is the same everywhere.
private struct FillingPyramid {
    private struct Level {
        let width: Int
        let height: Int
        /// Red, green, blue and how certain they are, 0...255.
        var values: [UInt8]
    }

    /// Half the size first.
    private var levels: [Level] = []

    /// Where nothing at all is visible.
    private static let nothing: UInt8 = 128

    init(_ picture: Picture, _ alpha: [UInt8]) {
        levels.append(
            Self.halved(width: picture.width, height: picture.height) { position in
                let index = 3 * position
                return (
                    Int(picture.pixels[index]), Int(picture.pixels[index + 1]), Int(picture.pixels[index + 2]),
                    Int(alpha[position])
                )
            })
        while let last = levels.last, max(last.width, last.height) > 1 {
            levels.append(
                Self.halved(width: last.width, height: last.height) { position in
                    let index = 4 * position
                    return (
                        Int(last.values[index]), Int(last.values[index + 1]), Int(last.values[index + 2]),
                        Int(last.values[index + 3])
                    )
                })
        }
        if let top = levels.last, top.values[3] == 0 {
            levels[levels.count - 1].values = [Self.nothing, Self.nothing, Self.nothing, 255]
        }
        for index in levels.indices.dropLast().reversed() { fill(index) }
    }

    private static func halved(
        width: Int, height: Int, _ pixel: (_ position: Int) -> (red: Int, green: Int, blue: Int, weight: Int)
    ) -> Level {
        let (halfWidth, halfHeight) = ((width + 1) / 2, (height + 1) / 2)
        let values = [UInt8](unsafeUninitializedCapacity: 4 * halfWidth * halfHeight) { values, count in
            for y in 0..<halfHeight {
                for x in 0..<halfWidth {
                    var (red, green, blue, weight) = (0, 0, 0, 0)
                    for row in 2 * y..<min(2 * y + 2, height) {
                        for column in 2 * x..<min(2 * x + 2, width) {
                            let pixel = pixel(row * width + column)
                            red += pixel.red * pixel.weight
                            green += pixel.green * pixel.weight
                            blue += pixel.blue * pixel.weight
                            weight += pixel.weight
                        }
                    }
                    let divisor = max(weight, 1)
                    func mean(_ sum: Int) -> UInt8 { UInt8(truncatingIfNeeded: (sum + divisor / 2) / divisor) }
                    values.initializeElement(at: count, to: mean(red))
                    values.initializeElement(at: count + 1, to: mean(green))
                    values.initializeElement(at: count + 2, to: mean(blue))
                    values.initializeElement(at: count + 3, to: UInt8(clamping: weight))
                    count += 4
                }
            }
        }
        return Level(width: halfWidth, height: halfHeight, values: values)
    }

    /// Makes a level's uncertain pixels as certain as the next smaller level is.
    private mutating func fill(_ index: Int) {
        let (width, height) = (levels[index].width, levels[index].height)
        for y in 0..<height {
            for x in 0..<width {
                let position = 4 * (y * width + x)
                let weight = Int(levels[index].values[position + 3])
                if weight == 255 { continue }
                let coarse = interpolated(x: x, y: y, in: index + 1)
                for channel in 0..<3 {
                    let sum = Int(levels[index].values[position + channel]) * weight + coarse[channel] * (255 - weight)
                    levels[index].values[position + channel] = UInt8(truncatingIfNeeded: (sum + 127) / 255)
                }
            }
        }
    }

    /// What fills a pixel of the picture itself, 0...255 a channel.
    func filling(x: Int, y: Int) -> SIMD4<Int> { interpolated(x: x, y: y, in: 0) }

    /// At a pixel of the next larger level, between the four pixels around its middle.
    private func interpolated(x: Int, y: Int, in index: Int) -> SIMD4<Int> {
        let level = levels[index]
        let column = x / 2, row = y / 2
        let nextColumn = min(max(column + (x.isMultiple(of: 2) ? -1 : 1), 0), level.width - 1)
        let nextRow = min(max(row + (y.isMultiple(of: 2) ? -1 : 1), 0), level.height - 1)
        func value(_ column: Int, _ row: Int) -> SIMD4<Int> {
            let position = 4 * (row * level.width + column)
            return SIMD4(
                Int(level.values[position]), Int(level.values[position + 1]), Int(level.values[position + 2]), 0)
        }
        let near = 3 &* value(column, row) &+ value(nextColumn, row)
        let far = 3 &* value(column, nextRow) &+ value(nextColumn, nextRow)
        return (3 &* near &+ far &+ 8) &>> 4
    }
}
