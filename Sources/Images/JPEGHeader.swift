/// What a JPEG says before its first scan, and the order of its scans after it.
struct JPEGHeader {
    let width: Int
    let height: Int
    let precision: Int
    let componentIdentifiers: [Int]
    let isProgressive: Bool
    /// Whether libjpeg keeps the coefficients of the whole picture: where it is progressive, or its first scan has not
    /// all components. Said as well where no scan has come yet.
    let keepsCoefficients: Bool
    let exif: ByteView?
    let unsupported: UnsupportedPicture?

    static let exifSignature: [UInt8] = Array("Exif".utf8) + [0, 0]

    /// Reads up to the start of frame. Whatever goes wrong on the way is a broken header.
    init(_ bytes: ByteView) throws(ImageError) {
        var segments = JPEGSegments(bytes)
        var exif: ByteView?
        var adobeTransform: Int?
        while true {
            let segment = try Self.headerSegment(&segments)
            switch segment.marker {
            case JPEGMarker.exif where exif == nil && segment.payload.starts(with: Self.exifSignature):
                exif = segment.payload.slice(Self.exifSignature.count..<segment.payload.count)
            case JPEGMarker.adobe where segment.payload.starts(with: Array("Adobe".utf8)):
                adobeTransform = segment.payload.byte(at: 11)
            case JPEGMarker.endOfImage, JPEGMarker.startOfScan:
                throw .brokenHeader("no frame before the \(segment.marker == 0xDA ? "first scan" : "end of image")")
            case let marker where JPEGMarker.isFrame(marker):
                try self.init(
                    frame: segment.payload, marker: marker, firstScan: Self.firstScan(segments),
                    adobeTransform: adobeTransform, exif: exif)
                return
            default: break
            }
        }
    }

    /// The header of the first scan behind a frame; nil where there is none.
    private static func firstScan(_ segments: JPEGSegments) -> ByteView? {
        var segments = segments
        while let segment = try? segments.next(), segment.marker != JPEGMarker.endOfImage {
            if segment.marker == JPEGMarker.startOfScan { return segment.payload }
        }
        return nil
    }

    private static func headerSegment(_ segments: inout JPEGSegments) throws(ImageError) -> JPEGSegments.Segment {
        do {
            return try segments.next()
        } catch {
            throw .brokenHeader(error == .truncated ? "the file ends before the size" : error.description)
        }
    }

    /// The frame header (T.81, B.2.2): precision, lines, samples a line, and three bytes a component.
    private init(
        frame: ByteView, marker: Int, firstScan: ByteView?, adobeTransform: Int?, exif: ByteView?
    ) throws(ImageError) {
        guard let precision = frame.byte(at: 0), let height = frame.bigEndian16(at: 1),
            let width = frame.bigEndian16(at: 3), let components = frame.byte(at: 5),
            frame.count == 6 + 3 * components
        else { throw .brokenHeader("the frame header has \(frame.count) bytes") }
        guard width > 0, height > 0 else { throw .brokenHeader("a side is 0: \(width) x \(height)") }
        guard components > 0 else { throw .brokenHeader("no components") }
        let process = marker & 3, isArithmetic = marker & 8 != 0, isHierarchical = marker & 4 != 0
        let isLossless = process == 3
        guard isLossless ? 2...16 ~= precision : precision == 8 || precision == 12 else {
            throw .brokenHeader("\(precision) bits a sample")
        }
        (self.width, self.height, self.precision, self.exif) = (width, height, precision, exif)
        componentIdentifiers = (0..<components).compactMap { frame.byte(at: 6 + 3 * $0) }
        isProgressive = process == 2
        keepsCoefficients = process == 2 || firstScan?.byte(at: 0) != components
        unsupported =
            if isLossless { .lossless }
            else if isHierarchical { .hierarchical }
            else if isArithmetic { .arithmeticCoding }
            else if precision == 12 { .twelveBit }
            else if components == 4 { adobeTransform == 2 ? .ycck : .cmyk }
            else if components != 1 && components != 3 { .unusualComponents }
            else { nil }
    }

    /// Goes through the whole file: every scan is counted before any is decoded, the end must be there, and each
    /// component must appear in some scan, since libjpeg would leave it grey without a word.
    func checkScans(_ bytes: ByteView, limit: Int) throws(ImageError) {
        var segments = JPEGSegments(bytes)
        var missing = Set(componentIdentifiers)
        var scans = 0
        while true {
            let segment = try segments.next()
            if segment.marker == JPEGMarker.endOfImage { break }
            guard segment.marker == JPEGMarker.startOfScan else { continue }
            scans += 1
            guard scans <= limit else { throw .overLimit(.jpegScans, limit: limit) }
            missing.subtract(componentsBegun(by: segment.payload))
        }
        guard scans > 0 else { throw .corrupt("no scan") }
        guard missing.isEmpty else { throw .corrupt("no scan of component \(missing.min() ?? 0)") }
    }

    /// The components whose first coefficients a scan header (T.81, B.2.3) carries. A scan that isn't progressive has all
    /// of them, whatever its spectral fields say.
    private func componentsBegun(by scan: ByteView) -> [Int] {
        guard let components = scan.byte(at: 0), let firstCoefficient = scan.byte(at: 1 + 2 * components),
            firstCoefficient == 0 || !isProgressive
        else { return [] }
        return (0..<components).compactMap { scan.byte(at: 1 + 2 * $0) }
    }
}
