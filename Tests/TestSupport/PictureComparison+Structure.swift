import Glibc

extension PictureComparison {
    /// Side of the Gaussian window, in pixels; its deviation is 1.5.
    private static let windowSide = 11
    private static let window: [Double] = {
        let weights = (0..<windowSide).map { index in
            let distance = Double(index - windowSide / 2)
            return exp(-distance * distance / (2 * 1.5 * 1.5))
        }
        let sum = weights.reduce(0, +)
        return weights.map { $0 / sum }
    }()
    private static let luminanceConstant = (0.01 * 255) * (0.01 * 255)
    private static let contrastConstant = (0.03 * 255) * (0.03 * 255)

    /// Structural similarity (Wang et al., 2004): windows of 11x11 that fit inside the picture, the mean over their
    /// positions and the channels. Throws `tooSmall` below 11 pixels.
    package func ssim() throws(ComparisonError) -> Double {
        var sum = 0.0
        for pair in pairs { sum += try Self.similarity(pair.first, pair.second).whole }
        return sum / Double(pairs.count)
    }

    /// Multi-scale structural similarity (Wang et al., 2003), five scales with the weights of the paper, the mean
    /// over channels. Throws `tooSmall` below 176 pixels.
    package func multiScaleSSIM() throws(ComparisonError) -> Double {
        let exponents = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]
        let minimum = Self.windowSide << (exponents.count - 1)
        guard pairs.allSatisfy({ min($0.first.width, $0.first.height) >= minimum }) else {
            throw .tooSmall(minimum: minimum)
        }
        var sum = 0.0
        for pair in pairs {
            var (first, second) = pair
            var product = 1.0
            for (scale, exponent) in exponents.enumerated() {
                let isLast = scale == exponents.count - 1
                let similarity = try Self.similarity(first, second)
                product *= pow(max(0, isLast ? similarity.whole : similarity.contrast), exponent)
                if !isLast { (first, second) = (first.halved(), second.halved()) }
            }
            sum += product
        }
        return sum / Double(pairs.count)
    }

    /// Mean similarity of two planes, whole and without the luminance term.
    private static func similarity(
        _ a: Plane, _ b: Plane
    ) throws(ComparisonError) -> (whole: Double, contrast: Double) {
        guard min(a.width, a.height) >= windowSide else { throw .tooSmall(minimum: windowSide) }
        let meanA = filtered(a, b) { x, _ in x }, meanB = filtered(a, b) { _, y in y }
        let squareA = filtered(a, b) { x, _ in x * x }, squareB = filtered(a, b) { _, y in y * y }
        let product = filtered(a, b) { x, y in x * y }
        var whole = 0.0, contrast = 0.0
        for index in meanA.indices {
            let mean2A = meanA[index] * meanA[index], mean2B = meanB[index] * meanB[index]
            let meanAB = meanA[index] * meanB[index]
            let structure =
                (2 * (product[index] - meanAB) + contrastConstant)
                / (squareA[index] - mean2A + squareB[index] - mean2B + contrastConstant)
            whole += (2 * meanAB + luminanceConstant) / (mean2A + mean2B + luminanceConstant) * structure
            contrast += structure
        }
        return (whole / Double(meanA.count), contrast / Double(meanA.count))
    }

    /// A function of both planes under the window, at the positions where it fits.
    private static func filtered(_ a: Plane, _ b: Plane, of function: (Double, Double) -> Double) -> [Double] {
        let width = a.width - windowSide + 1, height = a.height - windowSide + 1
        var narrow: [Double] = []
        narrow.reserveCapacity(width * a.height)
        var line = [Double](repeating: 0, count: a.width)
        for y in 0..<a.height {
            for x in 0..<a.width { line[x] = function(a.values[y * a.width + x], b.values[y * a.width + x]) }
            for x in 0..<width {
                var sum = 0.0
                for tap in 0..<windowSide { sum += window[tap] * line[x + tap] }
                narrow.append(sum)
            }
        }
        var result: [Double] = []
        result.reserveCapacity(width * height)
        for start in 0..<width * height {
            var sum = 0.0
            for tap in 0..<windowSide { sum += window[tap] * narrow[start + tap * width] }
            result.append(sum)
        }
        return result
    }
}
