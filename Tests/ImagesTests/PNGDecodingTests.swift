import Images
import TestSupport
import Testing

@Suite("PNG decoding")
struct PNGDecodingTests {
    struct Kind: Sendable, CustomStringConvertible {
        let colourType: Int
        let bitDepth: Int
        var description: String { "colour type \(colourType), \(bitDepth) bits" }
    }

    static let kinds: [Kind] = [
        (0, [1, 2, 4, 8, 16]), (2, [8, 16]), (3, [1, 2, 4, 8]), (4, [8, 16]), (6, [8, 16]),
    ].flatMap { (colourType: Int, depths: [Int]) in depths.map { Kind(colourType: colourType, bitDepth: $0) } }

    /// Sizes that leave passes empty, bytes partly filled, and rows beyond a band.
    static let sizes = [(8, 8), (13, 9), (17, 35), (33, 1), (1, 33), (3, 2)]

    private static let palette: [[UInt8]] = (0..<256).map { (index: Int) -> [UInt8] in
        [UInt8(index), UInt8(255 - index), UInt8(index * 7 % 256)]
    }

    private static var limits: ImageLimits {
        var limits = ImageLimits()
        limits.shortestSide = 1
        return limits
    }

    private func sketch(_ kind: Kind, _ size: (Int, Int), isInterlaced: Bool) -> PNGSketch {
        let largest = (1 << kind.bitDepth) - 1
        var sketch = PNGSketch(
            width: size.0, height: size.1, bitDepth: kind.bitDepth, colourType: kind.colourType,
            isInterlaced: isInterlaced
        ) { x, y, channel in (x * 7919 + y * 104_729 + channel * 31 + x * y * 17) & largest }
        if kind.colourType == 3 { sketch.palette = Array(Self.palette.prefix(largest + 1)) }
        return sketch
    }

    /// What the sketch shows, worked out from its samples: value * 255 / largest, rounded to the nearest.
    private func shown(_ sketch: PNGSketch) -> Picture {
        let largest = (1 << sketch.bitDepth) - 1
        func byte(_ sample: Int) -> UInt8 { UInt8((sample * 255 * 2 + largest) / (2 * largest)) }
        var pixels: [UInt8] = [], alpha: [UInt8] = []
        for y in 0..<sketch.height {
            for x in 0..<sketch.width {
                let samples = (0..<sketch.channels).map { sketch.sample(x, y, $0) }
                switch sketch.colourType {
                case 0, 4: pixels += [UInt8](repeating: byte(samples[0]), count: 3)
                case 3: pixels += sketch.palette[samples[0]]
                default: pixels += samples.prefix(3).map(byte)
                }
                if sketch.colourType >= 4 { alpha.append(byte(samples.last ?? 0)) }
            }
        }
        return Picture(
            width: sketch.width, height: sketch.height, pixels: pixels, alpha: alpha.isEmpty ? nil : alpha)
    }

    @Test("every colour type and depth, plain and interlaced, is shown as stored", arguments: kinds, [false, true])
    func everyKind(kind: Kind, isInterlaced: Bool) throws {
        for size in Self.sizes {
            let sketch = sketch(kind, size, isInterlaced: isInterlaced)
            let picture = try ImageDecoder.decode(sketch.encoded(), limits: Self.limits)
            #expect(picture == shown(sketch), "\(size)")
        }
    }

    @Test("a header tells what is stored", arguments: kinds, [false, true])
    func headers(kind: Kind, isInterlaced: Bool) throws {
        let header = try ImageHeader.read(sketch(kind, (13, 9), isInterlaced: isInterlaced).encoded())
        #expect(header.format == .png && header.width == 13 && header.height == 9)
        #expect(header.bitDepth == kind.bitDepth && header.isMultiPass == isInterlaced && header.unsupported == nil)
        #expect(header.components == [0: 1, 2: 3, 3: 1, 4: 2, 6: 4][kind.colourType])
    }

    @Test("a transparent palette becomes alpha", arguments: [false, true])
    func paletteTransparency(isInterlaced: Bool) throws {
        var sketch = sketch(Kind(colourType: 3, bitDepth: 2), (13, 9), isInterlaced: isInterlaced)
        sketch.transparency = [0, 100]
        let picture = try ImageDecoder.decode(sketch.encoded(), limits: Self.limits)
        let expected = (0..<9).flatMap { y in
            (0..<13).map { x -> UInt8 in
                switch sketch.sample(x, y, 0) {
                case 0: 0
                case 1: 100
                default: 255
                }
            }
        }
        #expect(picture.alpha == expected)
        #expect(picture.pixels == shown(sketch).pixels)
    }

    @Test("one transparent colour becomes alpha, at every depth", arguments: [0, 2])
    func colourTransparency(colourType: Int) throws {
        for kind in Self.kinds where kind.colourType == colourType {
            var sketch = sketch(kind, (9, 9), isInterlaced: false)
            let key = (0..<sketch.channels).map { sketch.sample(4, 5, $0) }
            sketch.transparency = key.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] as [UInt8] }
            let picture = try ImageDecoder.decode(sketch.encoded(), limits: Self.limits)
            let expected = (0..<81).map { place -> UInt8 in
                key.indices.allSatisfy { sketch.sample(place % 9, place / 9, $0) == key[$0] } ? 0 : 255
            }
            #expect(picture.alpha == expected, "\(kind)")
        }
    }

    @Test("16-bit samples are rounded to the nearest of 8 bits")
    func sixteenBits() throws {
        let sketch = PNGSketch(width: 256, height: 256, bitDepth: 16, colourType: 0) { x, y, _ in y * 256 + x }
        let picture = try ImageDecoder.decode(sketch.encoded())
        let isRounded = (0..<65_536).allSatisfy { picture.pixels[3 * $0] == UInt8(($0 + 128) / 257) }
        #expect(isRounded)
    }

    @Test("EXIF orientation in a PNG is applied, before or after the pixels, interlaced or not, with alpha")
    func orientation() throws {
        for orientation in Orientation.allCases {
            for isInterlaced in [false, true] {
                for colourType in [2, 6] {
                    let kind = Kind(colourType: colourType, bitDepth: 8)
                    var sketch = sketch(kind, (21, 34), isInterlaced: isInterlaced)
                    let upright = shown(sketch)
                    let exif = PNGSketch.chunk("eXIf", sampleExif(orientation: orientation.rawValue))
                    let late = Array(sketch.encoded().dropLast(12)) + exif + sketch.encoded().suffix(12)
                    sketch.ancillary = exif
                    for file in [sketch.encoded(), late] {
                        let picture = try ImageDecoder.decode(file)
                        let expected = turned(upright, orientation)
                        #expect(picture.pixels == expected.pixels && picture.alpha == expected.alpha, "\(orientation)")
                        #expect(picture.width == expected.width && picture.metadata.exif == sampleExif(orientation: 1))
                        let header = try ImageHeader.read(file)
                        #expect(header.width == picture.width && header.height == picture.height)
                    }
                }
            }
        }
    }

    @Test("pixels cut into chunks of any length, empty ones among them, read the same", arguments: [1, 7, 100, 8192])
    func smallChunks(length: Int) throws {
        for isInterlaced in [false, true] {
            let sketch = sketch(Kind(colourType: 6, bitDepth: 16), (33, 21), isInterlaced: isInterlaced)
            let stream = Zlib.stored(sketch.rows())
            let chunks = stride(from: 0, to: stream.count, by: length).flatMap { start in
                PNGSketch.chunk("IDAT", Array(stream[start..<min(start + length, stream.count)]))
                    + PNGSketch.chunk("IDAT", [])
            }
            let file = PNGSketch.signature + sketch.header() + chunks + PNGSketch.chunk("IEND", [])
            #expect(try ImageDecoder.decode(file) == shown(sketch))
        }
    }

    @Test("a PNG by another writer, with other filters, reads the same")
    func otherWriter() throws {
        #expect(try ImageDecoder.decode(TestFiles.fixture("source.png")) == .sample(width: 61, height: 45))
    }

    @Test("an RGB profile is kept, a grey one on colours is not, and past the limit it goes without the picture")
    func profiles() throws {
        func file(_ profile: [UInt8]) -> [UInt8] {
            var sketch = PNGSketch(width: 16, height: 16)
            sketch.ancillary = PNGSketch.chunk("iCCP", Array("name".utf8) + [0, 0] + Zlib.stored(profile))
            return sketch.encoded()
        }
        let profile = sampleColourProfile(bytes: 1000)
        var limits = ImageLimits()
        limits.colourProfileBytes = 1000
        #expect(try ImageDecoder.decode(file(profile), limits: limits).colour.profile == profile)
        limits.colourProfileBytes = 999
        #expect(try ImageDecoder.decode(file(profile), limits: limits).colour.profile == nil)
        #expect(try ImageDecoder.decode(file(sampleColourProfile(space: "GRAY"))).colour.profile == nil)
        #expect(try ImageDecoder.decode(file([1, 2, 3])).colour.profile == nil)
    }
}

/// A picture turned and mirrored pixel by pixel, straight from the meaning of the eight values.
func turned(_ stored: Picture, _ orientation: Orientation) -> Picture {
    let (w, h) = (stored.width, stored.height)
    let (width, height) = orientation.swapsSides ? (h, w) : (w, h)
    var pixels: [UInt8] = [], alpha: [UInt8] = []
    for y in 0..<height {
        for x in 0..<width {
            let (sx, sy) = switch orientation {
            case .normal: (x, y)
            case .mirrored: (w - 1 - x, y)
            case .turnedHalf: (w - 1 - x, h - 1 - y)
            case .flipped: (x, h - 1 - y)
            case .transposed: (y, x)
            case .turnedRight: (y, h - 1 - x)
            case .transversed: (w - 1 - y, h - 1 - x)
            case .turnedLeft: (w - 1 - y, x)
            }
            pixels += stored.pixels[3 * (sy * w + sx)..<3 * (sy * w + sx) + 3]
            if let opacity = stored.alpha { alpha.append(opacity[sy * w + sx]) }
        }
    }
    return Picture(width: width, height: height, pixels: pixels, alpha: stored.alpha == nil ? nil : alpha)
}
