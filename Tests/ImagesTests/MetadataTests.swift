import Foundation
import Images
import TestSupport
import Testing

@Suite("Metadata")
struct MetadataTests {
    private static let packet = Array(
        "<?xpacket?><x:xmpmeta><rdf:Description tiff:Orientation=\"6\" dc:title=\"a\"/></x:xmpmeta>".utf8)
    private static let upright = Array(
        "<?xpacket?><x:xmpmeta><rdf:Description tiff:Orientation=\"1\" dc:title=\"a\"/></x:xmpmeta>".utf8)
    /// A caption of one record (IIM 2:120).
    private static let caption: [UInt8] = [0x1C, 2, 120, 0, 5] + Array("A cat".utf8)

    private static func photoshop(_ records: [UInt8]) -> [UInt8] {
        let signature = Array("8BIM".utf8)
        var blocks: [UInt8] = signature + [0x04, 0x25, 1, 65] + bigEndian32(3) + [1, 2, 3, 0]
        blocks += signature + [0x04, 0x04, 0, 0] + bigEndian32(records.count) + records
        return records.count % 2 == 0 ? blocks : blocks + [0]
    }

    private static func broken(_ rest: [UInt8]) -> [UInt8] { Array("8BIM".utf8) + rest }

    /// A JPEG of 300 x 150 pixels to the inch with EXIF, XMP and IPTC.
    private static func jpeg(orientation: Int = 1) throws -> [UInt8] {
        let file = JPEGSketch(try ImageEncoder.jpeg(.sample(width: 48, height: 32)))
            .patching(0xE0, 11, with: [1, 1, 0x2C, 0, 150])
        let xmp = JPEGSketch.segment(0xE1, Array("http://ns.adobe.com/xap/1.0/".utf8) + [0] + packet)
        let iptc = JPEGSketch.segment(0xED, Array("Photoshop 3.0".utf8) + [0] + photoshop(caption))
        let head = try #require(JPEGSketch(file).offset(of: 0xDB))
        return Array(file[..<head]) + JPEGSketch.exif(sampleExif(orientation: orientation)) + xmp + iptc + file[head...]
    }

    private static func png(orientation: Int = 1) -> [UInt8] {
        var sketch = PNGSketch(width: 48, height: 32)
        let block = photoshop(caption)
        let digits = block.map { String(format: "%02x", Int($0)) }.joined(), length = String(format: "%8d", block.count)
        let text = Array("\niptc\n\(length)\n\(digits)\n".utf8)
        sketch.ancillary = PNGSketch.chunk("pHYs", bigEndian32(11_811) + bigEndian32(5_906) + [1])
            + PNGSketch.chunk("eXIf", sampleExif(orientation: orientation))
            + PNGSketch.chunk("iTXt", Array("XML:com.adobe.xmp".utf8) + [0, 1, 0, 0, 0] + Zlib.stored(packet))
            + PNGSketch.chunk("zTXt", Array("Raw profile type iptc".utf8) + [0, 0] + Zlib.stored(text))
        return sketch.encoded()
    }

    @Test("EXIF, XMP, IPTC and the resolution are kept, from each format into each", arguments: ImageFormat.allCases, ImageFormat.allCases)
    func kept(input: ImageFormat, output: ImageFormat) throws {
        for orientation in [1, 3, 6] {
            let file = try input == .png ? Self.png(orientation: orientation) : Self.jpeg(orientation: orientation)
            let picture = try ImageDecoder.decode(file)
            let answer = try ImageEncoder.encode(picture, as: output, keepsMetadata: true)
            let metadata = try ImageDecoder.decode(answer).metadata
            #expect(metadata.exif == sampleExif(orientation: 1))
            #expect(metadata.xmp == Self.upright && metadata.iptc == Self.caption)
            let resolution = try #require(metadata.resolution)
            let (across, down) = orientation == 6 ? (150, 300) : (300, 150)
            let factor = resolution.unit == .metre ? 1 / 0.0254 : 1
            #expect(resolution.across == Int((Double(across) * factor).rounded()), "\(resolution)")
            #expect(resolution.down == Int((Double(down) * factor).rounded()))
            #expect(try ImageDecoder.decode(answer).pixels.count == picture.pixels.count)
        }
    }

    @Test("without being asked for, nothing of it goes out", arguments: ImageFormat.allCases, ImageFormat.allCases)
    func stripped(input: ImageFormat, output: ImageFormat) throws {
        for (orientation, isUnchanged) in [(1, true), (1, false), (6, true), (6, false)] {
            let file = try input == .png ? Self.png(orientation: orientation) : Self.jpeg(orientation: orientation)
            let picture = try ImageDecoder.decode(file)
            let answer = try ImageAnswer(as: output).file(of: picture, isUnchanged: isUnchanged, source: file)
            #expect(try ImageDecoder.decode(answer).metadata == PictureMetadata())
            for secret in ["Exif\0\0", "eXIf", "xap/1.0", "xpacket", "A cat", "Photoshop", "iptc", "pHYs", "zTXt", "iTXt"] {
                #expect(answer.firstRange(of: Array(secret.utf8)) == nil, "\(secret)")
            }
        }
    }

    @Test("pixels that aren't square keep their shape, and sizes that a JPEG can't say are left out")
    func resolutions() throws {
        func read(_ across: Int, _ down: Int, _ unit: UInt8, as format: ImageFormat) throws -> Resolution? {
            var sketch = PNGSketch(width: 16, height: 16)
            sketch.ancillary = PNGSketch.chunk("pHYs", bigEndian32(across) + bigEndian32(down) + [unit])
            let picture = try ImageDecoder.decode(sketch.encoded())
            return try ImageDecoder.decode(ImageEncoder.encode(picture, as: format, keepsMetadata: true)).metadata.resolution
        }
        for format in ImageFormat.allCases {
            let shape = try #require(try read(4, 3, 0, as: format))
            #expect((shape.across, shape.down) == (4, 3) && shape.unit == .none)
            #expect(try read(1, 1, 0, as: format) == nil)
            #expect(try read(0, 100, 1, as: format) == nil)
            #expect(try read(100, 100, 7, as: format) == nil)
        }
        let most = Int(UInt32.max)
        #expect(try read(most, most, 1, as: .jpeg) == nil)
        #expect(try read(most, most, 1, as: .png)?.across == most)
        #expect(try read(10, 10, 1, as: .jpeg) == nil)  // less than one to an inch
    }

    @Test("broken blocks are left out, and the picture stays", arguments: [
        [], broken([]), broken([4, 4, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 1]), broken([4, 4, 0xFF]),
        broken([4, 4, 0, 0, 0, 0, 0, 9, 1]), broken([4, 5, 0, 0, 0, 0, 0, 1, 1]), [1, 2, 3],
    ])
    func brokenBlocks(block: [UInt8]) throws {
        let plain = try ImageEncoder.jpeg(.sample(width: 16, height: 16))
        let file = JPEGSketch(plain).inserting(JPEGSketch.segment(0xED, Array("Photoshop 3.0".utf8) + [0] + block))
        #expect(try ImageDecoder.decode(file) == ImageDecoder.decode(plain))
        for text in [block, Array("\niptc\n  9\nzz".utf8), Array("\n\n\n".utf8), Array("\niptc\n9\n384249".utf8)] {
            var sketch = PNGSketch(width: 16, height: 16)
            for type in ["tEXt", "zTXt", "iTXt"] {
                for keyword in ["Raw profile type iptc", "XML:com.adobe.xmp"] {
                    sketch.ancillary = PNGSketch.chunk(type, Array(keyword.utf8) + [0] + text)
                    let picture = try ImageDecoder.decode(sketch.encoded())
                    #expect(picture.metadata.iptc == nil && picture.width == 16)
                }
            }
        }
    }

    @Test("of several texts of one kind the first counts, whatever is in it; one with a wrong checksum is passed over")
    func severalTexts() throws {
        let block = Self.photoshop(Self.caption).map { String(format: "%02X", Int($0)) }.joined()
        func profile(_ digits: String) -> [UInt8] { Array("Raw profile type iptc".utf8) + [0, 0] + Zlib.stored(Array("\niptc\n 9\n\(digits)\n".utf8)) }
        func packet(_ text: [UInt8]) -> [UInt8] { Array("XML:com.adobe.xmp".utf8) + [0, 1, 0, 0, 0] + Zlib.stored(text) }
        let (junk, long) = (PNGSketch.chunk("zTXt", profile("00")), PNGSketch.chunk("iTXt", packet([UInt8](repeating: 65, count: (1 << 20) + 1))))
        let sound = PNGSketch.chunk("zTXt", profile(block)) + PNGSketch.chunk("iTXt", packet(Self.packet))
        func read(_ chunks: [UInt8]) throws -> PictureMetadata {
            var sketch = PNGSketch(width: 16, height: 16)
            sketch.ancillary = chunks
            return try ImageDecoder.decode(sketch.encoded()).metadata
        }
        let kept = try read(sound + junk + long)
        #expect(kept.iptc == Self.caption && kept.xmp == Self.upright)
        #expect(try read(junk + long + sound) == PictureMetadata())
        var damaged = junk
        damaged[damaged.count - 1] ^= 1
        #expect(try read(damaged + sound) == kept)
    }

    @Test("each part is kept up to its limit, to the byte")
    func limits() throws {
        let longest = 1 << 20
        for (bytes, isKept) in [(longest, true), (longest + 1, false)] {
            var sketch = PNGSketch(width: 16, height: 16)
            let text = [UInt8](repeating: 65, count: bytes)
            for compressed in [false, true] {
                let head = Array("XML:com.adobe.xmp".utf8) + [0, compressed ? 1 : 0, 0, 0, 0]
                sketch.ancillary = PNGSketch.chunk("iTXt", head + (compressed ? Zlib.stored(text) : text))
                #expect(try ImageDecoder.decode(sketch.encoded()).metadata.xmp?.count == (isKept ? bytes : nil))
            }
        }
        // Into a JPEG goes what one segment holds.
        for (bytes, isKept) in [(65_533 - 29, true), (65_533 - 28, false)] {
            var picture = Picture.sample(width: 16, height: 16)
            picture.metadata.xmp = [UInt8](repeating: 65, count: bytes)
            let file = try ImageEncoder.jpeg(picture, keepsMetadata: true)
            #expect(try ImageDecoder.decode(file).metadata.xmp?.count == (isKept ? bytes : nil))
        }
    }
}
