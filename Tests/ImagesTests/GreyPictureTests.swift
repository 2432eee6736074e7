import Images
import TestSupport
import Testing

@Suite("Grey pictures")
struct GreyPictureTests {
    private func picture(_ width: Int, _ height: Int, _ value: (_ x: Int, _ y: Int) -> (Int, Int, Int)) -> Picture {
        var pixels: [UInt8] = []
        for y in 0..<height {
            for x in 0..<width {
                let (red, green, blue) = value(x, y)
                pixels += [red, green, blue].map { UInt8(min(255, max(0, $0))) }
            }
        }
        return Picture(width: width, height: height, pixels: pixels)
    }

    @Test("only what has three equal values everywhere is exactly grey", arguments: [0, 17, 24 * 18 - 1])
    func exactly(place: Int) {
        var grey = picture(24, 18) { x, y in (x * 9 % 256, x * 9 % 256, x * 9 % 256) }
        #expect(grey.isExactlyGrey && grey.isNearlyGrey)
        grey.pixels[3 * place + 2] ^= 1
        #expect(!grey.isExactlyGrey && grey.isNearlyGrey)
    }

    @Test("noise in the colours leaves a picture nearly grey, also after JPEG", arguments: [1, 2, 4, 6])
    func noise(amplitude: Int) throws {
        var generator = SeededGenerator(seed: UInt64(amplitude))
        let noisy = picture(97, 61) { x, y in
            func value() -> Int { x + y + 40 + .random(in: -amplitude...amplitude, using: &generator) }
            return (value(), value(), value())
        }
        #expect(noisy.isNearlyGrey && !noisy.isExactlyGrey)
        for quality in [50, 95] {
            #expect(try ImageDecoder.decode(ImageEncoder.encode(noisy, as: .jpeg, quality: quality)).isNearlyGrey)
        }
    }

    @Test("fog with a tone, sepia, a red stamp, a red dot and a coloured line are coloured", arguments: 0..<5)
    func coloured(kind: Int) {
        let coloured = picture(160, 120) { x, y in
            let grey = 150 + (x + y) % 40
            return switch kind {
            case 0: (grey - 1, grey, grey + 2)
            case 1: (grey + 14, grey, grey - 18)
            case 2: (100..<112).contains(x) && (80..<90).contains(y) ? (grey + 20, grey - 10, grey - 10) : (grey, grey, grey)
            case 3: (x, y) == (33, 44) ? (230, 30, 40) : (grey, grey, grey)
            default: y == 77 ? (grey, grey, grey + 33) : (grey, grey, grey)
            }
        }
        #expect(!coloured.isNearlyGrey)
    }

    @Test("grey stays what it is, and colours become their luma or their mean")
    func turning() {
        let grey = picture(256, 1) { x, _ in (x, x, x) }
        let colours = picture(2, 1) { x, _ in x == 0 ? (255, 0, 0) : (10, 11, 13) }
        for turn in [{ $0.turnToLuma() }, { $0.turnToMean() }] as [(inout Picture) -> Void] {
            var (turned, other) = (grey, colours)
            turn(&turned)
            turn(&other)
            #expect(turned == grey)
            #expect(other.isExactlyGrey)
        }
        var (luma, mean) = (colours, colours)
        luma.turnToLuma()
        mean.turnToMean()
        #expect(luma.pixels == [77, 77, 77, 11, 11, 11])
        #expect(mean.pixels == [85, 85, 85, 11, 11, 11])
    }
}
