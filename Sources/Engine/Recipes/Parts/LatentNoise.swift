package import Diffusion

/// Standard normal numbers over a latent: which draw, and which part of the latent. Each number depends on nothing but the seed,
/// the draw and its place, so that tiles have one field together.
package struct LatentNoise: Sendable {
    private let numbers: @Sendable (_ draw: UInt32, _ region: NoiseSource.Region, _ channels: Int) -> [Float]

    /// - Parameter numbers: height x width x channels, interleaved.
    package init(
        _ numbers: @escaping @Sendable (_ draw: UInt32, _ region: NoiseSource.Region, _ channels: Int) -> [Float]
    ) {
        self.numbers = numbers
    }

    /// Every round has the same noise, as officially.
    package static func seeded(_ seed: UInt64) -> LatentNoise {
        let source = NoiseSource(seed: seed)
        return LatentNoise { draw, region, channels in
            [Float](unsafeUninitializedCapacity: region.width * region.height * channels) { buffer, count in
                source.fill(buffer, draw: draw, region: region, channels: channels)
                count = region.width * region.height * channels
            }
        }
    }

    /// For latents that are made whole: they start from what PyTorch draws with the seed (of which it knows the lower 32 bits), as
    /// programs that were published with one do. Fresh noise of later steps is that of `seeded`.
    package static func torch(_ seed: UInt64) -> LatentNoise {
        let later = seeded(seed)
        return LatentNoise { draw, region, channels in
            guard draw == NoiseSource.startDraw else { return later(draw, region, channels: channels) }
            let pixels = region.width * region.height
            var generator = TorchNormal(seed: seed)
            // There the pixels of a channel stand together.
            let numbers = generator.numbers(pixels * channels)
            return (0..<numbers.count).map { numbers[$0 % channels * pixels + $0 / channels] }
        }
    }

    func callAsFunction(_ draw: UInt32, _ region: NoiseSource.Region, channels: Int) -> [Float] {
        numbers(draw, region, channels)
    }
}
