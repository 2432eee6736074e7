import Images

extension BrokenPictures {
    /// Marker of a baseline frame.
    private static let frame: UInt8 = 0xC0

    static func jpegHeaders() throws(ImageError) -> [BrokenPicture] {
        let sketch = JPEGSketch(try jpeg())
        func sized(_ width: Int, _ height: Int) -> [UInt8] {
            sketch.patching(frame, 5, with: [
                UInt8(height >> 8), UInt8(height & 0xFF), UInt8(width >> 8), UInt8(width & 0xFF),
            ])
        }
        func process(_ marker: UInt8) -> [UInt8] { sketch.patching(frame, 1, with: [marker]) }
        func components(_ count: Int, adobeTransform: UInt8? = nil) -> [UInt8] {
            let fields: [UInt8] = (1...count).flatMap { [UInt8($0), 0x11, 0] as [UInt8] }
            let size: [UInt8] = [8, 0, 40, 0, 48, UInt8(count)]
            let header = JPEGSketch.segment(frame, size + fields)
            let adobe = adobeTransform.map {
                JPEGSketch.segment(0xEE, Array("Adobe".utf8) + [0, 100, 0, 0, 0, 0, $0])
            }
            return JPEGSketch(sketch.removing(frame)).inserting((adobe ?? []) + header)
        }
        return [
            BrokenPicture("JPEG of 0 x 40", sized(0, 40), .malformed),
            BrokenPicture("JPEG of 48 x 0", sized(48, 0), .malformed),
            BrokenPicture("JPEG of 64250 x 64250", sized(64_250, 64_250), .unprocessable),
            BrokenPicture("JPEG of 16385 x 8", sized(16_385, 8), .unprocessable),
            BrokenPicture("JPEG of 7 x 40", sized(7, 40), .unprocessable),
            BrokenPicture("CMYK JPEG", components(4), .unprocessable),
            BrokenPicture("CMYK JPEG with an Adobe segment", components(4, adobeTransform: 0), .unprocessable),
            BrokenPicture("YCCK JPEG", components(4, adobeTransform: 2), .unprocessable),
            BrokenPicture("JPEG of two components", components(2), .unprocessable),
            BrokenPicture("12-bit JPEG", JPEGSketch(process(0xC1)).patching(0xC1, 4, with: [12]), .unprocessable),
            BrokenPicture("JPEG of 9 bits", sketch.patching(frame, 4, with: [9]), .malformed),
            BrokenPicture("arithmetic JPEG", process(0xC9), .unprocessable),
            BrokenPicture("progressive arithmetic JPEG", process(0xCA), .unprocessable),
            BrokenPicture("lossless JPEG", process(0xC3), .unprocessable),
            BrokenPicture("hierarchical JPEG", process(0xC5), .unprocessable),
            BrokenPicture("JPEG without a frame", sketch.removing(frame), .malformed),
            BrokenPicture("JPEG with a short frame header", sketch.patching(frame, 9, with: [9]), .malformed),
            BrokenPicture("JPEG with a segment of length 1", sketch.inserting([0xFF, 0xE5, 0, 1]), .malformed),
            BrokenPicture("JPEG that ends at once", [0xFF, 0xD8, 0xFF, 0xD9], .malformed),
            BrokenPicture("JPEG magic and zeros", [0xFF, 0xD8, 0xFF] + [UInt8](repeating: 0, count: 300), .malformed),
            BrokenPicture("JPEG of 0xFF alone", [0xFF, 0xD8] + [UInt8](repeating: 0xFF, count: 300), .malformed),
        ]
    }

    static func jpegBodies() throws(ImageError) -> [BrokenPicture] {
        let file = try jpeg(), sketch = JPEGSketch(file)
        let body = file.dropLast(2)
        let scan = sketch.offset(of: 0xDA) ?? 0
        let tables = sketch.offset(of: 0xDB) ?? 0
        let noTables = (0..<4).reduce(file) { bytes, _ in JPEGSketch(bytes).removing(0xC4) }
        let middle = scan + (file.count - scan) / 2
        let header = Array(file[scan..<scan + 14])  // the scan header of three components
        let profile = JPEGSketch.profile(sampleColourProfile(), parts: 3)
        let longProfile = JPEGSketch.profile(sampleColourProfile(bytes: (4 << 20) + 1), parts: 80)
        let malformed: [(String, [UInt8])] = [
            ("no end of image", Array(body)),
            ("no scan", Array(file[..<scan]) + [0xFF, 0xD9]),
            ("an empty scan", Array(file[..<scan]) + header + [0xFF, 0xD9]),
            ("an end of image inside its scan", Array(file[..<middle]) + [0xFF, 0xD9]),
            ("a restart marker inside its scan", Array(file[..<middle]) + [0xFF, 0xD3] + file[middle...]),
            ("half its scan cut out", Array(file[..<(scan + 14)]) + file[middle...]),
            ("no quantisation tables", JPEGSketch(sketch.removing(0xDB)).removing(0xDB)),
            ("two starts of image", sketch.inserting([0xFF, 0xD8])),
            ("two frames", sketch.inserting(Array(file[(sketch.offset(of: 0xC0) ?? 0)...].prefix(19)))),
        ]
        return malformed.map { BrokenPicture("JPEG with \($0.0)", $0.1, .malformed) } + [
            BrokenPicture(
                "JPEG with an ICC profile over 4 MiB", sketch.inserting(longProfile.flatMap { $0 }), nil),
            BrokenPicture(
                "JPEG with an ICC profile out of order", sketch.inserting(profile[1] + profile[0] + profile[2]), nil),
            BrokenPicture("JPEG with part of an ICC profile", sketch.inserting(profile[0] + profile[1]), nil),
            BrokenPicture(
                "JPEG with an ICC segment twice", sketch.inserting(profile[0] + profile[0] + profile[1] + profile[2]), nil),
            BrokenPicture("JPEG with a profile in three parts", sketch.inserting(profile.flatMap { $0 }), nil),
            BrokenPicture("JPEG with trailing data", file + Array("and more".utf8), nil),
            BrokenPicture("JPEG with stray bytes before a marker", file[..<tables] + [1, 2, 3] + file[tables...], nil),
            BrokenPicture(
                "JPEG with a broken EXIF block", sketch.inserting(JPEGSketch.exif([0x4D, 0x4D, 0, 42, 0xFF])), nil),
            // As in motion JPEG: libjpeg then takes the standard tables, which are the ones that were removed.
            BrokenPicture("JPEG without Huffman tables", noTables, nil),
        ]
    }

    static func jpegScans() throws(ImageError) -> [BrokenPicture] {
        let sketch = JPEGSketch(try jpeg(isProgressive: true))
        return [
            BrokenPicture("JPEG of 1,000 scans", sketch.repeatingLastScan(1_000), .unprocessable),
            BrokenPicture("JPEG of 80,000 scans", sketch.repeatingLastScan(80_000), .unprocessable),
            BrokenPicture("JPEG with a refinement scan twice", sketch.repeatingLastScan(2), .malformed),
        ]
    }
}
