import Images
import TestSupport
import Testing

@Suite("Hidden pixels")
struct HiddenPixelTests {
    /// A picture of which an ellipse is visible, with a soft rim.
    private func cutOut(width: Int, height: Int, hidden: (_ position: Int) -> UInt8) -> Picture {
        var picture = Picture.sample(width: width, height: height)
        var alpha: [UInt8] = []
        for y in 0..<height {
            for x in 0..<width {
                let across = Double(2 * x - width) / Double(width), down = Double(2 * y - height) / Double(height)
                let distance = (across * across + down * down).squareRoot()
                alpha.append(UInt8(min(255, max(0, (0.8 - distance) * 2_000))))
            }
        }
        for position in alpha.indices where alpha[position] == 0 {
            for channel in 0..<3 { picture.pixels[3 * position + channel] = hidden(3 * position + channel) }
        }
        picture.alpha = alpha
        return picture
    }

    @Test("what is stored under an alpha of 0 has no say", arguments: [(40, 30), (33, 7), (8, 129), (1, 50), (64, 64)])
    func noSay(width: Int, height: Int) {
        let black = cutOut(width: width, height: height) { _ in 0 }
        let loud = cutOut(width: width, height: height) { UInt8(truncatingIfNeeded: $0 &* 97) }
        #expect(black.hasHiddenPixels && black != loud)
        let filled = black.fillingHiddenPixels()
        #expect(filled.pixels == loud.fillingHiddenPixels().pixels)
        for (position, opacity) in (black.alpha ?? []).enumerated() where opacity >= 32 {
            #expect(filled.pixels[3 * position..<3 * position + 3] == black.pixels[3 * position..<3 * position + 3])
        }
    }

    @Test("the filling continues what is visible: no step at the rim, and no colour that isn't there")
    func smooth() {
        let filled = cutOut(width: 90, height: 70) { _ in 255 }.fillingHiddenPixels()
        var step = 0
        for y in 0..<70 {
            for x in 1..<90 {
                for channel in 0..<2 {  // the third has a wave of its own
                    let index = 3 * (y * 90 + x) + channel
                    step = max(step, abs(Int(filled.pixels[index]) - Int(filled.pixels[index - 3])))
                }
            }
        }
        #expect(step <= 12)
        let plain = Picture(
            width: 9, height: 5, pixels: (0..<45).flatMap { [UInt8](arrayLiteral: $0 == 22 ? 200 : 3, 90, 7) },
            alpha: (0..<45).map { $0 == 22 ? 255 : 0 })
        #expect(plain.fillingHiddenPixels().pixels == (0..<45).flatMap { _ in [200, 90, 7] as [UInt8] })
    }

    @Test("what is hardly visible weighs little in the filling")
    func partial() {
        let picture = Picture(
            width: 3, height: 1, pixels: [250, 250, 250, 9, 9, 9, 10, 10, 10], alpha: [40, 0, 255])
        let middle = picture.fillingHiddenPixels().pixels[3]
        #expect((10...90).contains(middle))
    }

    @Test("a picture without visible pixels becomes grey, and one without hidden ones stays as it is")
    func extremes() {
        var nothing = Picture.sample(width: 12, height: 9)
        #expect(!nothing.hasHiddenPixels && nothing.fillingHiddenPixels() == nothing)
        nothing.alpha = [UInt8](repeating: 0, count: 108)
        #expect(nothing.fillingHiddenPixels().pixels == [UInt8](repeating: 128, count: 324))
        var glass = Picture.sample(width: 12, height: 9)
        glass.alpha = [UInt8](repeating: 128, count: 108)
        #expect(glass.fillingHiddenPixels() == glass)
    }

    @Test("hidden colours come back exactly, visible ones stay as they were made, and the alpha is the original's")
    func comingBack() {
        let original = cutOut(width: 50, height: 40) { UInt8(truncatingIfNeeded: $0) }
        var made = original.fillingHiddenPixels()
        made.pixels = made.pixels.map { 255 - $0 }
        let expected = made
        made.alpha = nil
        made.putBackHiddenPixels(of: original)
        #expect(made.alpha == original.alpha)
        for (position, opacity) in (original.alpha ?? []).enumerated() where opacity == 0 || opacity >= 32 {
            let from = opacity == 0 ? original : expected
            #expect(made.pixels[3 * position..<3 * position + 3] == from.pixels[3 * position..<3 * position + 3])
        }
    }
}
