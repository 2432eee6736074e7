extension PictureComparison {
    /// Gradient magnitude similarity deviation (Xue et al., 2014): 0 for equal pictures, larger is worse. Each plane
    /// is halved, its gradients taken with Prewitt's filters (borders count as 0), and the similarity's standard
    /// deviation over the picture is the measure; the mean over channels. The paper compares luma.
    ///
    /// Throws `tooSmall` below 4 pixels.
    package func gradientMagnitudeSimilarityDeviation() throws(ComparisonError) -> Double {
        let constant = 170.0
        var sum = 0.0
        for pair in pairs {
            guard min(pair.first.width, pair.first.height) >= 4 else { throw .tooSmall(minimum: 4) }
            let a = pair.first.halved().gradientMagnitudes(), b = pair.second.halved().gradientMagnitudes()
            let similarities = zip(a, b).map { (2 * $0 * $1 + constant) / ($0 * $0 + $1 * $1 + constant) }
            let mean = similarities.reduce(0, +) / Double(similarities.count)
            let variance = similarities.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(similarities.count)
            sum += variance.squareRoot()
        }
        return sum / Double(pairs.count)
    }
}

extension PictureComparison.Plane {
    fileprivate func gradientMagnitudes() -> [Double] {
        func value(_ x: Int, _ y: Int) -> Double {
            x >= 0 && y >= 0 && x < width && y < height ? values[y * width + x] : 0
        }
        var magnitudes: [Double] = []
        magnitudes.reserveCapacity(values.count)
        for y in 0..<height {
            for x in 0..<width {
                var across = 0.0, down = 0.0
                for step in -1...1 {
                    across += value(x - 1, y + step) - value(x + 1, y + step)
                    down += value(x + step, y - 1) - value(x + step, y + 1)
                }
                magnitudes.append(((across * across + down * down) / 9).squareRoot())
            }
        }
        return magnitudes
    }
}
