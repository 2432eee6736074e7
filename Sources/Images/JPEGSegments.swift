/// The markers of a JPEG that matter here (ITU-T T.81, table B.1).
enum JPEGMarker {
    static let startOfImage = 0xD8
    static let endOfImage = 0xD9
    static let startOfScan = 0xDA
    static let application0 = 0xE0  // JFIF
    static let photoshop = 0xED
    static let application15 = 0xEF
    static let comment = 0xFE
    static let define = 0xC4  // Huffman tables
    static let extensions = 0xC8
    static let arithmeticConditioning = 0xCC
    static let exif = 0xE1
    static let colourProfile = 0xE2
    static let adobe = 0xEE

    /// A start of frame is any of C0...CF but the three that define something else.
    static func isFrame(_ marker: Int) -> Bool {
        0xC0...0xCF ~= marker && marker != define && marker != extensions && marker != arithmeticConditioning
    }

    /// Markers without a length and payload: TEM and the restart markers.
    static func standsAlone(_ marker: Int) -> Bool { marker == 0x01 || 0xD0...0xD7 ~= marker }
}

/// Goes through a JPEG from marker to marker without decoding anything. Like libjpeg it steps over stray bytes
/// before a marker.
struct JPEGSegments {
    struct Segment {
        let marker: Int
        let payload: ByteView
        /// The whole of it in the file: marker, length and payload.
        let place: Range<Int>
    }

    private let bytes: ByteView
    private var offset = 2  // behind the start of image

    init(_ bytes: ByteView) { self.bytes = bytes }

    /// The next segment; the end of image comes as one with an empty payload. Throws `truncated` where the data ends
    /// first, and `corrupt` where a segment's length is impossible.
    mutating func next() throws(ImageError) -> Segment {
        while true {
            guard let marker = nextMarker(), let nothing = bytes.slice(0..<0) else { throw .truncated }
            if JPEGMarker.standsAlone(marker) { continue }
            let start = offset - 2
            if marker == JPEGMarker.endOfImage { return Segment(marker: marker, payload: nothing, place: start..<offset) }
            if marker == JPEGMarker.startOfImage { throw .corrupt("a second start of image") }
            guard let length = bytes.bigEndian16(at: offset) else { throw .truncated }
            guard length >= 2 else { throw .corrupt("a segment of \(length) bytes") }
            guard let payload = bytes.slice(offset + 2..<offset + length) else { throw .truncated }
            offset += length
            return Segment(marker: marker, payload: payload, place: start..<offset)
        }
    }

    /// Finds 0xFF followed by neither another (fill) nor a zero (a stuffed byte of coded data).
    private mutating func nextMarker() -> Int? {
        while let start = bytes.firstIndex(of: 0xFF, from: offset) {
            offset = start + 1
            while let code = bytes.byte(at: offset) {
                offset += 1
                if code == 0xFF { continue }
                if code == 0 { break }
                return code
            }
        }
        return nil
    }
}
