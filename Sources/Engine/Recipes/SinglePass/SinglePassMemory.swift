import Compute

/// What one evaluation needs beyond the weights: a line through two measured ones, since no part of these networks takes memory
/// that grows faster than the pixels.
struct SinglePassMemory: Sendable {
    /// Of a tile and what becomes of it: both pictures, and the input and output of the network.
    private static let ownBytesPerPixel = 4.0 * 3 * 4
    private static let sides = (64, 128)

    private let alignment: Int
    private let line: MemoryLine

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
        line = MemoryLine((Double(small * small), peak(small)), (Double(large * large), peak(large)))
    }

    /// Bytes for one picture; saturates instead of overflowing.
    func bytes(width: Int, height: Int) -> Int {
        line.bytes(MemoryLine.pixels(width: width, height: height, alignment: alignment), plus: Self.ownBytesPerPixel)
    }
}
