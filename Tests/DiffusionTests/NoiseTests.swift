import CKernels
import Diffusion
import Foundation
import Testing

@Suite("the noise source")
struct NoiseTests {
    static func field(
        _ source: NoiseSource, draw: UInt32 = 0, _ region: NoiseSource.Region, channels: Int = 3
    ) -> [Float] {
        var values = [Float](repeating: -99, count: region.width * region.height * channels)
        values.withUnsafeMutableBufferPointer { source.fill($0, draw: draw, region: region, channels: channels) }
        return values
    }

    @Test("Philox4x32-10 gives its published answers", arguments: [
        ([0, 0, 0, 0], [0, 0], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
        (
            [.max, .max, .max, .max], [.max, .max],
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        ),
        (
            [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0],
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        ),
    ] as [([UInt32], [UInt32], [UInt32])])
    func knownAnswers(counter: [UInt32], key: [UInt32], expected: [UInt32]) {
        var output: [UInt32] = [0, 0, 0, 0]
        restored_philox4x32_10(counter, key, &output)
        #expect(output == expected)
    }

    @Test("numbers are Box-Muller of the pixel's Philox block, as double precision computes it")
    func agreesWithDouble() {
        let seed: UInt64 = 0x0123_4567_89ab_cdef
        let region = NoiseSource.Region(x: 5, y: 1000, width: 300, height: 40)
        let found = Self.field(NoiseSource(seed: seed, stream: 3), draw: 9, region)
        var worst = 0.0
        for row in 0..<region.height {
            for column in 0..<region.width {
                let counter = [UInt32(region.x + column), UInt32(region.y + row), 9, 3]
                var words: [UInt32] = [0, 0, 0, 0]
                restored_philox4x32_10(counter, [UInt32(truncatingIfNeeded: seed), UInt32(seed >> 32)], &words)
                func radius(_ word: UInt32) -> Double { sqrt(-2 * log((Double(word >> 1) + 0.5) / 2_147_483_648)) }
                func angle(_ word: UInt32) -> Double {
                    Double(word >> 30) * .pi / 2 + Double(Int32(bitPattern: word << 2)) * .pi / 4 / 2_147_483_648
                }
                let expected = [
                    radius(words[0]) * cos(angle(words[1])), radius(words[0]) * sin(angle(words[1])),
                    radius(words[2]) * cos(angle(words[3])),
                ]
                for channel in 0..<3 {
                    let value = Double(found[(row * region.width + column) * 3 + channel])
                    worst = max(worst, abs(value - expected[channel]))
                }
            }
        }
        // Near radius 0 a single-precision u next to 1 has a grid of 6e-8, so the radius one of 3e-4.
        #expect(worst < 4e-4, "differs by \(worst)")
    }

    @Test("known numbers stay the same bits on every machine")
    func goldenBits() {
        let found = Self.field(NoiseSource(seed: 42), draw: 1, .init(x: 126, y: 3, width: 4, height: 1))
        #expect(found.map(\.bitPattern) == Self.goldenBits)
    }
    static let goldenBits: [UInt32] = [
        0xbfaf_2614, 0xbfda_03a3, 0x3c0d_b998, 0xbf57_d3f5, 0xbf82_8e79, 0x3f07_41a9,
        0x3fef_e308, 0x3ed2_fedd, 0x3f31_dcf9, 0xbf9a_7781, 0x3e22_b978, 0xbd27_be12,
    ]

    @Test("moments and tails are those of the standard normal distribution")
    func moments() {
        let values = Self.field(NoiseSource(seed: 1), .init(width: 1024, height: 512)).map { Double($0) }
        let count = Double(values.count)
        func moment(_ power: Double) -> Double { values.reduce(0) { $0 + pow($1, power) } / count }
        // Five standard errors each: those of the first four moments are sqrt(1, 2, 15, 96 / n).
        #expect(abs(moment(1)) < 5 * sqrt(1 / count))
        #expect(abs(moment(2) - 1) < 5 * sqrt(2 / count))
        #expect(abs(moment(3)) < 5 * sqrt(15 / count))
        #expect(abs(moment(4) - 3) < 5 * sqrt(96 / count))
        for (bound, share) in [(1.0, 0.3173105), (2.0, 0.0455003), (3.0, 0.0026998), (4.0, 6.334e-5)] {
            let beyond = Double(values.count { abs($0) > bound }) / count
            #expect(abs(beyond - share) < 5 * sqrt(share / count), "beyond \(bound)")
        }
        #expect(values.allSatisfy { abs($0) < 6.7 })
    }

    @Test("neighbours, channels, draws, streams and seeds are uncorrelated")
    func independence() {
        let region = NoiseSource.Region(width: 512, height: 256)
        let base = Self.field(NoiseSource(seed: 5), region)
        func correlation(_ left: some Collection<Float>, _ right: some Collection<Float>) -> Double {
            zip(left, right).reduce(0) { $0 + Double($1.0) * Double($1.1) } / Double(left.count)
        }
        let limit = 5 / sqrt(Double(base.count))
        for lag in [1, 2, 3, 3 * 512] {
            #expect(abs(correlation(base.dropLast(lag), base.dropFirst(lag))) < limit, "lag \(lag)")
        }
        #expect(abs(correlation(base, Self.field(NoiseSource(seed: 5), draw: 1, region))) < limit)
        #expect(abs(correlation(base, Self.field(NoiseSource(seed: 5, stream: 1), region))) < limit)
        #expect(abs(correlation(base, Self.field(NoiseSource(seed: 6), region))) < limit)
        #expect(abs(correlation(base, Self.field(NoiseSource(seed: 5 | 1 << 63), region))) < limit)
    }

    @Test("a tile draws exactly the noise of its place, however the picture is cut")
    func tiles() {
        let source = NoiseSource(seed: 77)
        let (width, height) = (301, 67)
        let whole = Self.field(source, draw: 4, .init(width: width, height: height))
        var generator = SplitMix64(state: 3)
        for _ in 0..<60 {
            let x = Int.random(in: 0..<width, using: &generator), y = Int.random(in: 0..<height, using: &generator)
            let w = Int.random(in: 0...width - x, using: &generator), h = Int.random(in: 0...height - y, using: &generator)
            let tile = Self.field(source, draw: 4, .init(x: x, y: y, width: w, height: h))
            for row in 0..<h {
                let start = ((y + row) * width + x) * 3
                #expect(tile[row * w * 3..<(row + 1) * w * 3].elementsEqual(whole[start..<start + w * 3]))
            }
        }
    }

    @Test("more channels or fewer hold the same numbers", arguments: [(1, 1), (7, 5), (130, 3)])
    func channels(width: Int, height: Int) {
        let source = NoiseSource(seed: 8)
        let region = NoiseSource.Region(x: 2, y: 9, width: width, height: height)
        let three = Self.field(source, region)
        for channels in [1, 4] {
            let other = Self.field(source, region, channels: channels)
            for pixel in 0..<width * height {
                for channel in 0..<min(channels, 3) {
                    #expect(other[pixel * channels + channel] == three[pixel * 3 + channel])
                }
            }
        }
    }

    @Test("draws of a plan's steps never meet that of its first state")
    func draws() {
        #expect(NoiseSource.startDraw == 0)
        #expect((0..<100).map { NoiseSource.draw(ofStep: $0) } == Array(1...100))
    }
}

/// A small seeded generator for choosing test cases (SplitMix64).
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}

