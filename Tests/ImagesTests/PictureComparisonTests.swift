import Images
import TestSupport
import Testing

@Suite("Comparing pictures")
struct PictureComparisonTests {
    private func noisy(_ picture: Picture, by amount: Int) -> Picture {
        var generator = SeededGenerator(seed: 9)
        var noisy = picture
        for index in noisy.pixels.indices {
            noisy.pixels[index] = UInt8(
                clamping: Int(noisy.pixels[index]) + Int.random(in: -amount...amount, using: &generator))
        }
        return noisy
    }

    @Test("equal pictures are perfect by every measure")
    func equal() throws {
        let picture = Picture.sample(width: 180, height: 176)
        for channels in [PictureComparison.Channels.rgb, .luma] {
            let comparison = try PictureComparison(picture, picture, channels: channels)
            #expect(comparison.psnr() == .infinity)
            #expect(try abs(comparison.ssim() - 1) < 1e-12)
            #expect(try abs(comparison.multiScaleSSIM() - 1) < 1e-12)
            #expect(try comparison.gradientMagnitudeSimilarityDeviation() < 1e-12)
        }
    }

    @Test("more noise is worse by every measure, and the order of the two does not matter")
    func monotonic() throws {
        let picture = Picture.sample(width: 200, height: 180)
        var previous = (psnr: Double.infinity, ssim: 1.0, scales: 1.0, gradients: 0.0)
        for amount in [2, 8, 32, 100] {
            let other = noisy(picture, by: amount)
            let comparison = try PictureComparison(picture, other, channels: .luma)
            let found = (
                psnr: comparison.psnr(), ssim: try comparison.ssim(), scales: try comparison.multiScaleSSIM(),
                gradients: try comparison.gradientMagnitudeSimilarityDeviation()
            )
            #expect(found.psnr < previous.psnr && found.ssim < previous.ssim && found.scales < previous.scales)
            #expect(found.gradients > previous.gradients)
            let swapped = try PictureComparison(other, picture, channels: .luma)
            #expect(abs(swapped.psnr() - found.psnr) < 1e-9)
            #expect(try abs(swapped.ssim() - found.ssim) < 1e-9)
            previous = found
        }
    }

    @Test("a constant difference has the PSNR of its square")
    func constant() throws {
        let dark = Picture(width: 8, height: 8, pixels: [UInt8](repeating: 100, count: 192))
        let light = Picture(width: 8, height: 8, pixels: [UInt8](repeating: 110, count: 192))
        #expect(try abs(PictureComparison(dark, light).psnr() - 28.130_803_608_679_1) < 1e-9)
        #expect(try abs(PictureComparison(dark, light, croppingBorder: 3).psnr() - 28.130_803_608_679_1) < 1e-9)
    }

    @Test("pictures that cannot be compared are refused")
    func refused() throws {
        let small = Picture.sample(width: 10, height: 12), other = Picture.sample(width: 12, height: 10)
        #expect(throws: ComparisonError.sizesDiffer) { try PictureComparison(small, other) }
        #expect(throws: ComparisonError.tooSmall(minimum: 11)) { try PictureComparison(small, small).ssim() }
        #expect(throws: ComparisonError.tooSmall(minimum: 11)) {
            try PictureComparison(small, small, croppingBorder: 5)
        }
        #expect(throws: ComparisonError.tooSmall(minimum: 176)) { try PictureComparison(small, small).multiScaleSSIM() }
        #expect(try PictureComparison(small, small, croppingBorder: 4).psnr() == .infinity)
    }
}
