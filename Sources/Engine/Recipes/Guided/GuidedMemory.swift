import Compute
import GuidedRestoration

/// What evaluations of a guided network need beyond the weights: each a line through two measured ones.
struct GuidedMemory: Sendable {
    /// Of a tile and what becomes of it: both pictures, and the input and output of the network.
    private static let ownBytesPerPixel = 4.0 * 3 * 4

    private let configuration: GuidanceConfiguration
    private let restoration: Line
    private let features: Line

    private struct Line {
        let fixed: Double
        let perPixel: Double

        /// - Parameter peak: of a picture of one unit by so many.
        init(unit: Int, peak: (_ width: Int) -> Double) {
            let (first, second) = (peak(unit), peak(2 * unit))
            perPixel = max(0, second - first) / Double(unit * unit)
            fixed = max(0, first - perPixel * Double(unit * unit))
        }

        /// Saturates instead of overflowing.
        func bytes(pixels: Double) -> Int { Int(min(fixed + pixels * (perPixel + GuidedMemory.ownBytesPerPixel), Double(1 << 48))) }
    }

    /// Evaluates the network on two small grey pictures, with blank references.
    ///
    /// - Parameter threads: of an evaluation, each of which has memory of its own for what it matches.
    init(measuring network: any GuidedNetwork, threads: Int) {
        let configuration = network.guidance.configuration
        self.configuration = configuration
        let workspace = Workspace(threads: threads)
        func peak(_ evaluate: () -> Void) -> Double {
            workspace.pool.trim()
            workspace.pool.resetPeak()
            evaluate()
            return Double(workspace.pool.peakBytes)
        }
        func grey(_ unit: Int, _ width: Int) -> [Float] { [Float](repeating: 0.5, count: unit * width * 3) }
        let unit = configuration.alignment
        let reference = ReferenceFeatures(blank: configuration, height: 512, width: 512)
        restoration = Line(unit: unit) { width in
            peak {
                _ = network(
                    [GuidedSample(picture: grey(unit, width), reference: reference)], height: unit, width: width, observe: nil,
                    in: workspace)
            }
        }
        features = Line(unit: unit) { width in
            peak { _ = network.guidance.features(of: grey(unit, width), height: unit, width: width, in: workspace) }
        }
    }

    private func padded(_ width: Int, _ height: Int) -> Double {
        let unit = configuration.alignment
        func aligned(_ side: Int) -> Double { Double((min(max(side, 1), 1 << 24) + unit - 1) / unit * unit) }
        return aligned(width) * aligned(height)
    }

    /// Bytes for a picture.
    func restorationBytes(width: Int, height: Int) -> Int { restoration.bytes(pixels: padded(width, height)) }

    /// Bytes that the features of a reference take for as long as they are kept.
    func keptBytes(width: Int, height: Int) -> Int {
        ReferenceFeatures.bytes(configuration, height: height, width: width)
    }

    /// The side of the largest square reference whose features can be made and kept within so much memory: that of the limit, half
    /// of it, and so on.
    func largestReference(within bytes: Int) -> Int {
        var side = Int(Double(ReferenceLimits.pixels).squareRoot())
        while side > Self.leastReference, featureBytes(width: side, height: side) + keptBytes(width: side, height: side) > bytes {
            side /= 2
        }
        return side
    }

    private static let leastReference = 64

    /// Bytes for the features of a reference, beside those that are kept.
    func featureBytes(width: Int, height: Int) -> Int { features.bytes(pixels: padded(width, height)) }
}
