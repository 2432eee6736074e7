import CLIP
import Checkpoints
import Compute
import Diffusion
import RestorationUNet
import Synchronization

/// What restoring a picture needs beyond the weights: a line through two measured evaluations, since no part of the
/// network takes memory that grows faster than the pixels.
struct MemoryEstimate: Sendable {
    /// What sides are rounded up to: a larger picture is padded.
    let alignment: Int
    private let line: MemoryLine

    /// Picture, condition, state, noise, network input and output of a picture in flight.
    private static let ownBytesPerPixel = 3.0 * (2 + 5 * 4) + 4

    /// Evaluates the network twice on small empty pictures.
    ///
    /// - Parameter loop: shares both out among threads.
    init(measuring network: ConditionalUNet, sharedBy loop: ParameterReader.ParallelLoop) {
        alignment = network.configuration.alignment
        let sides = [64, 128]
        let peaks = Mutex([0.0, 0.0])
        loop(sides.count) { index in
            let peak = Self.peak(of: network, side: sides[index])
            peaks.withLock { $0[index] = peak }
        }
        let (first, second) = peaks.withLock { ($0[0], $0[1]) }
        line = MemoryLine((Double(sides[0] * sides[0]), first), (Double(sides[1] * sides[1]), second))
    }

    /// Bytes that an evaluation of one square picture takes on one thread.
    private static func peak(of network: ConditionalUNet, side: Int) -> Double {
        let workspace = Workspace(threads: 1)
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

    /// Bytes for one picture; saturates instead of overflowing.
    func bytes(width: Int, height: Int) -> Int {
        line.bytes(MemoryLine.pixels(width: width, height: height, alignment: alignment), plus: Self.ownBytesPerPixel)
    }

    /// The side of the largest square that `limit` bytes allow, where each of its pixels takes some more besides.
    func largestSide(within limit: Int, besides bytesPerPixel: Int) -> Int {
        let pixels = line.pixels(within: limit, plus: Self.ownBytesPerPixel + Double(bytesPerPixel))
        return Int(pixels.squareRoot()) / alignment * alignment
    }
}
