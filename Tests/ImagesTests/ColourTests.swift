import Foundation
import Images
import TestSupport
import Testing

@Suite("Colours")
struct ColourTests {
    /// Linear light to sRGB's byte (IEC 61966-2-1).
    private static func byte(_ light: Double) -> Int {
        let value = light <= 0.0031308 ? 12.92 * light : 1.055 * pow(light, 1 / 2.4) - 0.055
        return Int((255 * min(max(value, 0), 1)).rounded())
    }

    /// From XYZ under D50 to linear sRGB.
    private static let standardFromXYZ = [
        [3.1338561, -1.6168667, -0.4906146], [-0.9787684, 1.9161415, 0.0334540], [0.0719453, -0.2289914, 1.4052427],
    ]

    private static func dot(_ a: [Double], _ b: [Double]) -> Double {
        var sum = 0.0
        for (x, y) in zip(a, b) { sum += x * y }
        return sum
    }

    /// What sRGB shows of a pixel of a profile's space, worked out from its numbers.
    private static func shown(_ pixel: [UInt8], _ sketch: ColourProfileSketch) -> [Int] {
        let light = pixel.map { pow(Double($0) / 255, sketch.gamma) }
        var xyz: [Double] = []
        for axis in 0..<3 { xyz.append(dot(sketch.colorants.map { $0[axis] }, light)) }
        return standardFromXYZ.map { byte(dot($0, xyz)) }
    }

    /// 512 colours, not all of them in sRGB.
    private static let cube = colours(from: (0, 0, 0), step: 36)

    /// All colours of eight steps a channel.
    private static func colours(from start: (Int, Int, Int), step: Int) -> Picture {
        var pixels: [UInt8] = []
        for index in 0..<512 {
            let steps = (index % 8, index / 8 % 8, index / 64)
            pixels.append(UInt8(start.0 + steps.0 * step))
            pixels.append(UInt8(start.1 + steps.1 * step))
            pixels.append(UInt8(start.2 + steps.2 * step))
        }
        return Picture(width: 32, height: 16, pixels: pixels)
    }

    /// All greys.
    private static let ramp = Picture(
        width: 16, height: 16, pixels: (0..<256).flatMap { (value: Int) -> [UInt8] in [UInt8](repeating: UInt8(value), count: 3) })

    private static func png(_ chunks: [UInt8], of picture: Picture = cube) throws -> [UInt8] {
        let file = try ImageEncoder.png(picture)
        return Array(file[..<33]) + chunks + file[33...]
    }

    private static func profileChunk(_ profile: [UInt8]) -> [UInt8] {
        PNGSketch.chunk("iCCP", Array("name".utf8) + [0, 0] + Zlib.stored(profile))
    }

    private static func chromaticities(_ values: [Int]) -> [UInt8] {
        PNGSketch.chunk("cHRM", values.flatMap(bigEndian32))
    }

    private static let p3 = [31_270, 32_900, 68_000, 32_000, 26_500, 69_000, 15_000, 6_000]
    private static let standard = [31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000]

    private static func gamma(_ value: Int) -> [UInt8] { PNGSketch.chunk("gAMA", bigEndian32(value)) }

    // MARK: What the network sees

    @Test("a profile's colours become sRGB's", arguments: [
        ColourProfileSketch.displayP3, .adobeRGB, .proPhoto,
        ColourProfileSketch(ColourProfileSketch.standard.colorants, gamma: 1),
        ColourProfileSketch(ColourProfileSketch.standard.colorants, gamma: 1.8),
    ])
    func profiles(sketch: ColourProfileSketch) throws {
        let profile = sketch.encoded()
        let jpeg = JPEGSketch(try ImageEncoder.jpeg(Self.cube, options: .init(quality: 100)))
            .inserting(JPEGSketch.profile(profile)[0])
        for file in [try Self.png(Self.profileChunk(profile)), jpeg] {
            let picture = try ImageDecoder.decode(file)
            let stored = try ImageDecoder.decode(file, convertsColours: false)
            #expect(picture.isConverted && picture.colour.profile == profile && !stored.isConverted)
            for start in stride(from: 0, to: stored.pixels.count, by: 3) {
                let expected = Self.shown(Array(stored.pixels[start..<start + 3]), sketch)
                let seen = picture.pixels[start..<start + 3].map(Int.init)
                #expect(zip(expected, seen).allSatisfy { abs($0 - $1) <= 3 }, "pixel \(start / 3)")
            }
        }
    }

    @Test("chunks that say the same as a profile give the same colours")
    func descriptions() throws {
        let byProfile = try ImageDecoder.decode(Self.png(Self.profileChunk(ColourProfileSketch.displayP3.encoded())))
        let byChunks = try ImageDecoder.decode(Self.png(Self.gamma(45_455) + Self.chromaticities(Self.p3)))
        #expect(zip(byProfile.pixels, byChunks.pixels).allSatisfy { abs(Int($0) - Int($1)) <= 2 })
        let byPoints = try ImageDecoder.decode(Self.png(PNGSketch.chunk("cICP", [12, 4, 0, 1])))
        #expect(zip(byPoints.pixels, byChunks.pixels).allSatisfy { abs(Int($0) - Int($1)) <= 2 })
    }

    @Test("a linear picture becomes one of sRGB's curve, and so does one of gamma 1/1.8", arguments: [100_000, 55_556])
    func gammas(value: Int) throws {
        let picture = try ImageDecoder.decode(Self.png(Self.gamma(value), of: Self.ramp))
        for index in 0..<256 {
            let expected = Self.byte(pow(Double(index) / 255, 100_000 / Double(value)))
            #expect(abs(Int(picture.pixels[3 * index]) - expected) <= 1, "\(index)")
        }
    }

    @Test("what is sRGB, or near it, or not understood, is seen as it is", arguments: [
        [], PNGSketch.chunk("sRGB", [0]), gamma(45_455), gamma(45_455) + chromaticities(standard), gamma(50_000),
        chromaticities(standard), PNGSketch.chunk("cICP", [1, 13, 0, 1]), PNGSketch.chunk("cICP", [1, 1, 0, 1]),
        PNGSketch.chunk("cICP", [2, 2, 0, 1]), PNGSketch.chunk("cICP", [9, 16, 1, 1]), PNGSketch.chunk("cICP", [9, 16]),
        PNGSketch.chunk("cICP", [12, 13, 0, 0]), profileChunk(ColourProfileSketch.standard.encoded()),
        profileChunk(sampleColourProfile()), profileChunk([1, 2, 3]), gamma(1), gamma(0), gamma(-1),
        profileChunk(Array(ColourProfileSketch.displayP3.encoded().dropLast(40))),
        // cICP before a profile, a profile before sRGB, sRGB before gAMA.
        PNGSketch.chunk("cICP", [1, 13, 0, 1]) + profileChunk(ColourProfileSketch.displayP3.encoded()),
        PNGSketch.chunk("sRGB", [0]) + gamma(100_000),
        profileChunk(ColourProfileSketch.standard.encoded()) + gamma(100_000),
    ])
    func near(chunks: [UInt8]) throws {
        let picture = try ImageDecoder.decode(Self.png(chunks))
        #expect(!picture.isConverted && picture.pixels == Self.cube.pixels)
    }

    @Test("of high dynamic range, white paper is seen as nearly white, and more light as more", arguments: [
        (16, 148), (18, 191),
    ] as [(UInt8, Int)])
    func highDynamicRange(transfer: UInt8, paper: Int) throws {
        let picture = try ImageDecoder.decode(Self.png(PNGSketch.chunk("cICP", [9, transfer, 0, 1]), of: Self.ramp))
        let greys = (0..<256).map { Int(picture.pixels[3 * $0 + 1]) }
        #expect(picture.isConverted && 225...245 ~= greys[paper] && greys[0] == 0 && greys[255] >= 254)
        #expect(zip(greys, greys.dropFirst()).allSatisfy { $0 <= $1 })
    }

    @Test("one of 16 bits is refused by name, since its answer has 8", arguments: [16, 18] as [UInt8])
    func deepHighDynamicRange(transfer: UInt8) throws {
        var sketch = PNGSketch(width: 16, height: 16, bitDepth: 16)
        sketch.ancillary = PNGSketch.chunk("cICP", [9, transfer, 0, 1])
        #expect(throws: ImageError.unsupported(.highDynamicRange)) { try ImageDecoder.decode(sketch.encoded()) }
        sketch.bitDepth = 8
        #expect(try ImageDecoder.decode(sketch.encoded()).isConverted)
        (sketch.bitDepth, sketch.ancillary) = (16, PNGSketch.chunk("cICP", [9, 1, 0, 1]))
        #expect(try ImageDecoder.decode(sketch.encoded()).isConverted)
    }

    // MARK: What goes out

    @Test("what says which colours are meant goes out as it came in", arguments: [
        PNGSketch.chunk("sRGB", [2]), gamma(45_455), gamma(45_455) + chromaticities(p3), gamma(100_000),
        PNGSketch.chunk("cICP", [9, 16, 0, 1]), profileChunk(ColourProfileSketch.adobeRGB.encoded()),
        PNGSketch.chunk("cICP", [12, 13, 0, 1]) + profileChunk(ColourProfileSketch.displayP3.encoded()),
        PNGSketch.chunk("cICP", [9, 16, 0, 1]) + PNGSketch.chunk("mDCV", [UInt8](0..<24)) + PNGSketch.chunk("cLLI", [UInt8](0..<8)),
    ])
    func carried(chunks: [UInt8]) throws {
        let file = try Self.png(chunks), picture = try ImageDecoder.decode(file)
        var restored = picture
        restored.pixels[0] ^= 16
        let answer = try ImageAnswer(as: .png).file(of: restored, isUnchanged: false, source: file)
        let out = try ImageDecoder.decode(answer, convertsColours: false)
        #expect(out.colour == picture.colour && out.colour != ColourDescription())
    }

    @Test("where a restoration changed nothing, colours stay, outside sRGB as well", arguments: [
        profileChunk(ColourProfileSketch.displayP3.encoded()), profileChunk(ColourProfileSketch.proPhoto.encoded()),
        gamma(100_000), PNGSketch.chunk("cICP", [9, 16, 0, 1]), PNGSketch.chunk("cICP", [9, 18, 0, 1]),
    ])
    func kept(chunks: [UInt8]) throws {
        let file = try Self.png(chunks)
        var restored = try ImageDecoder.decode(file)
        for index in 300..<330 { restored.pixels[index] = 128 }
        let out = try ImageDecoder.decode(
            ImageAnswer(as: .png).file(of: restored, isUnchanged: false, source: file), convertsColours: false)
        #expect(out.pixels[..<300] == Self.cube.pixels[..<300] && out.pixels[330...] == Self.cube.pixels[330...])
        #expect(out.pixels[300..<330] != Self.cube.pixels[300..<330])
    }

    @Test("what was restored is seen in the answer as it was restored", arguments: [
        profileChunk(ColourProfileSketch.displayP3.encoded()), profileChunk(ColourProfileSketch.adobeRGB.encoded()),
        gamma(55_556), PNGSketch.chunk("cICP", [12, 13, 0, 1]),
    ], ImageFormat.allCases)
    func restoredColours(chunks: [UInt8], format: ImageFormat) throws {
        let file = try Self.png(chunks, of: Self.colours(from: (100, 90, 80), step: 10))
        var restored = try ImageDecoder.decode(file)
        for index in restored.pixels.indices { restored.pixels[index] = UInt8(clamping: Int(restored.pixels[index]) + 20) }
        let answer = try ImageAnswer(as: format, quality: 100).file(of: restored, isUnchanged: false, source: file)
        let seen = try ImageDecoder.decode(answer)
        #expect(try PictureComparison(seen, restored).psnr() > (format == .png ? 46 : 38))
        // A JPEG has a profile for it, the same at every call.
        if format == .jpeg { #expect(seen.colour.profile != nil) }
        #expect(try ImageAnswer(as: format, quality: 100).file(of: restored, isUnchanged: false, source: file) == answer)
    }

    @Test("a JPEG of high dynamic range is answered in sRGB")
    func brightJPEG() throws {
        let file = try Self.png(PNGSketch.chunk("cICP", [9, 16, 0, 1])), picture = try ImageDecoder.decode(file)
        for isUnchanged in [true, false] {
            let answer = try ImageAnswer(as: .jpeg, quality: 100).file(of: picture, isUnchanged: isUnchanged, source: file)
            let seen = try ImageDecoder.decode(answer)
            #expect(seen.colour == ColourDescription())
            #expect(try PictureComparison(seen, picture).psnr() > 30)
        }
    }

    @Test("a linear picture of 16 bits is answered in sRGB, whose 8 bits hold its shadows")
    func deepLinear() throws {
        var sketch = PNGSketch(width: 64, height: 16, bitDepth: 16, colourType: 2) { x, y, _ in (y * 64 + x) * 20 }
        sketch.ancillary = Self.gamma(100_000)
        let picture = try ImageDecoder.decode(sketch.encoded())
        let answer = try ImageAnswer(as: .png).file(of: picture, isUnchanged: false, source: sketch.encoded())
        let seen = try ImageDecoder.decode(answer)
        #expect(seen.colour == ColourDescription() && seen.pixels == picture.pixels)
        sketch.bitDepth = 8
        sketch.sample = { x, y, _ in (y * 64 + x) % 256 }
        let shallow = try ImageDecoder.decode(sketch.encoded())
        let kept = try ImageAnswer(as: .png).file(of: shallow, isUnchanged: false, source: sketch.encoded())
        #expect(try ImageDecoder.decode(kept).colour.gamma == 100_000)
    }

    // MARK: Grey

    @Test("a grey picture of a grey profile stays grey, with its profile", arguments: [1.0, 1.8, 2.2], ImageFormat.allCases)
    func grey(gamma: Double, format: ImageFormat) throws {
        let profile = ColourProfileSketch.grey(gamma: gamma).encoded()
        var sketch = PNGSketch(width: 32, height: 16, colourType: 0) { x, y, _ in (x + 32 * y) % 256 }
        sketch.ancillary = Self.profileChunk(profile)
        let file = sketch.encoded(), picture = try ImageDecoder.decode(file)
        #expect(picture.colour.profile == profile && picture.isConverted == (gamma < 2))
        for index in 0..<256 {
            let expected = gamma < 2 ? Self.byte(pow(Double(index) / 255, gamma)) : index
            #expect(abs(Int(picture.pixels[3 * index]) - expected) <= 1)
            #expect(picture.pixels[3 * index] == picture.pixels[3 * index + 1])
        }
        var restored = picture
        for index in 0..<90 { restored.pixels[index] = 200 }
        let answer = try ImageAnswer(as: format, quality: 100).file(of: restored, isUnchanged: false, source: file)
        let header = try ImageHeader.read(answer), seen = try ImageDecoder.decode(answer)
        #expect(header.components == 1 && seen.colour.profile == profile)
        #expect(seen.pixels[..<60].allSatisfy { 196...204 ~= $0 })
    }

    @Test("a coloured result doesn't get a grey profile")
    func colouredGrey() throws {
        var picture = Picture.sample(width: 16, height: 16)
        picture.colour = ColourDescription(profile: ColourProfileSketch.grey(gamma: 2.2).encoded())
        let seen = try ImageDecoder.decode(ImageEncoder.png(picture))
        #expect(seen.colour.profile == nil && seen.pixels == picture.pixels)
    }

    @Test("broken profiles of all kinds are no crash and no refusal, and what converts comes back")
    func brokenProfiles() throws {
        var generator = SeededGenerator(seed: 22)
        let sound = [ColourProfileSketch.displayP3, .grey(gamma: 1), .proPhoto].map { $0.encoded() }
        for round in 0..<400 {
            var profile = sound[round % sound.count]
            for _ in 0..<Int.random(in: 1...6, using: &generator) {
                let place = Int.random(in: 40..<profile.count, using: &generator)
                let values: [UInt8] = [0, 0xFF, 0x7F, UInt8.random(in: 0...255, using: &generator)]
                profile[place] = values.randomElement(using: &generator) ?? 0
            }
            var sketch = PNGSketch(width: 8, height: 8, colourType: round % 3 == 1 ? 0 : 2)
            sketch.ancillary = Self.profileChunk(profile)
            let file = sketch.encoded(), picture = try ImageDecoder.decode(file)
            let answer = try ImageAnswer(as: .png).file(of: picture, isUnchanged: false, source: file)
            #expect(try ImageDecoder.decode(answer).width == 8)
        }
    }
}
