/// Makes a restored picture's colours those of what it was made from: where colours are not what was wrong.
package enum ColourCorrection: String, Sendable, CaseIterable {
    /// As they come.
    case none
    /// The mean and the deviation of each channel (Huang and Belongie, ICCV 2017).
    case adain
    /// What is left of the picture after five blurs (as in StableSR).
    case wavelet

    /// - Precondition: both of one size.
    package func corrected(_ picture: SignedPicture, like source: SignedPicture) -> SignedPicture {
        switch self {
        case .none: picture
        case .adain: Self.normalised(picture, like: source)
        case .wavelet: Self.blended(picture, with: source)
        }
    }

    private static let epsilon = 1e-5

    private static func normalised(_ picture: SignedPicture, like source: SignedPicture) -> SignedPicture {
        var result = picture
        for channel in 0..<3 {
            let (own, wanted) = (statistics(picture, channel), statistics(source, channel))
            let scale = wanted.deviation / own.deviation
            for index in stride(from: channel, to: result.values.count, by: 3) {
                result.values[index] = Float((Double(picture.values[index]) - own.mean) * scale + wanted.mean)
            }
        }
        return result
    }

    private static func statistics(_ picture: SignedPicture, _ channel: Int) -> (mean: Double, deviation: Double) {
        let values = stride(from: channel, to: picture.values.count, by: 3).lazy.map { Double(picture.values[$0]) }
        let count = Double(picture.width * picture.height)
        let mean = values.reduce(0, +) / count
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return (mean, (squares / max(1, count - 1) + epsilon).squareRoot())
    }

    private static func blended(_ picture: SignedPicture, with source: SignedPicture) -> SignedPicture {
        let (own, wanted) = (coarse(picture), coarse(source))
        var result = picture
        for index in result.values.indices { result.values[index] += wanted.values[index] - own.values[index] }
        return result
    }

    /// Five blurs in turn, each over twice the distance.
    private static func coarse(_ picture: SignedPicture) -> SignedPicture {
        (0..<5).reduce(picture) { blurred($0, distance: 1 << $1) }
    }

    /// By (1 2 1; 2 4 2; 1 2 1) / 16, edges repeated.
    private static func blurred(_ picture: SignedPicture, distance: Int) -> SignedPicture {
        var result = picture
        let (width, height) = (picture.width, picture.height)
        for y in 0..<height {
            let rows = [max(0, y - distance), y, min(height - 1, y + distance)]
            for x in 0..<width {
                let columns = [max(0, x - distance), x, min(width - 1, x + distance)]
                for channel in 0..<3 {
                    var sum: Float = 0
                    for (row, weight) in zip(rows, [Float(1), 2, 1]) {
                        let line = row * width
                        sum += weight * (picture.values[(line + columns[0]) * 3 + channel]
                            + 2 * picture.values[(line + columns[1]) * 3 + channel]
                            + picture.values[(line + columns[2]) * 3 + channel])
                    }
                    result.values[(y * width + x) * 3 + channel] = sum / 16
                }
            }
        }
        return result
    }
}
