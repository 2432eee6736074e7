import CSystem

/// Metadata in the chunks of a PNG.
extension PictureMetadata {
    private static let textType = PNGChunkType("tEXt")
    private static let compressedTextType = PNGChunkType("zTXt")
    private static let internationalTextType = PNGChunkType("iTXt")
    private static let xmpKeyword = Array("XML:com.adobe.xmp".utf8)
    /// There is no chunk for IPTC records: this is how ImageMagick writes them, and others read them.
    private static let iptcProfile = "iptc"
    private static let iptcKeyword = Array("Raw profile type iptc".utf8)

    /// Reads the chunks of a whole file. What is broken, or longer than the limit, is left out.
    ///
    /// Of each text the first chunk counts, whatever is in it: a file may have thousands that expand a thousandfold.
    ///
    /// - Parameter limit: bytes of each part, expanded.
    init(png bytes: ByteView, exif block: ByteView?, limit: Int) {
        self.init()
        if let block, block.count <= limit { exif = ExifBlock.resettingOrientation(of: block) }
        var (wantsXMP, wantsIPTC) = (true, true)
        for chunk in PNGChunkSequence(bytes) {
            switch chunk.type {
            case .resolution where resolution == nil && chunk.isIntact:
                resolution = Self.resolution(ofChunk: chunk.payload)
            case Self.internationalTextType where wantsXMP:
                guard Self.keyword(of: chunk) == Self.xmpKeyword, chunk.isIntact else { continue }
                wantsXMP = false
                xmp = Self.internationalText(chunk.payload, limit: limit).map(XMPPacket.resettingOrientation)
            case Self.textType where wantsIPTC, Self.compressedTextType where wantsIPTC:
                guard Self.keyword(of: chunk) == Self.iptcKeyword, chunk.isIntact else { continue }
                wantsIPTC = false
                iptc = Self.text(chunk, limit: limit).flatMap(Self.iptc(inProfile:))
            default: break
            }
        }
    }

    /// A text chunk's keyword, at most 79 bytes long.
    private static func keyword(of chunk: PNGChunk) -> [UInt8]? {
        chunk.payload.firstIndex(of: 0, from: 0).flatMap { $0 <= 79 ? chunk.payload.slice(0..<$0)?.array() : nil }
    }

    /// pHYs (PNG section 11.3.4.3).
    private static func resolution(ofChunk payload: ByteView) -> Resolution? {
        guard payload.count == 9, let across = payload.bigEndian32(at: 0), let down = payload.bigEndian32(at: 4),
            let unit = payload.byte(at: 8), unit <= 1
        else { return nil }
        return Resolution(across: across, down: down, unit: unit == 1 ? .metre : .none)
    }

    /// iTXt (11.3.3.4): keyword, whether and how it is compressed, language, translated keyword, text.
    private static func internationalText(_ payload: ByteView, limit: Int) -> [UInt8]? {
        guard let keyword = payload.firstIndex(of: 0, from: 0), let isCompressed = payload.byte(at: keyword + 1),
            payload.byte(at: keyword + 2) == 0, let language = payload.firstIndex(of: 0, from: keyword + 3),
            let translation = payload.firstIndex(of: 0, from: language + 1),
            let text = payload.slice(translation + 1..<payload.count)
        else { return nil }
        if isCompressed == 1 { return text.inflated(limit: limit) }
        return text.count <= limit ? text.array() : nil
    }

    /// tEXt and zTXt (11.3.3.2 and 3).
    private static func text(_ chunk: PNGChunk, limit: Int) -> [UInt8]? {
        guard let keyword = chunk.payload.firstIndex(of: 0, from: 0) else { return nil }
        // Two characters a byte, and some more.
        let limit = 3 * limit
        if chunk.type == textType {
            let text = chunk.payload.slice(keyword + 1..<chunk.payload.count)
            return text.flatMap { $0.count <= limit ? $0.array() : nil }
        }
        guard chunk.payload.byte(at: keyword + 1) == 0, keyword + 2 <= chunk.payload.count else { return nil }
        return chunk.payload.slice(keyword + 2..<chunk.payload.count)?.inflated(limit: limit)
    }

    /// A profile as text: an empty line, its name, its length, and its bytes as hexadecimal digits over many lines. It is
    /// either IPTC records, which begin with 0x1C, or resource blocks with such.
    private static func iptc(inProfile text: [UInt8]) -> [UInt8]? {
        let lines = text.split(separator: UInt8(ascii: "\n"), maxSplits: 2, omittingEmptySubsequences: true)
        guard lines.count == 3 else { return nil }
        var bytes: [UInt8] = [], high: UInt8?
        for character in lines[2] {
            guard let value = Self.digit(character) else { continue }
            if let first = high { bytes.append(first << 4 | value) }
            high = high == nil ? value : nil
        }
        if bytes.first == 0x1C { return bytes }
        return bytes.withUnsafeBytes { PhotoshopResources.iptc(in: ByteView($0)) }
    }

    private static func digit(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// The chunks, whole.
    ///
    /// Throws `outOfMemory`.
    func pngChunks() throws(ImageError) -> [UInt8] {
        var chunks: [UInt8] = []
        if let exif { chunks += PNGWriter.chunk(.exif, exif) }
        if let resolution = resolution?.converted(to: .metre) {
            chunks += PNGWriter.chunk(
                .resolution,
                PNGWriter.bigEndian32(resolution.across) + PNGWriter.bigEndian32(resolution.down)
                    + [resolution.unit == .metre ? 1 : 0])
        }
        if let xmp { chunks += PNGWriter.chunk(Self.internationalTextType, Self.xmpKeyword + [0, 0, 0, 0, 0] + xmp) }
        if let iptc {
            let text = Self.profileText(PhotoshopResources.block(iptc: iptc))
            chunks += PNGWriter.chunk(
                Self.compressedTextType, Self.iptcKeyword + [0, 0] + (try PNGWriter.compressed(text)))
        }
        return chunks
    }

    private static func profileText(_ bytes: [UInt8]) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        let length = String(bytes.count)
        var text = "\n\(iptcProfile)\n" + String(repeating: " ", count: max(0, 8 - length.count)) + length
        text += "\n"
        var characters = Array(text.utf8)
        for (index, byte) in bytes.enumerated() {
            characters += [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            if index % 36 == 35 { characters.append(UInt8(ascii: "\n")) }
        }
        return characters + [UInt8(ascii: "\n")]
    }
}
