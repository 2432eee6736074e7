/// What a file says about the colours that its samples mean, kept as it says it: an ICC profile, or the chunks that a PNG may
/// have instead. It goes out again as it came in.
package struct ColourDescription: Sendable, Equatable {
    /// An ICC profile of RGB, or of grey where the file is grey.
    package var profile: [UInt8]?
    /// cICP (PNG section 11.3.2.6): primaries, transfer function, matrix and range as numbers of ITU-T H.273.
    package var codePoints: [UInt8]?
    /// sRGB (11.3.2.5): its rendering intent.
    package var standardIntent: UInt8?
    /// gAMA (11.3.2.2): the exponent of encoding, times 100,000.
    package var gamma: Int?
    /// cHRM (11.3.2.1): x and y of white, red, green and blue, times 100,000.
    package var chromaticities: [Int]?
    /// mDCV and cLLI (11.3.2.7 and 8), which say how bright the picture is meant to be.
    package var masteringDisplay: [UInt8]?
    package var lightLevel: [UInt8]?

    /// Says nothing, which is taken for sRGB.
    package init() {}

    /// Of RGB in general.
    package init(profile: [UInt8]) { self.profile = profile }

    /// Bytes that it takes, which are the profile's.
    var byteCount: Int { profile?.count ?? 0 }

    /// For a JPEG, which can have a profile and nothing else: one that says what chunks say where that is not sRGB.
    var profileForJPEG: [UInt8]? {
        let space = space
        return ColourConversion(space) == nil ? nil : ColourConversion.profile(of: space)
    }

    /// Whether its profile is one of grey, so that only grey samples can have it.
    var isGrey: Bool { profile.map(ColourProfile.isGrey) ?? false }
}

// MARK: In a PNG

extension ColourDescription {
    private static let codePointsType = PNGChunkType("cICP")
    private static let profileType = PNGChunkType("iCCP")
    private static let standardType = PNGChunkType("sRGB")
    private static let gammaType = PNGChunkType("gAMA")
    private static let chromaticitiesType = PNGChunkType("cHRM")
    private static let masteringType = PNGChunkType("mDCV")
    private static let lightLevelType = PNGChunkType("cLLI")

    static let chunkTypes: Set = [
        codePointsType, profileType, standardType, gammaType, chromaticitiesType, masteringType, lightLevelType,
    ]

    /// Reads what chunks say. One whose contents are no sound ones is dropped, as browsers do.
    ///
    /// - Parameters:
    ///   - isGrey: whether the file's samples are grey.
    ///   - limit: bytes of an expanded profile.
    init(_ chunks: [PNGChunkType: ByteView], isGrey: Bool, limit: Int) {
        func bytes(_ type: PNGChunkType, _ counts: ClosedRange<Int>) -> ByteView? {
            chunks[type].flatMap { counts ~= $0.count ? $0 : nil }
        }
        profile = chunks[Self.profileType].flatMap { ColourProfile.read(pngChunk: $0, isGrey: isGrey, limit: limit) }
        if let points = bytes(Self.codePointsType, 4...4)?.array(), points[2] == 0, points[3] <= 1 { codePoints = points }
        if let intent = bytes(Self.standardType, 1...1)?.byte(at: 0), intent <= 3 { standardIntent = UInt8(intent) }
        if let value = bytes(Self.gammaType, 4...4)?.bigEndian32(at: 0), Self.gammas ~= value { gamma = value }
        if let payload = bytes(Self.chromaticitiesType, 32...32) {
            let values = (0..<8).compactMap { payload.bigEndian32(at: 4 * $0) }
            if ColourPrimaries(chromaticities: values) != nil { chromaticities = values }
        }
        // What a profile makes needless isn't written beside it either.
        if profile != nil { (standardIntent, gamma, chromaticities) = (nil, nil, nil) }
        masteringDisplay = bytes(Self.masteringType, 24...24)?.array()
        lightLevel = bytes(Self.lightLevelType, 8...8)?.array()
    }

    /// Values of gAMA that pictures have: exponents of decoding from 1/10 to 10.
    private static let gammas = 10_000...1_000_000

    /// The chunks, whole. Without cICP a profile stands alone: what else there is only stands in for it.
    func pngChunks() throws(ImageError) -> [UInt8] {
        var chunks: [UInt8] = []
        if let codePoints { chunks += PNGWriter.chunk(Self.codePointsType, codePoints) }
        if let profile {
            chunks += PNGWriter.chunk(Self.profileType, try ColourProfile.pngChunk(profile))
        } else {
            if let standardIntent { chunks += PNGWriter.chunk(Self.standardType, [standardIntent]) }
            if let gamma { chunks += PNGWriter.chunk(Self.gammaType, PNGWriter.bigEndian32(gamma)) }
            if let chromaticities {
                chunks += PNGWriter.chunk(Self.chromaticitiesType, chromaticities.flatMap(PNGWriter.bigEndian32))
            }
        }
        if let masteringDisplay { chunks += PNGWriter.chunk(Self.masteringType, masteringDisplay) }
        if let lightLevel { chunks += PNGWriter.chunk(Self.lightLevelType, lightLevel) }
        return chunks
    }
}
