import Compute

/// What is borrowed from a reference: its features at all levels, each channel of a pixel beside the next. In memory of its own,
/// so that any evaluation can use it, and keep it for the next one.
package final class ReferenceFeatures: Sendable {
    package struct Level: Sendable {
        package let height: Int
        package let width: Int
        package let channels: Int
        /// Height x width x channels.
        package let values: [Float]
    }

    /// The finest first.
    package let levels: [Level]
    /// Of the coarsest level's pixels the sums of squares.
    let squares: [Double]

    init(_ levels: [Level]) {
        self.levels = levels
        squares = levels.last.map { ReferenceFeatures.squares($0.values, channels: $0.channels) } ?? []
    }

    /// Nothing, in as much memory: for measuring what an evaluation takes.
    ///
    /// - Parameter height: of the reference, likewise `width`.
    package convenience init(blank configuration: GuidanceConfiguration, height: Int, width: Int) {
        let unit = configuration.alignment
        let (rows, columns) = ((height + unit - 1) / unit * unit, (width + unit - 1) / unit * unit)
        self.init((0..<configuration.levels).map { level in
            let (rows, columns, channels) = (rows >> level, columns >> level, configuration.width(ofLevel: level))
            return Level(
                height: rows, width: columns, channels: channels,
                values: [Float](repeating: 0, count: rows * columns * channels))
        })
    }

    package var bytes: Int {
        levels.reduce(squares.count * MemoryLayout<Double>.stride) { $0 + $1.values.count * MemoryLayout<Float>.stride }
    }

    /// What those of a reference of this size take.
    package static func bytes(_ configuration: GuidanceConfiguration, height: Int, width: Int) -> Int {
        let unit = configuration.alignment
        let pixels = (height + unit - 1) / unit * unit * ((width + unit - 1) / unit * unit)
        // Twice the channels in a quarter of the pixels, level by level; and the sums of squares.
        return pixels * configuration.width * 2 * MemoryLayout<Float>.stride
            + (pixels >> (2 * (configuration.levels - 1))) * MemoryLayout<Double>.stride
    }

    static func squares(_ values: UnsafeBufferPointer<Float>, channels: Int) -> [Double] {
        (0..<values.count / channels).map { pixel in
            var sum = 0.0
            for index in pixel * channels..<(pixel + 1) * channels { sum += Double(values[index]) * Double(values[index]) }
            return sum
        }
    }

    private static func squares(_ values: [Float], channels: Int) -> [Double] {
        values.withUnsafeBufferPointer { squares($0, channels: channels) }
    }
}

extension ReferenceFeatures.Level {
    /// A copy of a tensor's only sample.
    init(_ tensor: Tensor) {
        self.init(height: tensor.height, width: tensor.width, channels: tensor.channels, values: tensor.values)
    }
}
