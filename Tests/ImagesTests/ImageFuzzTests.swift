import FuzzChecks
import Images
import TestSupport
import Testing

@Suite("Random damage")
struct ImageFuzzTests {
    private func seeds() throws -> [[UInt8]] {
        let sample = Picture.sample(width: 24, height: 18)
        var rich = Picture.sample(width: 20, height: 12, hasAlpha: true)
        rich.colour.profile = sampleColourProfile()
        rich.metadata.exif = sampleExif(orientation: 1)
        var palette = PNGSketch(width: 12, height: 12, bitDepth: 2, colourType: 3, isInterlaced: true) { x, y, _ in
            (x + y) % 4
        }
        palette.palette = [[1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12]]
        palette.transparency = [3]
        let exif = JPEGSketch.exif(sampleExif(orientation: 6))
        return [
            try ImageEncoder.png(rich, keepsMetadata: true), palette.encoded(),
            PNGSketch(width: 16, height: 10, bitDepth: 16, colourType: 6).encoded(),
            JPEGSketch(try ImageEncoder.jpeg(rich, options: .init(halvesColour: true))).inserting(exif),
            try ImageEncoder.jpeg(sample, options: .init(isProgressive: true)),
            try TestFiles.fixture("restart-422.jpg"), try TestFiles.fixture("grey.jpg"),
        ]
    }

    /// Changes, cuts, doubles or swaps a few bytes.
    private func damaged(_ bytes: [UInt8], using generator: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &generator) where bytes.count > 2 {
            let place = Int.random(in: 0..<bytes.count, using: &generator)
            let length = min(Int.random(in: 1...8, using: &generator), bytes.count - place)
            switch Int.random(in: 0..<6, using: &generator) {
            case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 1: bytes[place] = [0, 0xFF, 0x7F, 0x80, 1].randomElement(using: &generator) ?? 0
            case 2: bytes[place] = UInt8.random(in: 0...255, using: &generator)
            case 3: bytes.removeSubrange(place..<place + length)
            case 4: bytes.insert(contentsOf: bytes[place..<place + length], at: place)
            default: bytes.removeSubrange(place...)
            }
        }
        return bytes
    }

    @Test("thousands of damaged files end in a picture or a typed error")
    func mutations() throws {
        var generator = SeededGenerator(seed: 0x5EED)
        let seeds = try seeds()
        var pictures = 0, errors = 0
        for round in 0..<6000 {
            let seed = seeds[round % seeds.count]
            var bytes = damaged(seed, using: &generator)
            if seed.starts(with: PNGSketch.signature), Bool.random(using: &generator) { bytes = PictureChecks.resummed(bytes) }
            switch try PictureChecks.decode(bytes) {
            case .success: pictures += 1
            case .failure(let error):
                errors += 1
                #expect(error.kind != .internalFailure && error != .cancelled)
            }
        }
        #expect(pictures > 100 && errors > 2000, "\(pictures) pictures, \(errors) errors")
    }

    /// Colours that are converted, and metadata of every kind.
    private func describedSeeds() throws -> [[UInt8]] {
        var picture = Picture.sample(width: 16, height: 16)
        picture.metadata.exif = sampleExif(orientation: 1)
        picture.metadata.xmp = Array("<x:xmpmeta tiff:Orientation=\"3\"/>".utf8)
        picture.metadata.iptc = [0x1C, 2, 120, 0, 1, 65]
        var seeds: [[UInt8]] = []
        for sketch in [ColourProfileSketch.displayP3, .proPhoto, .grey(gamma: 1)] {
            picture.colour = ColourDescription(profile: sketch.encoded())
            if sketch.colorants.isEmpty { picture.pixels = [UInt8](repeating: 60, count: picture.pixels.count) }
            seeds += [
                try ImageEncoder.png(picture, keepsMetadata: true),
                try ImageEncoder.jpeg(picture, options: .init(halvesColour: true), keepsMetadata: true),
            ]
        }
        var points = PNGSketch(width: 16, height: 16)
        points.ancillary = PNGSketch.chunk("cICP", [9, 16, 0, 1]) + PNGSketch.chunk("gAMA", bigEndian32(100_000))
        return seeds + [points.encoded()]
    }

    @Test("damage to colours and metadata keeps every promise of the fuzzer")
    func describedMutations() throws {
        var generator = SeededGenerator(seed: 22)
        let seeds = try describedSeeds()
        for round in 0..<700 {
            let seed = seeds[round % seeds.count]
            let entry: FuzzEntry = seed.starts(with: PNGSketch.signature) ? .png : .jpeg
            let bytes = damaged(seed, using: &generator)
            #expect(throws: Never.self, "round \(round)") { try entry.check(bytes) }
        }
    }

    @Test("what decodes survives encoding")
    func roundTrips() throws {
        for seed in try seeds() { try PictureChecks.roundTrip(seed) }
    }

    @Test("random bytes behind each magic end in a typed error")
    func noise() throws {
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<2000 {
            let length = Int.random(in: 0..<400, using: &generator)
            let noise = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
            for magic in [PNGSketch.signature, [0xFF, 0xD8, 0xFF], []] {
                if case .success = try PictureChecks.decode(magic + noise) { Issue.record("noise became a picture") }
            }
        }
    }
}
