package import Images

/// Bytes that come as a picture and what must become of them.
package struct BrokenPicture: Sendable {
    package let name: String
    package let bytes: [UInt8]
    /// What the sender says it is; nil for `application/octet-stream`.
    package let declared: ImageFormat?
    /// The kind of error, which fixes the HTTP status; nil where the picture is sound after all.
    package let expected: ImageError.Kind?

    init(_ name: String, _ bytes: [UInt8], _ expected: ImageError.Kind?, declared: ImageFormat? = nil) {
        (self.name, self.bytes, self.expected, self.declared) = (name, bytes, expected, declared)
    }
}

/// Over a hundred broken, hostile or merely odd files, each made here from scratch and the same at every call.
package enum BrokenPictures {
    package static func all() -> [BrokenPicture] {
        do {
            return try notPictures() + truncations() + pngHeaders() + pngBodies() + pngBombs() + jpegHeaders()
                + jpegBodies() + jpegScans()
        } catch {
            preconditionFailure("the sound pictures these are made from could not be encoded: \(error)")
        }
    }

    private static let sample = Picture.sample(width: 48, height: 40)

    static func jpeg(isProgressive: Bool = false) throws(ImageError) -> [UInt8] {
        try ImageEncoder.jpeg(sample, options: .init(quality: 90, isProgressive: isProgressive))
    }

    private static func notPictures() throws(ImageError) -> [BrokenPicture] {
        let png = try ImageEncoder.png(sample), jpeg = try jpeg()
        let heads: [(String, [UInt8])] = [
            ("text", Array("this is not a picture\n".utf8)),
            ("one byte", [0x89]),
            ("GIF", Array("GIF89a".utf8) + [1, 0, 1, 0, 0, 0, 0]),
            ("WebP", Array("RIFF".utf8) + [0x24, 0, 0, 0] + Array("WEBPVP8 ".utf8)),
            ("TIFF", [0x49, 0x49, 0x2A, 0, 8, 0, 0, 0]),
            ("BMP", Array("BM".utf8) + [UInt8](repeating: 0, count: 60)),
            ("HEIC", [0, 0, 0, 0x18] + Array("ftypheic".utf8)),
            ("PDF", Array("%PDF-1.7\n".utf8)),
            ("half a PNG signature", Array(png[..<4])),
            ("PNG with a wrong first byte", [0x88] + png[1...]),
            ("PNG mangled by a text transfer", Array(png[..<4]) + [0x0A, 0x1A, 0x0A] + png[8...]),
            ("JPEG with a wrong second byte", [0xFF, 0xD9] + jpeg[2...]),
            ("PNG behind a blank", [0x20] + png),
        ]
        return heads.map { BrokenPicture($0.0, $0.1, .wrongFormat) } + [
            BrokenPicture("empty", [], .malformed),
            BrokenPicture("empty, declared PNG", [], .malformed, declared: .png),
            BrokenPicture("PNG declared JPEG", png, .wrongFormat, declared: .jpeg),
            BrokenPicture("JPEG declared PNG", jpeg, .wrongFormat, declared: .png),
            BrokenPicture("sound PNG", png, nil, declared: .png),
            BrokenPicture("sound JPEG", jpeg, nil, declared: .jpeg),
            BrokenPicture("PNG signature alone", PNGSketch.signature, .malformed),
            BrokenPicture("JPEG magic alone", [0xFF, 0xD8, 0xFF], .malformed),
        ]
    }

    /// Cut at each sixteenth.
    private static func truncations() throws(ImageError) -> [BrokenPicture] {
        let whole = [
            ("PNG", try ImageEncoder.png(sample)),
            ("PNG with alpha", try ImageEncoder.png(.sample(width: 40, height: 48, hasAlpha: true))),
            ("interlaced PNG", PNGSketch(width: 40, height: 24, isInterlaced: true).encoded()),
            ("JPEG", try jpeg()),
            ("progressive JPEG", try jpeg(isProgressive: true)),
        ]
        return whole.flatMap { name, bytes in
            (1..<16).map { part in
                BrokenPicture("\(name), \(part)/16 of it", Array(bytes[..<(bytes.count * part / 16)]), .malformed)
            } + [BrokenPicture("\(name) without its last byte", bytes.dropLast(), .malformed)]
        }
    }

    private static func pngHeaders() -> [BrokenPicture] {
        func sized(_ width: Int, _ height: Int) -> [UInt8] {
            let sketch = PNGSketch(width: width, height: height)
            return PNGSketch.signature + sketch.header() + PNGSketch.chunk("IDAT", Zlib.stored([0]))
                + PNGSketch.chunk("IEND", [])
        }
        func kind(_ bitDepth: Int, _ colourType: Int) -> [UInt8] {
            PNGSketch(width: 16, height: 16, bitDepth: bitDepth, colourType: colourType) { _, _, _ in 0 }.encoded()
        }
        let plain = PNGSketch(width: 16, height: 16)
        func headed(_ header: [UInt8]) -> [UInt8] {
            PNGSketch.signature + header + PNGSketch.chunk("IDAT", Zlib.stored(plain.rows()))
                + PNGSketch.chunk("IEND", [])
        }
        let ihdr = plain.header()
        return [
            BrokenPicture("PNG of 0 x 16", sized(0, 16), .malformed),
            BrokenPicture("PNG of 16 x 0", sized(16, 0), .malformed),
            BrokenPicture("PNG of 64250 x 64250", sized(64_250, 64_250), .unprocessable),
            BrokenPicture("PNG of 2^31 x 2^31", sized(1 << 31, 1 << 31), .unprocessable),
            BrokenPicture("PNG of 2^32-1 x 8", sized(0xFFFF_FFFF, 8), .unprocessable),
            BrokenPicture("PNG of 16385 x 8", sized(16_385, 8), .unprocessable),
            BrokenPicture("PNG of 8 x 16385", sized(8, 16_385), .unprocessable),
            BrokenPicture("PNG just over 50 megapixels", sized(7_072, 7_072), .unprocessable),
            BrokenPicture("PNG of 7 x 8", PNGSketch(width: 7, height: 8).encoded(), .unprocessable),
            BrokenPicture("PNG of 8 x 7", PNGSketch(width: 8, height: 7).encoded(), .unprocessable),
            BrokenPicture("PNG of 8 x 8", PNGSketch(width: 8, height: 8).encoded(), nil),
            BrokenPicture("PNG of 3 bits", kind(3, 0), .malformed),
            BrokenPicture("PNG with a palette of 16 bits", kind(16, 3), .malformed),
            BrokenPicture("PNG of colour type 5", kind(8, 5), .malformed),
            BrokenPicture("PNG with compression 1", headed(plain.header(compression: 1)), .malformed),
            BrokenPicture("PNG with filter method 1", headed(plain.header(filter: 1)), .malformed),
            BrokenPicture("PNG with interlacing 2", headed(plain.header(interlacing: 2)), .malformed),
            BrokenPicture(
                "PNG with IHDR of 12 bytes", headed(PNGSketch.chunk("IHDR", Array(ihdr[8..<20]))), .malformed),
            BrokenPicture("PNG without IHDR", headed([]), .malformed),
            BrokenPicture("PNG with IHDR twice", headed(ihdr + ihdr), .malformed),
        ]
    }

    private static func pngBodies() -> [BrokenPicture] {
        let plain = PNGSketch(width: 16, height: 16)
        let file = plain.encoded(), rows = plain.rows()
        func wrongSum(_ type: String, in bytes: [UInt8]) -> [UInt8] {
            var broken = bytes
            for start in 0..<bytes.count - 8 where bytes[(start + 4)..<(start + 8)].elementsEqual(type.utf8) {
                let length = bytes[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
                broken[start + 8 + length] ^= 1
                break
            }
            return broken
        }
        func with(_ change: (inout PNGSketch) -> Void) -> [UInt8] {
            var sketch = plain
            change(&sketch)
            return sketch.encoded()
        }
        let text = with { $0.ancillary = PNGSketch.chunk("tEXt", Array("Comment".utf8) + [0, 65]) }
        var wrongAdler = Zlib.stored(rows)
        wrongAdler[wrongAdler.count - 1] ^= 1
        var badFilter = rows
        badFilter[0] = 9
        var palette = PNGSketch(width: 16, height: 16, colourType: 3) { x, _, _ in x % 4 }
        palette.palette = [[0, 0, 0], [255, 0, 0], [0, 255, 0]]
        let head = PNGSketch.signature + plain.header(), end = PNGSketch.chunk("IEND", [])
        let data = PNGSketch.chunk("IDAT", Zlib.stored(rows))
        let malformed: [(String, [UInt8])] = [
            ("wrong sum of IHDR", wrongSum("IHDR", in: file)),
            ("wrong sum of IDAT", wrongSum("IDAT", in: file)),
            ("wrong sum of IEND", wrongSum("IEND", in: file)),
            ("no IDAT", head + end),
            ("no IEND", head + data),
            ("pixels that are not a zlib stream", plain.encoded(pixelData: Array("not zlib".utf8))),
            ("pixels with a wrong Adler sum", plain.encoded(pixelData: wrongAdler)),
            ("rows missing", plain.encoded(pixelData: Zlib.stored(Array(rows.prefix(rows.count / 2))))),
            ("filter type 9", plain.encoded(pixelData: Zlib.stored(badFilter))),
            ("no palette", PNGSketch(width: 16, height: 16, colourType: 3).encoded()),
            ("an unknown critical chunk", head + PNGSketch.chunk("ABCD", [1]) + data + end),
            ("a chunk length past the end", head + [0x7F, 0xFF, 0xFF, 0xFF] + data.dropFirst(4) + end),
            ("a chunk length over 2^31", head + [0xFF, 0xFF, 0xFF, 0xFF] + data.dropFirst(4) + end),
            ("zeros behind the header", head + [UInt8](repeating: 0, count: 500)),
        ]
        return malformed.map { BrokenPicture("PNG with \($0.0)", $0.1, .malformed) } + [
            BrokenPicture("PNG with trailing data", file + Array("and more".utf8), nil),
            BrokenPicture("PNG with a text chunk", text, nil),
            BrokenPicture("PNG with a text chunk of a wrong sum", wrongSum("tEXt", in: text), nil),
            BrokenPicture("PNG with too many rows", plain.encoded(pixelData: Zlib.stored(rows + rows)), nil),
            BrokenPicture(
                "PNG of 16 bits with a transfer function of high dynamic range",
                with {
                    $0.bitDepth = 16
                    $0.ancillary = PNGSketch.chunk("cICP", [9, 16, 0, 1])
                }, .unprocessable),
            // An error by the letter of the format; libpng shows such pixels black, as browsers do.
            BrokenPicture("PNG with an index past the palette", palette.encoded(), nil),
        ]
    }

    private static func pngBombs() -> [BrokenPicture] {
        let bomb = Zlib.bomb(repeats: 250_000)  // 64 MB
        func with(_ type: String, _ head: [UInt8]) -> [UInt8] {
            var sketch = PNGSketch(width: 16, height: 16)
            sketch.ancillary = PNGSketch.chunk(type, head + bomb)
            return sketch.encoded()
        }
        let name = Array("name".utf8)
        return [
            BrokenPicture("PNG with an iCCP bomb", with("iCCP", name + [0, 0]), nil),
            BrokenPicture("PNG with a zTXt bomb", with("zTXt", name + [0, 0]), nil),
            BrokenPicture("PNG with an iTXt bomb", with("iTXt", name + [0, 1, 0, 0, 0]), nil),
            BrokenPicture(
                // Its sixteen rows are there; what follows them is not expanded.
                "PNG with an IDAT bomb", PNGSketch(width: 16, height: 16).encoded(pixelData: bomb), nil),
        ]
    }
}
