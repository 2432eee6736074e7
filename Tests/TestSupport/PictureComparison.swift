import Glibc
package import Images

/// Why two pictures cannot be compared.
package enum ComparisonError: Error, Equatable, Sendable {
    case sizesDiffer
    /// A side, after its borders were cut, is shorter than the measure needs, in pixels.
    case tooSmall(minimum: Int)
}

/// Two pictures of one size, made ready for measures of how alike they are. All arithmetic is in double; alpha is
/// left out.
package struct PictureComparison: Sendable {
    /// What is compared.
    package enum Channels: Sendable {
        /// Red, green and blue; a measure is the mean over the three.
        case rgb
        /// The luma of ITU-R BT.601 in studio range (16...235), not rounded.
        case luma
    }

    /// One plane of one picture, values in 0...255.
    struct Plane: Sendable {
        let width: Int
        let height: Int
        var values: [Double]
    }

    let pairs: [(first: Plane, second: Plane)]

    /// - Parameter croppingBorder: Pixels cut off on each side of both pictures first.
    package init(
        _ first: Picture, _ second: Picture, croppingBorder border: Int = 0, channels: Channels = .rgb
    ) throws(ComparisonError) {
        guard first.width == second.width, first.height == second.height else { throw .sizesDiffer }
        guard border >= 0, min(first.width, first.height) > 2 * border else { throw .tooSmall(minimum: 2 * border + 1) }
        let planes = [first, second].map { picture in
            let (columns, rows) = (border..<picture.width - border, border..<picture.height - border)
            let inner = Picture(
                width: columns.count, height: rows.count, pixels: picture.window(columns: columns, rows: rows))
            return channels == .rgb ? inner.colourPlanes() : [inner.lumaPlane()]
        }
        pairs = zip(planes[0], planes[1]).map { ($0, $1) }
    }

    /// Peak signal-to-noise ratio in decibels, 20 log10(255 / sqrt(mean squared error)) over all pixels and
    /// channels; infinite for equal pictures.
    package func psnr() -> Double {
        var sum = 0.0, count = 0
        for pair in pairs {
            for (a, b) in zip(pair.first.values, pair.second.values) { sum += (a - b) * (a - b) }
            count += pair.first.values.count
        }
        return sum == 0 ? .infinity : 20 * log10(255 / (sum / Double(count)).squareRoot())
    }
}

extension Picture {
    fileprivate func colourPlanes() -> [PictureComparison.Plane] {
        (0..<3).map { channel in
            let values = stride(from: channel, to: pixels.count, by: 3).map { Double(pixels[$0]) }
            return PictureComparison.Plane(width: width, height: height, values: values)
        }
    }

    fileprivate func lumaPlane() -> PictureComparison.Plane {
        let values = stride(from: 0, to: pixels.count, by: 3).map { start in
            let red = Double(pixels[start]), green = Double(pixels[start + 1]), blue = Double(pixels[start + 2])
            return (65.481 * red + 128.553 * green + 24.966 * blue) / 255 + 16
        }
        return PictureComparison.Plane(width: width, height: height, values: values)
    }
}

extension PictureComparison.Plane {
    /// Means of two by two pixels; an odd last row or column is left out.
    func halved() -> Self {
        let halfWidth = width / 2, halfHeight = height / 2
        var means: [Double] = []
        means.reserveCapacity(halfWidth * halfHeight)
        for y in 0..<halfHeight {
            for x in 0..<halfWidth {
                let top = 2 * y * width + 2 * x, bottom = top + width
                means.append((values[top] + values[top + 1] + values[bottom] + values[bottom + 1]) / 4)
            }
        }
        return Self(width: halfWidth, height: halfHeight, values: means)
    }
}
