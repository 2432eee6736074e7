import CSystem

/// ICC profiles as the two formats carry them. One that can't be put together, or that describes other samples than the
/// file has, is dropped: no viewer shows such a picture any other way than without it.
enum ColourProfile {
    private static let headerBytes = 128
    private static let jpegSignature: [UInt8] = Array("ICC_PROFILE".utf8) + [0]
    private static let pngName = Array("ICC profile".utf8)
    private static let largestName = 79
    /// What a JPEG's segment holds of a profile at most, beside its signature and two numbers.
    private static let largestPart = 65_519

    /// The profile of an iCCP chunk (PNG section 11.3.2.3): a name, a zero, the compression method, a zlib stream.
    /// Expanded no further than the limit.
    ///
    /// - Parameter isGrey: whether the file's samples are grey.
    static func read(pngChunk chunk: ByteView, isGrey: Bool, limit: Int) -> [UInt8]? {
        guard let nameEnd = chunk.firstIndex(of: 0, from: 0), 1...largestName ~= nameEnd,
            chunk.byte(at: nameEnd + 1) == 0, let stream = chunk.slice(nameEnd + 2..<max(nameEnd + 2, chunk.count)),
            let profile = stream.inflated(limit: limit)
        else { return nil }
        return describes(profile, isGrey: isGrey) ? profile : nil
    }

    /// The contents of an iCCP chunk.
    ///
    /// Throws `outOfMemory`.
    static func pngChunk(_ profile: [UInt8]) throws(ImageError) -> [UInt8] {
        pngName + [0, 0] + (try PNGWriter.compressed(profile))
    }

    /// The profile of the APP2 segments before the first scan (ICC.1, annex B.4): each gives its number, from 1, and how
    /// many there are. They may come in any order, and again where that says nothing new.
    static func read(jpeg bytes: ByteView, isGrey: Bool, limit: Int) -> [UInt8]? {
        var segments = JPEGSegments(bytes)
        var parts: [Int: ByteView] = [:], total: Int?, count = 0
        while let segment = try? segments.next(), segment.marker != JPEGMarker.startOfScan,
            segment.marker != JPEGMarker.endOfImage
        {
            guard let part = part(segment) else { continue }
            guard 1...part.total ~= part.number, part.total == total ?? part.total else { return nil }
            total = part.total
            if let known = parts[part.number] {
                guard known.equals(part.bytes) else { return nil }
                continue
            }
            parts[part.number] = part.bytes
            count += part.bytes.count
            guard count <= limit else { return nil }
        }
        guard let total, parts.count == total else { return nil }
        let profile = (1...total).flatMap { parts[$0]?.array() ?? [] }
        return describes(profile, isGrey: isGrey) ? profile : nil
    }

    private static func part(_ segment: JPEGSegments.Segment) -> (number: Int, total: Int, bytes: ByteView)? {
        let start = jpegSignature.count
        guard segment.marker == JPEGMarker.colourProfile, segment.payload.starts(with: jpegSignature),
            let number = segment.payload.byte(at: start), let total = segment.payload.byte(at: start + 1), total > 0,
            let bytes = segment.payload.slice(start + 2..<segment.payload.count)
        else { return nil }
        return (number, total, bytes)
    }

    /// The segments that carry a profile in a JPEG; none where it needs more than there can be.
    static func jpegSegments(_ profile: [UInt8]) -> [UInt8] {
        let total = (profile.count + largestPart - 1) / largestPart
        guard 1...255 ~= total else { return [] }
        return (0..<total).flatMap { index in
            let part = profile[index * largestPart..<min((index + 1) * largestPart, profile.count)]
            return JPEGWriter.segment(
                JPEGMarker.colourProfile, jpegSignature + [UInt8(index + 1), UInt8(total)] + part)
        }
    }

    /// The header's signature "acsp" at 36 and data colour space at 16 (ICC.1, section 7.2). RGB may describe grey samples
    /// too, which are RGB with equal parts; grey describes nothing else.
    private static func describes(_ profile: [UInt8], isGrey: Bool) -> Bool {
        profile.count >= headerBytes && profile[36..<40].elementsEqual("acsp".utf8)
            && (profile[16..<20].elementsEqual("RGB ".utf8) || isGrey && Self.isGrey(profile))
    }

    /// Whether it is a profile of grey.
    static func isGrey(_ profile: [UInt8]) -> Bool {
        profile.count >= headerBytes && profile[16..<20].elementsEqual("GRAY".utf8)
    }
}

extension ByteView {
    /// What the zlib stream expands to; nil where it is broken or expands to more than the limit.
    func inflated(limit: Int) -> [UInt8]? {
        var status = INFLATION_CORRUPT
        let expanded = [UInt8](unsafeUninitializedCapacity: limit) { space, written in
            withBytes { bytes, length in
                guard let bytes, let output = space.baseAddress else { return }
                status = inflate_within(bytes, length, INFLATION_ZLIB, output, limit, &written)
            }
        }
        guard status == INFLATION_COMPLETE else { return nil }
        return expanded.withUnsafeBufferPointer(Array.init)  // a copy without the spare capacity
    }
}
