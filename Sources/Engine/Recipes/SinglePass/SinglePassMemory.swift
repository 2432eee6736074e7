import Compute

/// What one evaluation needs beyond the weights: a line through two measured ones, since no part of these networks takes memory
/// that grows faster than the pixels.
struct SinglePassMemory: Sendable {
    /// Of a tile and what becomes of it: both pictures, and the input and output of the network.
    private static let ownBytesPerPixel = 4.0 * 3 * 4
    private static let sides = (64, 128)

    private let alignment: Int
    private let fixed: Double
    private let perPixel: Double

    /// Evaluates the network on small grey pictures.
    init(measuring network: any SinglePassNetwork) {
        alignment = network.alignment
        let workspace = Workspace(threads: 1)
        func peak(_ side: Int) -> Double {
            workspace.pool.trim()
            workspace.pool.resetPeak()
            let blank = [Float](repeating: 0.5, count: side * side * 3)
            _ = network.evaluate(
                [.init(picture: blank, condition: network.blankCondition)], height: side, width: side, means: nil, in: workspace)
            return Double(workspace.pool.peakBytes)
        }
        let (small, large) = Self.sides
        let (first, second) = (peak(small), peak(large))
        perPixel = max(0, second - first) / Double(large * large - small * small)
        fixed = max(0, first - perPixel * Double(small * small))
    }

    /// Bytes for one picture; saturates instead of overflowing.
    func bytes(width: Int, height: Int) -> Int {
        let padded = Double(aligned(width)) * Double(aligned(height))
        return Int(min(fixed + padded * (perPixel + Self.ownBytesPerPixel), Double(1 << 48)))
    }

    private func aligned(_ side: Int) -> Int {
        (min(max(side, 1), 1 << 24) + alignment - 1) / alignment * alignment
    }
}
