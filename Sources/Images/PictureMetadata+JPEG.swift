/// Metadata in the segments of a JPEG.
extension PictureMetadata {
    private static let jfifSignature = Array("JFIF".utf8) + [0]
    private static let xmpSignature = Array("http://ns.adobe.com/xap/1.0/".utf8) + [0]
    private static let photoshopSignature = Array("Photoshop 3.0".utf8) + [0]

    /// Reads the segments before the first scan. What is broken, or longer than the limit, is left out.
    ///
    /// - Parameters:
    ///   - exif: the EXIF block that the header has.
    ///   - limit: bytes of each part.
    init(jpeg bytes: ByteView, exif block: ByteView?, limit: Int) {
        self.init()
        if let block, block.count <= limit { exif = ExifBlock.resettingOrientation(of: block) }
        var segments = JPEGSegments(bytes)
        while let segment = try? segments.next(), segment.marker != JPEGMarker.startOfScan,
            segment.marker != JPEGMarker.endOfImage
        {
            let payload = segment.payload
            func contents(_ signature: [UInt8]) -> ByteView? {
                payload.starts(with: signature) ? payload.slice(signature.count..<payload.count) : nil
            }
            switch segment.marker {
            case JPEGMarker.application0 where resolution == nil:
                resolution = contents(Self.jfifSignature).flatMap(Self.resolution(ofJFIF:))
            case JPEGMarker.exif where xmp == nil:
                guard let packet = contents(Self.xmpSignature), packet.count <= limit else { continue }
                xmp = XMPPacket.resettingOrientation(of: packet.array())
            case JPEGMarker.photoshop where iptc == nil:
                iptc = contents(Self.photoshopSignature).flatMap(PhotoshopResources.iptc(in:))
            default: break
            }
        }
    }

    /// The JFIF segment behind its signature: version, unit, and two numbers.
    private static func resolution(ofJFIF fields: ByteView) -> Resolution? {
        guard let unit = fields.byte(at: 2), let across = fields.bigEndian16(at: 3),
            let down = fields.bigEndian16(at: 5)
        else { return nil }
        let units: [Int: Resolution.Unit] = [0: .none, 1: .inch, 2: .centimetre]
        return units[unit].flatMap { Resolution(across: across, down: down, unit: $0) }
    }

    /// The segments, whole, but for the resolution, which the JFIF segment has. What doesn't fit into one is left out.
    func jpegSegments() -> [UInt8] {
        var segments: [UInt8] = []
        if let exif { segments += JPEGWriter.segment(JPEGMarker.exif, JPEGHeader.exifSignature + exif) }
        if let xmp { segments += JPEGWriter.segment(JPEGMarker.exif, Self.xmpSignature + xmp) }
        if let iptc {
            segments += JPEGWriter.segment(
                JPEGMarker.photoshop, Self.photoshopSignature + PhotoshopResources.block(iptc: iptc))
        }
        return segments
    }

    /// Unit and numbers of a JFIF segment; an aspect ratio of 1 where there is no resolution, or one that it can't hold.
    var jfifDensity: (unit: UInt8, across: UInt16, down: UInt16) {
        let none = (unit: UInt8(0), across: UInt16(1), down: UInt16(1))
        guard let resolution = resolution?.unit == .metre ? resolution?.converted(to: .inch) : resolution,
            let across = UInt16(exactly: resolution.across), let down = UInt16(exactly: resolution.down)
        else { return none }
        switch resolution.unit {
        case .none: return (0, across, down)
        case .inch: return (1, across, down)
        case .centimetre: return (2, across, down)
        case .metre: return none
        }
    }
}
