import Foundation
import Images
import TestSupport
import Testing

/// The error that a file ends in; nil for a picture.
func outcome(_ broken: BrokenPicture) -> ImageError? {
    do throws(ImageError) {
        _ = try ImageDecoder.decode(broken.bytes, declared: broken.declared)
        return nil
    } catch {
        return error
    }
}

@Suite("Broken pictures")
struct BrokenPictureTests {
    @Test("each is refused for the right reason, never half grey")
    func corpus() {
        let all = BrokenPictures.all()
        #expect(all.count > 100)
        #expect(Set(all.map(\.name)).count == all.count)
        for broken in all {
            let error = outcome(broken)
            #expect(error?.kind == broken.expected, "\(broken.name): \(error?.description ?? "a picture")")
        }
    }

    @Test("each unsupported kind is named")
    func names() {
        let named = Dictionary(uniqueKeysWithValues: BrokenPictures.all().map { ($0.name, $0) })
        let expected: [(String, UnsupportedPicture)] = [
            ("CMYK JPEG", .cmyk), ("YCCK JPEG", .ycck), ("12-bit JPEG", .twelveBit),
            ("arithmetic JPEG", .arithmeticCoding), ("lossless JPEG", .lossless), ("hierarchical JPEG", .hierarchical),
            ("JPEG of two components", .unusualComponents),
        ]
        for (name, kind) in expected {
            #expect(named[name].flatMap(outcome) == .unsupported(kind), "\(name)")
        }
    }

    @Test("checks come in their order: format, declaration, header, size, kind, soundness")
    func order() throws {
        let huge = PNGSketch(width: 64_250, height: 64_250)
        var header = PNGSketch.signature + huge.header()
        header[header.count - 1] ^= 1
        #expect(throws: ImageError.formatMismatch(declared: .jpeg, found: .png)) {
            try ImageDecoder.decode(header, declared: .jpeg)
        }
        #expect(throws: ImageError.sideTooLong(width: 64_250, height: 64_250, limit: 16_384)) {
            try ImageDecoder.decode(header)
        }
        let cmyk = try TestFiles.fixture("cmyk.jpg")
        #expect(throws: ImageError.unsupported(.cmyk)) { try ImageDecoder.decode(Array(cmyk.dropLast(100))) }
        var limits = ImageLimits()
        limits.shortestSide = 46
        #expect(throws: ImageError.sideTooShort(width: 61, height: 45, limit: 46)) {
            try ImageDecoder.decode(cmyk, limits: limits)
        }
    }

    @Test("size limits hold to the pixel, after turning")
    func sizeLimits() throws {
        let file = PNGSketch(width: 30, height: 20).encoded()
        let cases: [(WritableKeyPath<ImageLimits, Int>, Int, Int, ImageError)] = [
            (\.pixels, 600, -1, .tooManyPixels(width: 30, height: 20, limit: 599)),
            (\.longestSide, 30, -1, .sideTooLong(width: 30, height: 20, limit: 29)),
            (\.shortestSide, 20, 1, .sideTooShort(width: 30, height: 20, limit: 21)),
        ]
        for (limit, value, step, error) in cases {
            var limits = ImageLimits()
            limits[keyPath: limit] = value
            #expect(try ImageDecoder.decode(file, limits: limits).width == 30)
            limits[keyPath: limit] = value + step
            #expect(throws: error) { try ImageDecoder.decode(file, limits: limits) }
        }
        let defaults = ImageLimits()
        #expect(defaults.pixels == 50_000_000 && defaults.longestSide == 16_384 && defaults.shortestSide == 8)
        #expect(defaults.colourProfileBytes == 4_194_304 && defaults.metadataBytes == 1_048_576)
        #expect(defaults.jpegScans == 500)
    }

    @Test("bytes may come from any collection")
    func collections() throws {
        let file = try ImageEncoder.png(.sample(width: 12, height: 9))
        let padded = [0, 0] + file + [0]
        let whole = try ImageDecoder.decode(file)
        #expect(try ImageDecoder.decode(padded[2...]) == whole)
        #expect(try ImageDecoder.decode(Data(file)) == whole)
        #expect(try ImageDecoder.decode(Array(file.reversed()).reversed() as ReversedCollection<[UInt8]>) == whole)
        #expect(ImageFormat.sniff(padded[2...]) == .png && ImageFormat(mediaType: "image/jpeg") == .jpeg)
        #expect(ImageFormat(mediaType: "image/gif") == nil && ImageFormat.sniff([]) == nil)
    }
}
