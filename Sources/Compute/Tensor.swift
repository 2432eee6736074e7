/// A batch of feature maps, or of token sequences (height 1), in fp32.
///
/// Layout: batch, height, width, channels, so that the channels of a pixel are neighbours: 1x1 convolutions and linear
/// layers are plain matrix products, and normalisations over channels read memory in order.
package final class Tensor {
    package let batch: Int
    package let height: Int
    package let width: Int
    package let channels: Int
    private let storage: UnsafeMutableRawBufferPointer
    private let pool: BufferPool

    /// Uninitialised.
    package init(batch: Int, height: Int, width: Int, channels: Int, pool: BufferPool) {
        self.batch = batch
        self.height = height
        self.width = width
        self.channels = channels
        self.pool = pool
        storage = pool.take(floats: batch * height * width * channels)
    }

    deinit {
        pool.giveBack(storage)
    }

    /// All elements, in layout order. Valid while the tensor lives.
    package var base: UnsafeMutablePointer<Float> {
        storage.baseAddress!.assumingMemoryBound(to: Float.self)
    }

    package var count: Int { batch * height * width * channels }
    /// Pixels (tokens) of one sample.
    package var pixels: Int { height * width }
    /// Elements of one sample.
    package var sampleCount: Int { height * width * channels }

    package func sample(_ index: Int) -> UnsafeMutablePointer<Float> {
        base + index * sampleCount
    }

    package var values: [Float] {
        Array(UnsafeBufferPointer(start: base, count: count))
    }
}

extension Tensor {
    /// From values in layout order.
    package convenience init(
        _ values: [Float], batch: Int = 1, height: Int = 1, width: Int, channels: Int, pool: BufferPool
    ) {
        precondition(values.count == batch * height * width * channels)
        self.init(batch: batch, height: height, width: width, channels: channels, pool: pool)
        values.withUnsafeBufferPointer { base.update(from: $0.baseAddress!, count: $0.count) }
    }
}
