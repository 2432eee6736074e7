import Compute
import GuidedRestoration

/// What evaluations of a guided network need beyond the weights: each a line through two measured ones.
struct GuidedMemory: Sendable {
    /// Of a tile and what becomes of it: both pictures, and the input and output of the network.
    private static let ownBytesPerPixel = 4.0 * 3 * 4

    private let configuration: GuidanceConfiguration
    private let restoration: MemoryLine
    private let features: MemoryLine

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
        /// - Parameter peak: of a picture of one unit by so many.
        func line(_ peak: (_ width: Int) -> Double) -> MemoryLine {
            MemoryLine((Double(unit * unit), peak(unit)), (Double(2 * unit * unit), peak(2 * unit)))
        }
        let reference = ReferenceFeatures(blank: configuration, height: 512, width: 512)
        restoration = line { width in
            peak {
                _ = network(
                    [GuidedSample(picture: grey(unit, width), reference: reference)], height: unit, width: width, observe: nil,
                    in: workspace)
            }
        }
        features = line { width in
            peak { _ = network.guidance.features(of: grey(unit, width), height: unit, width: width, in: workspace) }
        }
    }

    private func bytes(_ line: MemoryLine, width: Int, height: Int) -> Int {
        line.bytes(
            MemoryLine.pixels(width: width, height: height, alignment: configuration.alignment), plus: Self.ownBytesPerPixel)
    }

    /// Bytes for a picture.
    func restorationBytes(width: Int, height: Int) -> Int { bytes(restoration, width: width, height: height) }

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
    func featureBytes(width: Int, height: Int) -> Int { bytes(features, width: width, height: height) }
}
