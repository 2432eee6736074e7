import Images
import TestSupport
import Testing

@Suite("Encoding")
struct ImageEncodingTests {
    private var limits: ImageLimits {
        var limits = ImageLimits()
        limits.shortestSide = 1
        return limits
    }

    @Test("a PNG gives back every pixel, its alpha and its profile", arguments: [false, true])
    func pngRoundTrip(hasAlpha: Bool) throws {
        var generator = SeededGenerator(seed: 1)
        for (width, height) in [(1, 1), (8, 8), (37, 53), (300, 2), (1, 40)] {
            var picture = Picture.noise(width: width, height: height, hasAlpha: hasAlpha, using: &generator)
            picture.colour.profile = sampleColourProfile()
            #expect(try ImageDecoder.decode(ImageEncoder.png(picture), limits: limits) == picture)
        }
    }

    @Test("metadata is left out unless it is asked for", arguments: [ImageFormat.png, .jpeg])
    func metadata(format: ImageFormat) throws {
        var picture = Picture.sample(width: 24, height: 16)
        picture.metadata.exif = sampleExif(orientation: 1, padding: 40)
        picture.colour.profile = sampleColourProfile(bytes: 70_000)
        func encoded(keepsMetadata: Bool) throws -> Picture {
            try ImageDecoder.decode(
                format == .png
                    ? ImageEncoder.png(picture, keepsMetadata: keepsMetadata)
                    : ImageEncoder.jpeg(picture, keepsMetadata: keepsMetadata))
        }
        #expect(try encoded(keepsMetadata: false).metadata.exif == nil)
        #expect(try encoded(keepsMetadata: true).metadata.exif == picture.metadata.exif)
        #expect(try encoded(keepsMetadata: false).colour.profile == picture.colour.profile)
    }

    @Test("a better quality is closer and larger")
    func quality() throws {
        var generator = SeededGenerator(seed: 2)
        var picture = Picture.sample(width: 64, height: 48)
        for index in picture.pixels.indices {
            let noise = Int.random(in: -9...9, using: &generator)
            picture.pixels[index] = UInt8(clamping: Int(picture.pixels[index]) + noise)
        }
        var previous = (bytes: 0, decibels: 0.0)
        for quality in [1, 30, 60, 90, 100] {
            let file = try ImageEncoder.jpeg(picture, options: .init(quality: quality))
            let decibels = try PictureComparison(ImageDecoder.decode(file), picture).psnr()
            #expect(file.count > previous.bytes && decibels > previous.decibels)
            previous = (file.count, decibels)
        }
        #expect(previous.decibels > 40)
        for quality in [0, 101, -1, Int.max] {
            #expect(throws: ImageError.self) { try ImageEncoder.jpeg(picture, options: .init(quality: quality)) }
        }
    }

    @Test("a progressive and a half-colour JPEG show the same picture", arguments: [false, true], [false, true])
    func options(halvesColour: Bool, isProgressive: Bool) throws {
        let picture = Picture.sample(width: 64, height: 48)
        let options = ImageEncoder.JPEGOptions(halvesColour: halvesColour, isProgressive: isProgressive)
        let file = try ImageEncoder.jpeg(picture, options: options)
        #expect(try ImageHeader.read(file).isMultiPass == isProgressive)
        #expect(try PictureComparison(ImageDecoder.decode(file), picture).psnr() > 33)
    }

    @Test("what is transparent turns white in a JPEG")
    func flattening() throws {
        let clear = Picture(
            width: 16, height: 8, pixels: [UInt8](repeating: 100, count: 16 * 8 * 3),
            alpha: [UInt8](repeating: 0, count: 64) + [UInt8](repeating: 255, count: 64))
        let shown = try ImageDecoder.decode(ImageEncoder.jpeg(clear, options: .init(quality: 100)))
        #expect(shown.alpha == nil)
        #expect(shown.pixels.prefix(16 * 3 * 4).allSatisfy { $0 >= 250 })
        #expect(shown.pixels.suffix(16 * 3 * 4).allSatisfy { 95...105 ~= $0 })
    }

    @Test("a picture that a format cannot hold is an error")
    func impossible() throws {
        #expect(throws: ImageError.self) { try ImageEncoder.png(Picture(width: 0, height: 0, pixels: [])) }
        #expect(throws: ImageError.self) { try ImageEncoder.jpeg(Picture(width: 0, height: 9, pixels: [])) }
        let long = Picture(width: 65_501, height: 1, pixels: [UInt8](repeating: 9, count: 65_501 * 3))
        #expect(throws: ImageError.self) { try ImageEncoder.jpeg(long) }
        #expect(try ImageEncoder.png(long).count > 8)
    }

    @Test("decoding and encoding stop when asked to", arguments: [ImageFormat.png, .jpeg])
    func cancellation(format: ImageFormat) throws {
        let picture = Picture.sample(width: 64, height: 640)
        let file = try format == .png ? ImageEncoder.png(picture) : ImageEncoder.jpeg(picture)
        let progressive = try ImageEncoder.jpeg(picture, options: .init(isProgressive: true))
        for bytes in [file, progressive] {
            var asked = 0
            #expect(throws: ImageError.cancelled) {
                try ImageDecoder.decode(bytes) {
                    asked += 1
                    return asked < 3
                }
            }
            #expect(asked == 3)
        }
        #expect(throws: ImageError.cancelled) { try ImageEncoder.png(picture) { false } }
        #expect(throws: ImageError.cancelled) { try ImageEncoder.jpeg(picture) { false } }
    }
}
