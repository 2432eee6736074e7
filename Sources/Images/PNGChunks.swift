/// A PNG's image header chunk (PNG section 11.2.2).
struct PNGHeader {
    let width: Int
    let height: Int
    let bitDepth: Int
    let colourType: Int
    let isInterlaced: Bool

    /// Whether each pixel carries an opacity of its own; a tRNS chunk may add one.
    var hasAlphaChannel: Bool { colourType & 4 != 0 }

    /// Samples a pixel as stored: a palette index counts as one.
    var components: Int { [0: 1, 2: 3, 3: 1, 4: 2, 6: 4][colourType] ?? 0 }

    private static let depths: [Int: Set<Int>] = [
        0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16],
    ]

    /// Reads the 33 bytes from the signature to the end of IHDR. Its checksum is left to the decoder: a size over
    /// the limit is refused as such even where the checksum is wrong too.
    init(_ bytes: ByteView) throws(ImageError) {
        let start = ImageFormat.pngSignature.count
        guard let length = bytes.bigEndian32(at: start), bytes.count >= start + 8 else {
            throw .brokenHeader("the file ends before the size")
        }
        guard bytes.starts(with: Array("IHDR".utf8), at: start + 4), length == 13 else {
            throw .brokenHeader("IHDR of 13 bytes is not the first chunk")
        }
        guard let fields = bytes.slice(start + 8..<max(start + 25, start + 8)),
            let width = fields.bigEndian32(at: 0), let height = fields.bigEndian32(at: 4),
            let bitDepth = fields.byte(at: 8), let colourType = fields.byte(at: 9),
            let compression = fields.byte(at: 10), let filter = fields.byte(at: 11),
            let interlacing = fields.byte(at: 12)
        else { throw .brokenHeader("the file ends inside IHDR") }
        guard width > 0, height > 0 else { throw .brokenHeader("a side is 0: \(width) x \(height)") }
        guard Self.depths[colourType]?.contains(bitDepth) == true else {
            throw .brokenHeader("colour type \(colourType) with \(bitDepth) bits")
        }
        guard compression == 0, filter == 0, interlacing <= 1 else {
            throw .brokenHeader("compression \(compression), filter \(filter), interlacing \(interlacing)")
        }
        (self.width, self.height) = (width, height)
        (self.bitDepth, self.colourType) = (bitDepth, colourType)
        isInterlaced = interlacing == 1
    }
}

/// What a PNG carries beside its pixels, found by going from chunk to chunk without looking into them.
struct PNGChunks {
    private(set) var hasTransparency = false
    private(set) var colourProfile: ByteView?
    private(set) var exif: ByteView?
    /// Whether every chunk up to IEND is there in full.
    private(set) var isComplete = false

    private static let chunkFrameBytes = 12  // length, type, checksum

    init(_ bytes: ByteView) {
        var offset = ImageFormat.pngSignature.count
        var isBeforePixels = true
        while let length = bytes.bigEndian32(at: offset), let type = bytes.bigEndian32(at: offset + 4),
            length <= Int(Int32.max), bytes.count - offset >= Self.chunkFrameBytes,
            length <= bytes.count - offset - Self.chunkFrameBytes
        {
            let payload = bytes.slice(offset + 8..<offset + 8 + length)
            switch type {
            case Self.code("IDAT"): isBeforePixels = false
            case Self.code("tRNS") where isBeforePixels: hasTransparency = true
            case Self.code("iCCP") where isBeforePixels: colourProfile = colourProfile ?? payload
            case Self.code("eXIf"): exif = exif ?? payload
            case Self.code("IEND"):
                isComplete = true
                return
            default: break
            }
            offset += Self.chunkFrameBytes + length
        }
    }

    private static func code(_ name: StaticString) -> Int {
        name.withUTF8Buffer { $0.reduce(0) { $0 << 8 | Int($1) } }
    }
}
