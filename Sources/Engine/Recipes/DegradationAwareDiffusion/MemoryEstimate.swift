import CLIP
import Compute
import Diffusion
import RestorationUNet

/// What restoring a picture needs beyond the weights: a line through two measured evaluations, since no part of the
/// network takes memory that grows faster than the pixels.
struct MemoryEstimate: Sendable {
    /// What sides are rounded up to: a larger picture is padded.
    let alignment: Int
    private let fixed: Double
    private let perPixel: Double

    /// Picture, condition, state, noise, network input and output of a picture in flight.
    private static let ownBytesPerPixel = 3.0 * (2 + 5 * 4) + 4

    /// Evaluates the network twice on small empty pictures.
    init(measuring network: ConditionalUNet) {
        alignment = network.configuration.alignment
        let workspace = Workspace(threads: 1)
        func peak(_ side: Int) -> Double {
            workspace.pool.trim()
            workspace.pool.resetPeak()
            let blank = [Float](repeating: 0.5, count: side * side * 3)
            let embedding = [Float](repeating: 0, count: network.configuration.contextWidth ?? 0)
            _ = network(
                [.init(
                    state: blank, condition: blank, time: 1,
                    degradation: network.configuration.usesDegradation ? embedding : nil,
                    content: network.configuration.usesContent ? embedding : nil)],
                height: side, width: side, in: workspace)
            return Double(workspace.pool.peakBytes)
        }
        let (small, large) = (64, 128)
        let (first, second) = (peak(small), peak(large))
        perPixel = max(0, second - first) / Double(large * large - small * small)
        fixed = max(0, first - perPixel * Double(small * small))
    }

    /// Bytes for one picture; saturates instead of overflowing.
    func bytes(width: Int, height: Int) -> Int {
        let padded = Double(aligned(width)) * Double(aligned(height))
        return Int(min(fixed + padded * (perPixel + Self.ownBytesPerPixel), Double(1 << 48)))
    }

    /// The side of the largest square that `limit` bytes allow, where each of its pixels takes some more besides.
    func largestSide(within limit: Int, besides bytesPerPixel: Int) -> Int {
        let pixels = max(0, (Double(limit) - fixed) / (perPixel + Self.ownBytesPerPixel + Double(bytesPerPixel)))
        return Int(pixels.squareRoot()) / alignment * alignment
    }

    private func aligned(_ side: Int) -> Int {
        (min(max(side, 1), 1 << 24) + alignment - 1) / alignment * alignment
    }
}
