/// A PNG's image header chunk (PNG section 11.2.2).
struct PNGHeader {
    let width: Int
    let height: Int
    let bitDepth: Int
    let colourType: Int
    let isInterlaced: Bool

    /// The colour type of pictures whose samples are indices of a palette.
    static let paletteType = 3

    /// Whether its pixels have one colour channel that is no index.
    var isGrey: Bool { colourType == 0 || colourType == 4 }

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

/// A chunk's type (PNG section 5.3).
struct PNGChunkType: Hashable {
    private let code: Int

    init(code: Int) { self.code = code }

    /// - Parameter name: its four letters.
    init(_ name: StaticString) { code = name.withUTF8Buffer { $0.reduce(0) { $0 << 8 | Int($1) } } }

    static let header = PNGChunkType("IHDR")
    static let palette = PNGChunkType("PLTE")
    static let pixels = PNGChunkType("IDAT")
    static let end = PNGChunkType("IEND")
    static let transparency = PNGChunkType("tRNS")
    static let exif = PNGChunkType("eXIf")
    static let resolution = PNGChunkType("pHYs")

    var letters: [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: code >> $0) } }

    /// Whether it is four Latin letters, as every type is.
    var isSound: Bool { letters.allSatisfy { 0x41...0x5A ~= $0 || 0x61...0x7A ~= $0 } }

    /// Whether a picture can't be shown without the chunk: its first letter is a capital.
    var isCritical: Bool { code >> 24 & 0x20 == 0 }
}

struct PNGChunk {
    let type: PNGChunkType
    /// The whole of it in the file: length, type, payload and checksum.
    let place: Range<Int>
    let payload: ByteView
    fileprivate let summed: ByteView
    fileprivate let sum: Int

    /// Whether its checksum is right.
    var isIntact: Bool { summed.checksum == sum }
}

/// Goes from chunk to chunk without looking into them, behind IEND or as far as whole chunks go.
struct PNGChunkSequence: Sequence, IteratorProtocol {
    private let bytes: ByteView
    private var offset = ImageFormat.pngSignature.count
    private var isEnded = false

    private static let frameBytes = 12  // length, type, checksum

    init(_ bytes: ByteView) { self.bytes = bytes }

    mutating func next() -> PNGChunk? {
        guard !isEnded, let length = bytes.bigEndian32(at: offset), let code = bytes.bigEndian32(at: offset + 4),
            length <= Int(Int32.max), bytes.count - offset >= Self.frameBytes,
            length <= bytes.count - offset - Self.frameBytes,
            let payload = bytes.slice(offset + 8..<offset + 8 + length),
            let summed = bytes.slice(offset + 4..<offset + 8 + length),
            let sum = bytes.bigEndian32(at: offset + 8 + length)
        else { return nil }
        let place = offset..<offset + Self.frameBytes + length
        offset = place.upperBound
        let type = PNGChunkType(code: code)
        isEnded = type == .end
        return PNGChunk(type: type, place: place, payload: payload, summed: summed, sum: sum)
    }
}
