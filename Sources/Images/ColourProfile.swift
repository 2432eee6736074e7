import CSystem

/// ICC profiles as the two formats carry them. A profile is never interpreted; it is only kept where it describes
/// RGB, since that is what every picture becomes: the grey profile of a grey file would be wrong on RGB pixels.
enum ColourProfile {
    private static let headerBytes = 128
    private static let jpegSignature: [UInt8] = Array("ICC_PROFILE".utf8) + [0]
    private static let largestName = 79

    /// The profile of an iCCP chunk (PNG section 11.3.2.3): a name, a zero, the compression method, a zlib stream.
    /// Expanded no further than the limit.
    static func read(pngChunk chunk: ByteView, limit: Int) throws(ImageError) -> [UInt8]? {
        guard let nameEnd = chunk.firstIndex(of: 0, from: 0), 1...largestName ~= nameEnd,
            chunk.byte(at: nameEnd + 1) == 0, let stream = chunk.slice(nameEnd + 2..<max(nameEnd + 2, chunk.count))
        else { throw .corrupt("the iCCP chunk has no name or an unknown compression") }
        var status = INFLATION_CORRUPT
        let profile = [UInt8](unsafeUninitializedCapacity: limit) { space, count in
            stream.withBytes { bytes, length in
                guard let bytes, let output = space.baseAddress else { return }
                status = inflate_within(bytes, length, INFLATION_ZLIB, output, limit, &count)
            }
        }
        switch status {
        case INFLATION_COMPLETE:
            guard describesRGB(profile) else { return nil }
            return profile.withUnsafeBufferPointer(Array.init)  // a copy without the spare capacity
        case INFLATION_TOO_LONG: throw .overLimit(.colourProfile, limit: limit)
        case INFLATION_NO_MEMORY: throw .outOfMemory
        default: throw .corrupt("the ICC profile does not expand")
        }
    }

    /// The profile of the APP2 segments before the first scan (ICC.1, annex B.4): each gives its number, from 1,
    /// and how many there are; they must come complete and in order.
    static func read(jpeg bytes: ByteView, limit: Int) throws(ImageError) -> [UInt8]? {
        var segments = JPEGSegments(bytes)
        var profile: [UInt8] = []
        var expected = (number: 1, total: 0)
        while true {
            let segment = try segments.next()
            if segment.marker == JPEGMarker.startOfScan || segment.marker == JPEGMarker.endOfImage { break }
            let start = jpegSignature.count
            guard segment.marker == JPEGMarker.colourProfile, segment.payload.starts(with: jpegSignature) else {
                continue
            }
            guard let number = segment.payload.byte(at: start), let total = segment.payload.byte(at: start + 1),
                let part = segment.payload.slice(start + 2..<segment.payload.count),
                number == expected.number, number <= total, expected.total == 0 || total == expected.total
            else { throw .corrupt("the segments of the ICC profile are out of order") }
            guard part.count <= limit - profile.count else { throw .overLimit(.colourProfile, limit: limit) }
            profile += part.array()
            expected = (number + 1, total)
        }
        guard expected.number == expected.total + 1 else { throw .corrupt("segments of the ICC profile are missing") }
        return describesRGB(profile) ? profile : nil
    }

    /// The header's signature "acsp" at 36 and data colour space "RGB " at 16 (ICC.1, section 7.2).
    private static func describesRGB(_ profile: [UInt8]) -> Bool {
        profile.count >= headerBytes && profile[36..<40].elementsEqual("acsp".utf8)
            && profile[16..<20].elementsEqual("RGB ".utf8)
    }
}
