/// What an evaluation takes beyond the weights, as a line through two measured ones, where nothing grows faster than the pixels.
struct MemoryLine: Sendable {
    private let fixed: Double
    private let perPixel: Double

    init(_ first: (pixels: Double, bytes: Double), _ second: (pixels: Double, bytes: Double)) {
        perPixel = max(0, second.bytes - first.bytes) / max(1, second.pixels - first.pixels)
        fixed = max(0, first.bytes - perPixel * first.pixels)
    }

    /// Saturates instead of overflowing.
    ///
    /// - Parameter own: bytes of each pixel beside what was measured.
    func bytes(_ pixels: Double, plus own: Double = 0) -> Int {
        Int(min(fixed + pixels * (perPixel + own), Double(1 << 48)))
    }

    /// The most pixels for which so many bytes are enough.
    func pixels(within bytes: Int, plus own: Double = 0) -> Double { max(0, (Double(bytes) - fixed) / (perPixel + own)) }

    /// Pixels of a picture whose sides are padded to multiples of `alignment`.
    static func pixels(width: Int, height: Int, alignment: Int) -> Double {
        func aligned(_ side: Int) -> Double { Double((min(max(side, 1), 1 << 24) + alignment - 1) / alignment * alignment) }
        return aligned(width) * aligned(height)
    }
}
