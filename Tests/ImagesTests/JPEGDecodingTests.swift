import Images
import TestSupport
import Testing

@Suite("JPEG decoding")
struct JPEGDecodingTests {
    private func jpeg(_ width: Int = 53, _ height: Int = 37, isProgressive: Bool = false) throws -> [UInt8] {
        try ImageEncoder.jpeg(
            .sample(width: width, height: height), options: .init(quality: 95, isProgressive: isProgressive))
    }

    @Test("files of other writers decode close to their source", arguments: [
        ("progressive-420.jpg", 30.0), ("restart-422.jpg", 30.0), ("rgb.jpg", 38.0),
    ])
    func otherWriters(name: String, decibels: Double) throws {
        let picture = try ImageDecoder.decode(TestFiles.fixture(name))
        let psnr = try PictureComparison(picture, .sample(width: 61, height: 45)).psnr()
        #expect(psnr > decibels, "\(name): \(psnr) dB")
    }

    @Test("a grey JPEG becomes RGB with equal channels")
    func grey() throws {
        let bytes = try TestFiles.fixture("grey.jpg")
        let picture = try ImageDecoder.decode(bytes)
        #expect(try ImageHeader.read(bytes).components == 1)
        let source = Picture.sample(width: 61, height: 45)
        for index in 0..<61 * 45 {
            let expected = (Int(source.pixels[3 * index]) + Int(source.pixels[3 * index + 1])) / 2
            #expect(abs(Int(picture.pixels[3 * index]) - expected) < 16)
            #expect(Set(picture.pixels[3 * index..<3 * index + 3]).count == 1)
        }
    }

    @Test("CMYK and arithmetic files of other writers are refused by name")
    func refused() throws {
        #expect(throws: ImageError.unsupported(.cmyk)) { try ImageDecoder.decode(TestFiles.fixture("cmyk.jpg")) }
        #expect(throws: ImageError.unsupported(.arithmeticCoding)) {
            try ImageDecoder.decode(TestFiles.fixture("arithmetic.jpg"))
        }
    }

    @Test("each EXIF orientation turns the pixels and is reset", arguments: Orientation.allCases, [false, true])
    func orientations(orientation: Orientation, isBigEndian: Bool) throws {
        for isProgressive in [false, true] {
            let plain = try jpeg(isProgressive: isProgressive)
            let block = sampleExif(orientation: orientation.rawValue, isBigEndian: isBigEndian)
            let file = JPEGSketch(plain).inserting(JPEGSketch.exif(block))
            let picture = try ImageDecoder.decode(file)
            let expected = turned(try ImageDecoder.decode(plain), orientation)
            #expect(picture.pixels == expected.pixels)
            #expect(picture.width == expected.width && picture.height == expected.height)
            #expect(picture.metadata.exif == sampleExif(orientation: 1, isBigEndian: isBigEndian))
            let header = try ImageHeader.read(file)
            #expect(header.orientation == orientation && header.width == picture.width)
            #expect(header.storedWidth == 53 && header.isMultiPass == isProgressive)
        }
    }

    @Test("an EXIF block without a usable orientation leaves the picture as stored", arguments: [
        sampleExif(orientation: 0), sampleExif(orientation: 9), sampleExif(orientation: 65_535),
        Array(sampleExif(orientation: 6).prefix(30)), Array(sampleExif(orientation: 6).prefix(9)),
        [0x4D, 0x4D, 0, 42, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2], [0x4D, 0x4D, 0, 42, 0x7F, 0xFF, 0xFF, 0xFF],
        [0x49, 0x49, 42, 0, 8, 0, 0, 0, 0xFF, 0xFF], [1, 2, 3, 4, 5, 6, 7, 8], [],
    ])
    func brokenExif(block: [UInt8]) throws {
        let plain = try jpeg()
        let picture = try ImageDecoder.decode(JPEGSketch(plain).inserting(JPEGSketch.exif(block)))
        let expected = try ImageDecoder.decode(plain)
        #expect(picture.pixels == expected.pixels)
    }

    @Test("a profile comes back whole, however it is cut", arguments: [1, 2, 7, 255])
    func profiles(parts: Int) throws {
        let profile = sampleColourProfile(bytes: 5000)
        let file = JPEGSketch(try jpeg()).inserting(JPEGSketch.profile(profile, parts: parts).flatMap { $0 })
        #expect(try ImageDecoder.decode(file).colour.profile == profile)
    }

    /// libjpeg-turbo has a faster loop for where enough bytes lie ahead, whether or not they are the picture's.
    @Test("what follows a damaged JPEG changes neither its picture nor its refusal", arguments: [
        // More ones than any code has; a fill byte before a stuffed zero; a zero byte; another restart marker.
        [0xFF, 0x00, 0xFF, 0x00, 0xFF, 0x00], [0xFF, 0xFF, 0x00], [0x00, 0x00], [0xFF, 0xD3],
    ] as [[UInt8]])
    func followed(damage: [UInt8]) throws {
        let sound = try jpeg(64, 48)
        let scan = try #require(sound.firstRange(of: [0xFF, 0xDA])).upperBound + 12
        var refused = 0
        for place in stride(from: scan, to: sound.count - 2 - damage.count, by: 3) {
            var bytes = sound
            bytes.replaceSubrange(place..<place + damage.count, with: damage)
            let alone = Result { () throws(ImageError) in try ImageDecoder.decode(bytes) }
            bytes += [UInt8](repeating: 0, count: 4096)
            let followed = Result { () throws(ImageError) in try ImageDecoder.decode(bytes) }
            #expect(alone == followed, "damaged at \(place) of \(sound.count)")
            if case .failure = alone { refused += 1 }
        }
        #expect(refused > 0)
    }

    @Test("a code that no table has is an error wherever it stands")
    func badCodes() throws {
        let sound = try jpeg(64, 48)
        let scan = try #require(sound.firstRange(of: [0xFF, 0xDA])).upperBound + 12
        let ones: [UInt8] = [0xFF, 0x00, 0xFF, 0x00, 0xFF, 0x00, 0xFF, 0x00, 0xFF, 0x00]
        for place in stride(from: scan, to: sound.count - 2 - ones.count, by: 5) {
            var bytes = sound
            bytes.replaceSubrange(place..<place + ones.count, with: ones)
            #expect(throws: ImageError.self, "damaged at \(place)") { try ImageDecoder.decode(bytes) }
        }
    }

    @Test("the metadata and profile limits hold to the byte, and what is past them goes without the picture")
    func metadataLimits() throws {
        var limits = ImageLimits()
        let block = sampleExif(orientation: 3, padding: 100), profile = sampleColourProfile(bytes: 500)
        let segments = JPEGSketch.exif(block) + JPEGSketch.profile(profile, parts: 2).flatMap { $0 }
        let file = JPEGSketch(try jpeg()).inserting(segments)
        (limits.metadataBytes, limits.colourProfileBytes) = (block.count, profile.count)
        let whole = try ImageDecoder.decode(file, limits: limits)
        #expect(whole.metadata.exif?.count == block.count && whole.colour.profile == profile)
        (limits.metadataBytes, limits.colourProfileBytes) = (block.count - 1, profile.count - 1)
        let bare = try ImageDecoder.decode(file, limits: limits)
        #expect(bare.metadata.exif == nil && bare.colour.profile == nil)
        #expect(bare.pixels == whole.pixels)
    }

    @Test("the scan limit holds to the scan")
    func scanLimit() throws {
        let file = try jpeg(isProgressive: true)
        let scans = file.indices.dropLast().count { file[$0] == 0xFF && file[$0 + 1] == 0xDA }
        var limits = ImageLimits()
        limits.jpegScans = scans
        #expect(scans > 1)
        #expect(try ImageDecoder.decode(file, limits: limits).width == 53)
        limits.jpegScans = scans - 1
        #expect(throws: ImageError.overLimit(.jpegScans, limit: scans - 1)) {
            try ImageDecoder.decode(file, limits: limits)
        }
    }

    @Test("the coefficients count wherever libjpeg keeps them: not where the first scan has all components")
    func coefficients() throws {
        func bytesPerPixel(_ file: [UInt8]) throws -> Int { try ImageHeader.read(file).decodingBytes / (53 * 37) }
        let file = try jpeg()
        let scan = try #require(JPEGSketch(file).offset(of: 0xDA))
        let oneComponent = JPEGSketch.segment(0xDA, [1, 1, 0, 0, 63, 0])
        #expect(try bytesPerPixel(file) == 4)
        #expect(try bytesPerPixel(Array(file[..<scan]) + oneComponent + file[(scan + 14)...]) == 10)
        #expect(try bytesPerPixel(Array(file[..<scan])) == 10)
        #expect(try bytesPerPixel(jpeg(isProgressive: true)) == 10)
        #expect(try ImageHeader.read(TestFiles.fixture("grey.jpg")).decodingBytes == 4 * 61 * 45)
    }

    @Test("libjpeg's memory follows the picture's size: a progressive one of more than 67 megapixels where they are allowed")
    func manyPixels() throws {
        // 3 x 2 bytes a pixel for its coefficients are more than 384 MiB.
        let (width, height) = (8_400, 8_200)
        let pixels = [UInt8](unsafeUninitializedCapacity: width * height * 3) { bytes, count in
            bytes.initialize(repeating: 90)
            count = bytes.count
        }
        let file = try ImageEncoder.jpeg(
            Picture(width: width, height: height, pixels: pixels), options: .init(isProgressive: true))
        var limits = ImageLimits()
        limits.pixels = width * height
        let decoded = try ImageDecoder.decode(file, limits: limits)
        #expect((decoded.width, decoded.height, decoded.pixels.last) == (width, height, 90))
    }

    @Test("the longest side that JPEG has is read and written in both formats", arguments: [true, false], ImageFormat.allCases)
    func longestSide(isWide: Bool, format: ImageFormat) throws {
        let (width, height) = isWide ? (ImageEncoder.longestJPEGSide, 8) : (8, ImageEncoder.longestJPEGSide)
        var limits = ImageLimits()
        limits.longestSide = ImageEncoder.longestJPEGSide
        let picture = Picture(width: width, height: height, pixels: [UInt8](repeating: 90, count: width * height * 3))
        let file = switch format {
        case .png: try ImageEncoder.png(picture)
        case .jpeg: try ImageEncoder.jpeg(picture, options: .init(isProgressive: true))
        }
        #expect(try ImageDecoder.decode(file, limits: limits) == picture)
    }
}
