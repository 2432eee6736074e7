package import Compute

extension Tensor {
    /// From values in batch, channel, height, width order, as PyTorch stores pictures.
    package convenience init(
        channelsFirst values: [Float], batch: Int, channels: Int, height: Int, width: Int, pool: BufferPool
    ) {
        precondition(values.count == batch * channels * height * width)
        self.init(batch: batch, height: height, width: width, channels: channels, pool: pool)
        for sample in 0..<batch {
            let output = self.sample(sample)
            for channel in 0..<channels {
                let plane = (sample * channels + channel) * height * width
                for pixel in 0..<height * width { output[pixel * channels + channel] = values[plane + pixel] }
            }
        }
    }

    /// The values in batch, channel, height, width order.
    package var channelsFirst: [Float] {
        var result = [Float](repeating: 0, count: count)
        for sample in 0..<batch {
            let input = self.sample(sample)
            for channel in 0..<channels {
                let plane = (sample * channels + channel) * pixels
                for pixel in 0..<pixels { result[plane + pixel] = input[pixel * channels + channel] }
            }
        }
        return result
    }
}
