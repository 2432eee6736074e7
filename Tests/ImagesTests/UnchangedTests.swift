import Images
import TestSupport
import Testing

/// A picture that nothing is wrong with comes back as its own samples.
@Suite("Unchanged pictures")
struct UnchangedTests {
    private func answer(
        _ file: [UInt8], as format: ImageFormat, keepsMetadata: Bool = false
    ) throws -> [UInt8] {
        try ImageAnswer(as: format, keepsMetadata: keepsMetadata)
            .file(of: ImageDecoder.decode(file), isUnchanged: true, source: file)
    }

    /// The pixel data of a PNG: the payloads of its IDAT chunks.
    private func pixelData(_ file: [UInt8]) -> [UInt8] {
        var offset = 8, data: [UInt8] = []
        while offset + 12 <= file.count {
            let length = file[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
            if file[offset + 4..<offset + 8].elementsEqual("IDAT".utf8) { data += file[offset + 8..<offset + 8 + length] }
            offset += 12 + length
        }
        return data
    }

    @Test("a PNG of any kind keeps depth, colour type and samples", arguments: PNGDecodingTests.kinds, [false, true])
    func pngKinds(kind: PNGDecodingTests.Kind, isInterlaced: Bool) throws {
        var sketch = PNGSketch(
            width: 21, height: 17, bitDepth: kind.bitDepth, colourType: kind.colourType, isInterlaced: isInterlaced
        ) { x, y, channel in (x * 7919 + y * 31 + channel) & ((1 << kind.bitDepth) - 1) }
        if kind.colourType == 3 { sketch.palette = (0..<1 << kind.bitDepth).map { [UInt8($0), 9, 200] } }
        let key: [UInt8] = kind.colourType == 2 ? [0, 1, 0, 2, 0, 3] : [0, 1]
        for transparency in kind.colourType < 4 ? [nil, key] : [nil] {
            sketch.transparency = transparency
            let plain = sketch.encoded()
            #expect(try answer(plain, as: .png) == plain)
            sketch.ancillary = PNGSketch.chunk("tEXt", Array("Author\0me".utf8))
                + PNGSketch.chunk("pHYs", bigEndian32(9) + bigEndian32(9) + [1])
            let described = sketch.encoded()
            #expect(try answer(described, as: .png) == plain)
            #expect(try answer(described, as: .png, keepsMetadata: true) == described)
            sketch.ancillary = []
        }
    }

    @Test("of a PNG's chunks those go that say nothing about how it looks")
    func pngChunks() throws {
        let look = PNGSketch.chunk("gAMA", bigEndian32(45_455)) + PNGSketch.chunk("sBIT", [5, 6, 5])
            + PNGSketch.chunk("bKGD", [0, 1, 0, 2, 0, 3])
        let other = PNGSketch.chunk("tIME", [7, 0xEA, 1, 1, 0, 0, 0]) + PNGSketch.chunk("caBX", [1, 2, 3])
            + PNGSketch.chunk("eXIf", sampleExif(orientation: 1)) + PNGSketch.chunk("prVt", [9])
        var sketch = PNGSketch(width: 16, height: 16)
        sketch.ancillary = look
        let expected = sketch.encoded()
        sketch.ancillary = other + look + other
        #expect(try answer(sketch.encoded() + [1, 2, 3], as: .png) == expected)
    }

    @Test("a JPEG keeps its coded data, bit for bit", arguments: [
        "progressive-420.jpg", "restart-422.jpg", "rgb.jpg", "grey.jpg",
    ])
    func jpegs(name: String) throws {
        let plain = try TestFiles.fixture(name)
        let scan = try #require(JPEGSketch(plain).offset(of: 0xDA))
        let profile = ColourProfileSketch.displayP3.encoded()
        for segments in [[], JPEGSketch.profile(profile, parts: 3).reversed().flatMap { $0 }] as [[UInt8]] {
            let comment = JPEGSketch.segment(0xFE, Array("made by me".utf8))
            let late = Array(plain.dropLast(2)) + JPEGSketch.exif(sampleExif(orientation: 3)) + comment + [0xFF, 0xD9]
            let head = JPEGSketch.exif(sampleExif(orientation: 1)) + comment + segments
            let file = JPEGSketch(late).inserting(head) + [7, 7, 7]
            let out = try answer(file, as: .jpeg)
            #expect(out.suffix(plain.count - scan).elementsEqual(plain[scan...]))
            #expect(out.firstRange(of: Array("Exif".utf8)) == nil && out.firstRange(of: Array("made by".utf8)) == nil)
            let before = try ImageDecoder.decode(file, convertsColours: false)
            let after = try ImageDecoder.decode(out, convertsColours: false)
            #expect(before.pixels == after.pixels && before.colour == after.colour)
            #expect(after.colour.profile == (segments.isEmpty ? nil : profile))
            #expect(try answer(file, as: .jpeg, keepsMetadata: true) == file)
            // What has no metadata comes back whole.
            #expect(try answer(out, as: .jpeg) == out)
        }
    }

    @Test("stray bytes before a JPEG's segments go with its metadata, and it is a JPEG still")
    func strayBytes() throws {
        let plain = try ImageEncoder.jpeg(.sample(width: 32, height: 16))
        let tables = try #require(JPEGSketch(plain).offset(of: 0xDB))
        let file = Array(plain[..<2]) + JPEGSketch.exif([1]) + [1, 2, 3] + plain[2..<tables] + [0xFF, 0xFF] + plain[tables...]
        #expect(try answer(file, as: .jpeg) == plain)
    }

    @Test("bytes that stand behind a comment between scans don't become coded data where the comment goes", arguments: [
        "progressive-420.jpg", "restart-422.jpg", "grey.jpg",
    ])
    func strayBytesBehindComments(name: String) throws {
        let plain = try TestFiles.fixture(name)
        let coded = Array(plain[..<(plain.count - 2)])
        let fill: [UInt8] = [0xFF, 0xFF], end: [UInt8] = [0xFF, 0xD9]
        let comment = fill + JPEGSketch.segment(0xFE, Array("made by me".utf8))
        for stray in [[0, 8, 1, 0x66], [0xFF, 0, 9], [0xFF, 0xD3, 1]] as [[UInt8]] {
            let file = coded + comment + stray + comment + stray + end
            let out = try answer(file, as: .jpeg)
            #expect(out.suffix(8).elementsEqual(coded.suffix(4) + fill + end))
            #expect(try ImageDecoder.decode(out).pixels == ImageDecoder.decode(plain).pixels)
        }
    }

    private func exif(_ orientation: Orientation, in file: [UInt8]) -> [UInt8] {
        JPEGSketch(file).inserting(JPEGSketch.exif(sampleExif(orientation: orientation.rawValue)))
    }

    @Test("a JPEG that is to be turned is turned without loss where its sides have whole blocks", arguments: Orientation.allCases)
    func turnedJPEGs(orientation: Orientation) throws {
        let back: Orientation =
            switch orientation {
            case .turnedRight: .turnedLeft
            case .turnedLeft: .turnedRight
            default: orientation
            }
        for isProgressive in [false, true] {
            let plain = try ImageEncoder.jpeg(
                .sample(width: 96, height: 64), options: .init(quality: 92, halvesColour: true, isProgressive: isProgressive))
            let stored = try ImageDecoder.decode(plain), expected = turned(stored, orientation)
            let out = try answer(exif(orientation, in: plain), as: .jpeg)
            let picture = try ImageDecoder.decode(out)
            #expect((picture.width, picture.height) == (expected.width, expected.height))
            let header = try ImageHeader.read(out)
            #expect(header.orientation == .normal && header.isMultiPass == isProgressive)
            #expect(zip(picture.pixels, expected.pixels).allSatisfy { abs(Int($0) - Int($1)) <= 4 })
            // Turned back it is the very same again, so nothing was lost.
            let again = try answer(exif(back, in: out), as: .jpeg)
            #expect(try ImageDecoder.decode(again).pixels == stored.pixels)
        }
    }

    @Test("one whose sides have none, or whose colours are too fine for the memory, is coded anew and turned", arguments: [
        (90, 64, true), (96, 50, true), (96, 64, false),
    ])
    func inexactJPEGs(width: Int, height: Int, halvesColour: Bool) throws {
        let plain = try ImageEncoder.jpeg(.sample(width: width, height: height), options: .init(halvesColour: halvesColour))
        for orientation in Orientation.allCases {
            let file = exif(orientation, in: plain)
            let picture = try ImageDecoder.decode(answer(file, as: .jpeg))
            let expected = turned(try ImageDecoder.decode(plain), orientation)
            #expect(picture.width == expected.width)
            #expect(try PictureComparison(picture, expected).psnr() > 32)
        }
    }

    @Test("a turned JPEG keeps profile and metadata where they are asked for")
    func turnedMetadata() throws {
        let plain = try ImageEncoder.jpeg(.sample(width: 96, height: 64), options: .init(halvesColour: true))
        let profile = ColourProfileSketch.adobeRGB.encoded()
        let file = JPEGSketch(plain).inserting(
            JPEGSketch.exif(sampleExif(orientation: 6)) + JPEGSketch.profile(profile, parts: 2).flatMap { $0 })
        let kept = try ImageDecoder.decode(answer(file, as: .jpeg, keepsMetadata: true))
        #expect(kept.metadata.exif == sampleExif(orientation: 1) && kept.colour.profile == profile)
        let bare = try ImageDecoder.decode(answer(file, as: .jpeg))
        #expect(bare.metadata == PictureMetadata() && bare.colour.profile == profile)
        #expect(bare.pixels == kept.pixels)
    }

    @Test("a PNG that is to be turned, and any picture in another format, shows the same pixels")
    func others() throws {
        let picture = Picture.sample(width: 40, height: 24)
        var sketch = PNGSketch(width: 21, height: 17, colourType: 6)
        sketch.ancillary = PNGSketch.chunk("eXIf", sampleExif(orientation: 8))
        for (file, format) in [(sketch.encoded(), ImageFormat.png), (try ImageEncoder.jpeg(picture), .png)] {
            let shown = try ImageDecoder.decode(file), out = try answer(file, as: format)
            #expect(try ImageEncoder.png(shown) == out)
        }
        let file = try ImageEncoder.png(picture)
        #expect(try answer(file, as: .jpeg) == ImageEncoder.encode(picture, as: .jpeg))
    }

    @Test("colours outside sRGB are in the answer of another format too", arguments: ImageFormat.allCases)
    func wideColours(format: ImageFormat) throws {
        let profile = ColourProfileSketch.proPhoto.encoded()
        var picture = Picture.sample(width: 32, height: 32)
        picture.colour = ColourDescription(profile: profile)
        let file = try ImageEncoder.encode(picture, as: format == .png ? .jpeg : .png, quality: 100)
        let out = try ImageDecoder.decode(answer(file, as: format), convertsColours: false)
        let own = try ImageDecoder.decode(file, convertsColours: false)
        #expect(out.colour.profile == profile)
        #expect(try PictureComparison(out, own).psnr() > 34)
    }
}
