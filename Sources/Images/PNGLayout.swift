/// Where in a PNG is what a decoder needs: chunks that are not needed are passed over, of whatever kind and size, and so are
/// those that browsers ignore, such as a tRNS in a picture with opacity of its own or an ancillary chunk whose checksum is
/// wrong.
struct PNGLayout {
    /// Whether one colour or some of a palette's are transparent.
    private(set) var hasTransparency = false
    private(set) var exif: ByteView?
    /// What says which colours the samples mean, each as its first sound chunk before the pixels has it.
    private(set) var colourChunks: [PNGChunkType: ByteView] = [:]
    /// Whether every chunk up to IEND is there in full.
    private(set) var isComplete = false
    /// What libpng is to see: the parts of the file that are a plain PNG of the same pixels.
    private(set) var spans: [Range<Int>] = []
    /// A chunk that no decoder may pass over.
    private var defect: ImageError?

    private let bytes: ByteView
    private let header: PNGHeader
    /// Colours of the palette that indices reach; 0 where none has come yet.
    private var paletteCount = 0
    private var pixels: Range<Int>?
    private var isBehindPixels = false

    init(_ bytes: ByteView, _ header: PNGHeader) {
        (self.bytes, self.header) = (bytes, header)
        for chunk in PNGChunkSequence(bytes) {
            switch chunk.type {
            case .header: takeHeader(chunk)
            case .palette: takePalette(chunk)
            case .pixels: takePixels(chunk)
            case .end: takeEnd(chunk)
            case let type where type.isCritical || !type.isSound:
                defect = defect ?? .corrupt("a chunk that is critical and unknown")
            default: takeAncillary(chunk)
            }
            if chunk.type != .pixels, pixels != nil { isBehindPixels = true }
        }
    }

    private mutating func takeHeader(_ chunk: PNGChunk) {
        guard spans.isEmpty else {
            defect = defect ?? .corrupt("a second IHDR")
            return
        }
        spans.append(0..<chunk.place.upperBound)
    }

    /// Where it is no palette picture, a palette is only a suggestion, and in a grey one a mistake.
    private mutating func takePalette(_ chunk: PNGChunk) {
        guard header.colourType == PNGHeader.paletteType, paletteCount == 0, pixels == nil else { return }
        paletteCount = min(chunk.payload.count / 3, 1 << header.bitDepth)
        spans.append(chunk.place)
    }

    /// The pixels are what IDAT chunks in one row hold; others behind them are none of the picture's.
    private mutating func takePixels(_ chunk: PNGChunk) {
        guard !isBehindPixels else { return }
        pixels = (pixels?.lowerBound ?? chunk.place.lowerBound)..<chunk.place.upperBound
    }

    private mutating func takeEnd(_ chunk: PNGChunk) {
        isComplete = true
        if let pixels { spans.append(pixels) }
        spans.append(chunk.place)
    }

    private mutating func takeAncillary(_ chunk: PNGChunk) {
        switch chunk.type {
        case .exif where exif == nil:
            if chunk.isIntact { exif = chunk.payload }
        case .transparency where pixels == nil && !hasTransparency:
            guard isTransparency(chunk.payload), chunk.isIntact else { return }
            hasTransparency = true
            spans.append(chunk.place)
        case let type where ColourDescription.chunkTypes.contains(type) && pixels == nil:
            if colourChunks[type] == nil, chunk.isIntact { colourChunks[type] = chunk.payload }
        default: break
        }
    }

    /// PNG section 11.3.1.1: one grey, one colour, or up to as many opacities as the palette has colours.
    private func isTransparency(_ payload: ByteView) -> Bool {
        switch header.colourType {
        case 0: payload.count == 2
        case 2: payload.count == 6
        case PNGHeader.paletteType: paletteCount > 0 && 1...paletteCount ~= payload.count
        default: false
        }
    }

    /// Throws `truncated` where the end is missing, and `corrupt` where a critical chunk is unknown, out of place or
    /// wrongly summed, whether or not its contents are used.
    func check() throws(ImageError) {
        guard isComplete else { throw .truncated }
        if let defect { throw defect }
        for chunk in PNGChunkSequence(bytes) where chunk.type.isCritical {
            guard chunk.isIntact else { throw .corrupt("a chunk with a wrong checksum") }
        }
    }
}
