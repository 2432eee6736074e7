/// A file that goes back as it came: its own coded data, bit for bit, less the metadata that goes.
struct UnchangedFile {
    let source: ByteView
    let limits: ImageLimits

    /// The file; nil where the picture has to be coded anew: because another format is asked for, or because its orientation
    /// asks for pixels at other places, to which they can't be moved without loss.
    ///
    /// Throws what reading the file's header does, or `cancelled`.
    func bytes(
        as format: ImageFormat, keepsMetadata: Bool, shouldContinue: () -> Bool
    ) throws(ImageError) -> [UInt8]? {
        let header = try ImageHeader.read(source)
        guard header.format == format else { return nil }
        guard header.orientation == .normal else {
            guard format == .jpeg else { return nil }
            return try jpegTurned(header, keepsMetadata: keepsMetadata, shouldContinue)
        }
        if keepsMetadata { return source.array() }
        switch format {
        case .png: return try pngWithoutMetadata()
        case .jpeg: return try jpegWithoutMetadata()
        }
    }

    // MARK: PNG

    /// Chunks that say how the picture looks, and not where, when or by whom it was made. Those of an animation are among
    /// them.
    private static let keptTypes: Set = ColourDescription.chunkTypes.union([
        PNGChunkType("sBIT"), PNGChunkType("bKGD"), PNGChunkType("acTL"), PNGChunkType("fcTL"), PNGChunkType("fdAT"),
    ])

    private func pngWithoutMetadata() throws(ImageError) -> [UInt8] {
        let layout = PNGLayout(source, try PNGHeader(source))
        var file = ImageFormat.pngSignature
        for chunk in PNGChunkSequence(source) where isKept(chunk, in: layout) {
            file += source.slice(chunk.place)?.array() ?? []
        }
        return file
    }

    private func isKept(_ chunk: PNGChunk, in layout: PNGLayout) -> Bool {
        if layout.spans.contains(where: { $0.contains(chunk.place.lowerBound) }) { return true }
        if chunk.type == .header { return true }
        return Self.keptTypes.contains(chunk.type) && chunk.isIntact
    }

    // MARK: JPEG

    /// Everything up to the end of the image but the segments of applications and comments. What they say about colours
    /// stands anew behind the start: JFIF's segment, without resolution and thumbnail, Adobe's, and the profile's.
    private func jpegWithoutMetadata() throws(ImageError) -> [UInt8] {
        var segments = JPEGSegments(source), isBeforeScans = true
        var jfif: [UInt8] = [], adobe: [UInt8] = [], rest: [UInt8] = []
        // From the first scan on, coded data stands between segments; before it, and behind a segment that goes, at most stray
        // bytes do: a decoder steps over those, and would take them for coded data where nothing stood before them any more.
        var position: Int?
        while true {
            let segment = try segments.next()
            switch segment.marker {
            case JPEGMarker.endOfImage:
                rest += source.slice((position ?? segment.place.lowerBound)..<segment.place.upperBound)?.array() ?? []
                return try Self.start + jfif + adobe + profileSegments() + rest
            case JPEGMarker.startOfScan:
                position = position ?? segment.place.lowerBound
                isBeforeScans = false
            case JPEGMarker.comment, JPEGMarker.application0...JPEGMarker.application15:
                guard isBeforeScans else {
                    if let start = position { rest += source.slice(start..<segment.place.lowerBound)?.array() ?? [] }
                    position = nil
                    continue
                }
                if jfif.isEmpty { jfif = Self.plainJFIF(segment) }
                if segment.marker == JPEGMarker.adobe, segment.payload.count >= Self.adobeBytes,
                    segment.payload.starts(with: Array("Adobe".utf8))
                {
                    adobe = JPEGWriter.segment(segment.marker, segment.payload.array())
                }
            default:
                if isBeforeScans {
                    rest += source.slice(segment.place)?.array() ?? []
                } else {
                    position = position ?? segment.place.lowerBound
                }
            }
        }
    }

    // Shorter ones mean nothing to libjpeg.
    private static let adobeBytes = 12
    private static let jfifBytes = 14
    private static let start: [UInt8] = [0xFF, UInt8(JPEGMarker.startOfImage)]

    /// A JFIF segment of the same version (ITU-T T.871, section 10.1) with square pixels of no size, and no thumbnail; empty
    /// where it's another segment.
    private static func plainJFIF(_ segment: JPEGSegments.Segment) -> [UInt8] {
        let signature = Array("JFIF".utf8) + [0]
        guard segment.marker == JPEGMarker.application0, segment.payload.starts(with: signature),
            segment.payload.count >= jfifBytes,
            let version = segment.payload.slice(signature.count..<signature.count + 2)
        else { return [] }
        return JPEGWriter.segment(segment.marker, signature + version.array() + [0, 0, 1, 0, 1, 0, 0])
    }

    func profileSegments() throws(ImageError) -> [UInt8] {
        let isGrey = try JPEGHeader(source).componentIdentifiers.count == 1
        let profile = ColourProfile.read(jpeg: source, isGrey: isGrey, limit: limits.colourProfileBytes)
        return profile.map(ColourProfile.jpegSegments) ?? []
    }
}
