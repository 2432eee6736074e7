import Images
import TestSupport
import Testing

/// What every viewer shows whole is read, with the pixels that they show.
@Suite("Files with harmless faults")
struct TolerantReadingTests {
    private static func handed(_ name: String) throws -> [UInt8] { try TestFiles.bytes("Tests/Fixtures/Cases/\(name)") }

    @Test("handed files have the pixels of their sound twin", arguments: [
        ("jpg-sos-se0.jpg", "jpg-plain.jpg"), ("jpg-sos-al1.jpg", "jpg-plain.jpg"), ("jpg-icc-twice.jpg", "jpg-plain.jpg"),
        ("jpg-icc-reversed.jpg", "jpg-plain.jpg"), ("png-extra-row.png", "png-plain.png"),
        ("png-p3-chrm.png", "png-plain.png"), ("png-cicp-pq.png", "png-plain.png"),
    ])
    func handed(name: String, twin: String) throws {
        let picture = try ImageDecoder.decode(Self.handed(name), convertsColours: false)
        #expect(picture.pixels == (try ImageDecoder.decode(Self.handed(twin))).pixels)
    }

    // MARK: JPEG

    private func jpeg() throws -> [UInt8] { try ImageEncoder.jpeg(.sample(width: 53, height: 37)) }

    /// The three bytes behind a scan's components: first and last coefficient, and the bits of successive approximation.
    @Test("odd spectral fields of a sequential scan change no pixel", arguments: [
        [0, 0, 0], [0, 63, 1], [1, 63, 0], [5, 10, 0x21], [63, 0, 0xFF], [0, 64, 0], [255, 255, 255],
    ] as [[UInt8]])
    func spectralFields(fields: [UInt8]) throws {
        let sketch = JPEGSketch(try jpeg())
        let picture = try ImageDecoder.decode(sketch.patching(0xDA, 11, with: fields))
        #expect(picture == (try ImageDecoder.decode(sketch.bytes)))
    }

    @Test("those of a progressive scan are no harmless ones", arguments: [[1, 0, 0], [0, 0, 0x21]] as [[UInt8]])
    func progressiveFields(fields: [UInt8]) throws {
        let file = try ImageEncoder.jpeg(.sample(width: 53, height: 37), options: .init(isProgressive: true))
        #expect(throws: ImageError.self) { try ImageDecoder.decode(JPEGSketch(file).patching(0xDA, 11, with: fields)) }
    }

    @Test("a profile is put together by the numbers of its segments, and dropped where that can't be", arguments: [
        ([0, 1, 2], true), ([2, 1, 0], true), ([1, 0, 2], true), ([0, 1, 2, 0, 1, 2], true), ([0, 0, 1, 1, 2, 2], true),
        ([0, 1], false), ([2], false), ([1, 2, 2], false), ([], false),
    ] as [([Int], Bool)])
    func profileSegments(order: [Int], isWhole: Bool) throws {
        let profile = sampleColourProfile(bytes: 1000), parts = JPEGSketch.profile(profile, parts: 3)
        let sketch = JPEGSketch(try jpeg())
        let picture = try ImageDecoder.decode(sketch.inserting(order.flatMap { parts[$0] }))
        #expect(picture.colour.profile == (isWhole ? profile : nil))
        #expect(picture.pixels == (try ImageDecoder.decode(sketch.bytes)).pixels)
    }

    @Test("a profile whose segments contradict one another is dropped, and so is a broken one")
    func contradictoryProfiles() throws {
        let sketch = JPEGSketch(try jpeg()), expected = try ImageDecoder.decode(sketch.bytes)
        let one = JPEGSketch.profile(sampleColourProfile(bytes: 900), parts: 2)
        let other = JPEGSketch.profile(sampleColourProfile(bytes: 900).map { $0 ^ 1 }, parts: 2)
        let three = JPEGSketch.profile(sampleColourProfile(bytes: 900), parts: 3)
        let numbers: [[UInt8]] = [[0, 1], [2, 1], [1, 0], [0, 0]]
        let lone = numbers.map {
            JPEGSketch.segment(0xE2, Array("ICC_PROFILE".utf8) + [0] + $0 + sampleColourProfile())
        }
        let short = JPEGSketch.segment(0xE2, Array("ICC_PROFILE".utf8) + [0])
        let broken = JPEGSketch.profile([1, 2, 3])[0]
        for segments in [one[0] + one[1] + other[1], one[0] + one[1] + three[2], short, broken] + lone {
            #expect(try ImageDecoder.decode(sketch.inserting(segments)) == expected)
        }
    }

    @Test("a profile has up to 255 segments and 4 MiB, to the byte", arguments: [(4 << 20, true), ((4 << 20) + 1, false)])
    func largestProfile(bytes: Int, isKept: Bool) throws {
        let profile = sampleColourProfile(bytes: bytes)
        let segments = JPEGSketch.profile(profile, parts: 255).flatMap { $0 }
        let picture = try ImageDecoder.decode(JPEGSketch(try jpeg()).inserting(segments))
        #expect(picture.colour.profile == (isKept ? profile : nil))
        let png = PNGSketch(width: 16, height: 16)
        var sketch = png
        sketch.ancillary = PNGSketch.chunk("iCCP", Array("name".utf8) + [0, 0] + Zlib.stored(profile))
        #expect((try ImageDecoder.decode(sketch.encoded())).colour.profile == (isKept ? profile : nil))
    }

    // MARK: PNG

    /// Chunks before the pixels that viewers pass over, by kind of picture.
    static let passedOver: [(name: String, colourTypes: [Int], chunks: [UInt8])] = [
        ("tRNS in a picture with opacity", [4, 6], PNGSketch.chunk("tRNS", [0, 1, 0, 2, 0, 3])),
        ("tRNS of a wrong length", [0, 2], PNGSketch.chunk("tRNS", [1])),
        ("PLTE in grey", [0, 4], PNGSketch.chunk("PLTE", [UInt8](repeating: 7, count: 48))),
        ("PLTE of a wrong length", [0, 2, 4, 6], PNGSketch.chunk("PLTE", [1, 2, 3, 4])),
        ("tRNS with a wrong checksum", [0, 2], wronglySummed("tRNS", [0, 0, 0, 0, 0, 0])),
        ("text with a wrong checksum", [0, 2, 4, 6], wronglySummed("tEXt", Array("Comment".utf8) + [0, 65])),
        ("sRGB of a wrong length", [0, 2, 4, 6], PNGSketch.chunk("sRGB", [1, 2, 3, 4, 5, 6, 7, 8, 9])),
        ("sRGB with an unknown intent", [0, 2, 4, 6], PNGSketch.chunk("sRGB", [9])),
        ("cHRM that span no triangle", [0, 2, 4, 6], PNGSketch.chunk("cHRM", [UInt8](repeating: 1, count: 32))),
        ("cHRM of a wrong length", [0, 2, 4, 6], PNGSketch.chunk("cHRM", [1, 2, 3])),
        ("gAMA of 0", [0, 2, 4, 6], PNGSketch.chunk("gAMA", [0, 0, 0, 0])),
        ("iCCP that doesn't expand", [0, 2, 4, 6], PNGSketch.chunk("iCCP", Array("name".utf8) + [0, 0, 1, 2, 3])),
        ("iCCP without a name", [0, 2, 4, 6], PNGSketch.chunk("iCCP", [0, 0, 1, 2, 3])),
        ("an empty iCCP", [0, 2, 4, 6], PNGSketch.chunk("iCCP", [])),
        ("an unknown chunk of 9 MB", [2, 6], PNGSketch.chunk("caBX", [UInt8](repeating: 0, count: 9_000_000))),
        ("a text of 9 MB", [0], PNGSketch.chunk("tEXt", Array("prompt".utf8) + [0] + [UInt8](repeating: 65, count: 9_000_000))),
        ("bKGD of a wrong length", [0, 2, 4, 6], PNGSketch.chunk("bKGD", [1, 2, 3, 4, 5])),
        ("a broken EXIF block", [0, 2, 4, 6], PNGSketch.chunk("eXIf", [1, 2, 3])),
    ]

    private static func wronglySummed(_ type: String, _ payload: [UInt8]) -> [UInt8] {
        var chunk = PNGSketch.chunk(type, payload)
        chunk[chunk.count - 1] ^= 1
        return chunk
    }

    private func sketch(_ colourType: Int, isInterlaced: Bool = false) -> PNGSketch {
        PNGSketch(width: 21, height: 17, colourType: colourType, isInterlaced: isInterlaced)
    }

    @Test("chunks that viewers pass over change no pixel", arguments: passedOver.indices)
    func passesOver(index: Int) throws {
        let (name, colourTypes, chunks) = Self.passedOver[index]
        for colourType in colourTypes {
            for isInterlaced in [false, true] {
                var sketch = sketch(colourType, isInterlaced: isInterlaced)
                let plain = try ImageDecoder.decode(sketch.encoded())
                sketch.ancillary = chunks
                #expect(try ImageDecoder.decode(sketch.encoded()) == plain, "\(name), colour type \(colourType)")
            }
        }
    }

    @Test("of two tRNS the first counts, of two palettes as well")
    func doubles() throws {
        var sketch = sketch(2)
        sketch.transparency = [0, 0, 0, 50, 0, 100]
        let once = try ImageDecoder.decode(sketch.encoded())
        #expect(once.alpha?.contains(0) == true)
        sketch.ancillary = PNGSketch.chunk("tRNS", [0, 0, 0, 50, 0, 100])
        sketch.transparency = [0, 9, 0, 9, 0, 9]
        #expect(try ImageDecoder.decode(sketch.encoded()) == once)
    }

    @Test("whatever follows the last row in the pixels' stream, the rows before it are the picture", arguments: [false, true])
    func followedRows(isInterlaced: Bool) throws {
        for (width, height) in [(21, 17), (21, 16), (8, 8), (9, 33)] {
            var sketch = PNGSketch(width: width, height: height, isInterlaced: isInterlaced)
            for colourType in [2, 6] {
                sketch.colourType = colourType
                let rows = sketch.rows(), plain = try ImageDecoder.decode(sketch.encoded())
                let row = [UInt8](repeating: 0, count: 1 + 4 * width)
                for extra in [[0], row, row + row, rows, [UInt8](repeating: 7, count: 300_000)] {
                    let file = sketch.encoded(pixelData: Zlib.stored(rows + extra))
                    #expect(try ImageDecoder.decode(file) == plain, "\(width)x\(height), \(extra.count) bytes more")
                }
                for extra in [[0], [UInt8](repeating: 9, count: 40_000)] as [[UInt8]] {
                    let file = sketch.encoded(pixelData: Zlib.stored(rows) + extra)
                    #expect(try ImageDecoder.decode(file) == plain, "\(extra.count) bytes behind the stream")
                }
            }
        }
    }

    @Test("contents of IEND, which has none, mean nothing")
    func contentsOfEnd() throws {
        for isInterlaced in [false, true] {
            let file = sketch(2, isInterlaced: isInterlaced).encoded(), end = PNGSketch.chunk("IEND", [])
            for contents in [[0], Array("abc".utf8), [UInt8](repeating: 7, count: 100_000)] as [[UInt8]] {
                let other = Array(file.dropLast(end.count)) + PNGSketch.chunk("IEND", contents)
                #expect(try ImageDecoder.decode(other) == ImageDecoder.decode(file), "\(contents.count) bytes")
            }
        }
    }

    @Test("a second row of IDAT chunks behind another chunk is none of the picture's")
    func laterPixels() throws {
        let sketch = sketch(2), file = sketch.encoded(), end = PNGSketch.chunk("IEND", [])
        let text = PNGSketch.chunk("tEXt", Array("Comment".utf8) + [0, 65])
        let later = Array(file.dropLast(end.count)) + text + PNGSketch.chunk("IDAT", [1, 2, 3]) + end
        #expect(try ImageDecoder.decode(later) == ImageDecoder.decode(file))
    }

    @Test("lost pixels are lost: a row too few, a part of a row, a wrong checksum of the stream or of a critical chunk")
    func lostPixels() throws {
        for isInterlaced in [false, true] {
            let sketch = sketch(2, isInterlaced: isInterlaced), rows = sketch.rows()
            for missing in [1, 2, 64, 65, 100] {
                let file = sketch.encoded(pixelData: Zlib.stored(Array(rows.dropLast(missing))))
                #expect(throws: ImageError.self, "\(missing) bytes missing") { try ImageDecoder.decode(file) }
            }
            var stream = Zlib.stored(rows)
            stream[stream.count - 1] ^= 1
            #expect(throws: ImageError.self) { try ImageDecoder.decode(sketch.encoded(pixelData: stream)) }
            #expect(throws: ImageError.self) {
                try ImageDecoder.decode(sketch.encoded(pixelData: Array(Zlib.stored(rows).dropLast(4))))
            }
        }
        var grey = sketch(0)
        grey.ancillary = Self.wronglySummed("PLTE", [1, 2, 3])
        #expect(throws: ImageError.self) { try ImageDecoder.decode(grey.encoded()) }
        var split = sketch(2)
        split.ancillary = PNGSketch.chunk("IDAT", Array(Zlib.stored(split.rows()).prefix(200))) + PNGSketch.chunk("tEXt", [65, 0])
        #expect(throws: ImageError.self) {
            try ImageDecoder.decode(split.encoded(pixelData: Array(Zlib.stored(split.rows()).dropFirst(200))))
        }
    }

    // MARK: EXIF

    @Test("an EXIF block of any size turns the picture, and is kept up to 1 MiB", arguments: [
        70_000, 1 << 20, (1 << 20) + 1, 5_000_000,
    ])
    func longExif(bytes: Int) throws {
        var sketch = sketch(2)
        let plain = try ImageDecoder.decode(sketch.encoded())
        let block = sampleExif(orientation: 6, padding: bytes - sampleExif(orientation: 6).count)
        sketch.ancillary = PNGSketch.chunk("eXIf", block)
        let picture = try ImageDecoder.decode(sketch.encoded())
        #expect(picture.pixels == turned(plain, .turnedRight).pixels)
        #expect(picture.metadata.exif?.count == (bytes <= 1 << 20 ? bytes : nil))
        // A JPEG has one segment for it, which such a block doesn't fit into.
        let jpeg = try ImageEncoder.jpeg(picture, keepsMetadata: true)
        #expect(try ImageDecoder.decode(jpeg).metadata.exif == nil)
        let png = try ImageEncoder.png(picture, keepsMetadata: true)
        #expect(try ImageDecoder.decode(png) == picture)
    }
}
