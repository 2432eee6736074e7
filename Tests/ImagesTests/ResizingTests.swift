import Images
import TestSupport
import Testing

@Suite("Resizing and cropping")
struct ResizingTests {
    /// The filter as its definition reads, for one channel and one pixel at a time.
    private func plainlyResized(_ picture: Picture, width: Int, height: Int) -> Picture {
        func cubic(_ x: Double) -> Double {
            let x = abs(x)
            return x < 1 ? 1.5 * x * x * x - 2.5 * x * x + 1 : x < 2 ? -0.5 * (x * x * x - 5 * x * x + 8 * x - 4) : 0
        }
        func taps(_ input: Int, _ output: Int, _ index: Int) -> [(Int, Int)] {
            let scale = Double(input) / Double(output), filter = max(scale, 1)
            let centre = (Double(index) + 0.5) * scale
            let first = max(0, Int(centre - 2 * filter + 0.5)), end = min(input, Int(centre + 2 * filter + 0.5))
            let raw = (first..<end).map { cubic((Double($0) - centre + 0.5) / filter) }
            let sum = raw.reduce(0, +)
            return zip(first..<end, raw).map { ($0, Int(($1 / sum * 4_194_304).rounded(.toNearestOrAwayFromZero))) }
        }
        func pass(_ picture: Picture, _ width: Int, _ height: Int) -> Picture {
            var pixels: [UInt8] = []
            for y in 0..<height {
                for x in 0..<width {
                    let across = width == picture.width ? [(x, 4_194_304)] : taps(picture.width, width, x)
                    let down = height == picture.height ? [(y, 4_194_304)] : taps(picture.height, height, y)
                    for channel in 0..<3 {
                        var sum = 2_097_152
                        for (column, weight) in across {
                            for (row, other) in down {
                                let share = across.count == 1 && weight == 4_194_304 ? other : weight
                                sum += share * Int(picture.pixels[3 * (row * picture.width + column) + channel])
                            }
                        }
                        pixels.append(UInt8(min(255, max(0, sum >> 22))))
                    }
                }
            }
            return Picture(width: width, height: height, pixels: pixels)
        }
        return pass(pass(picture, width, picture.height), width, height)
    }

    @Test("resizing is the plain filter, pass by pass, up and down and one side only")
    func plainFilter() {
        var generator = SeededGenerator(seed: 3)
        for (from, to) in [
            ((8, 8), (8, 8)), ((9, 7), (5, 7)), ((9, 7), (9, 3)), ((5, 4), (13, 11)), ((31, 2), (4, 6)),
            ((2, 31), (3, 4)), ((1, 1), (7, 5)), ((40, 30), (1, 1)), ((17, 23), (16, 24)), ((64, 3), (7, 9)),
        ] {
            let picture = Picture.noise(width: from.0, height: from.1, using: &generator)
            let found = picture.resized(width: to.0, height: to.1)
            #expect(found == plainlyResized(picture, width: to.0, height: to.1), "\(from) to \(to)")
        }
    }

    @Test("alpha is resized, profile and EXIF stay")
    func companions() {
        var picture = Picture.sample(width: 20, height: 10, hasAlpha: true)
        (picture.colourProfile, picture.exif) = ([1], [2])
        let opaque = Picture(
            width: 20, height: 10, pixels: (picture.alpha ?? []).flatMap { [$0, $0, $0] })
        let resized = picture.resized(width: 7, height: 15)
        let expected = opaque.resized(width: 7, height: 15).pixels
        #expect(resized.alpha == stride(from: 0, to: expected.count, by: 3).map { expected[$0] })
        #expect(resized.colourProfile == [1] && resized.exif == [2])
    }

    @Test("the window for CLIP is the whole picture resized and cropped")
    func clipWindow() {
        var generator = SeededGenerator(seed: 4)
        let sizes = [(32, 32), (33, 32), (20, 50), (51, 20), (8, 300), (301, 9), (32, 97), (64, 35), (8, 8)]
        for (width, height) in sizes {
            let picture = Picture.noise(width: width, height: height, using: &generator)
            let side = 32, long = side * max(width, height) / min(width, height)
            let resized = picture.resized(width: width <= height ? side : long, height: width <= height ? long : side)
            func start(_ length: Int) -> Int { Int((Double(length - side) / 2).rounded(.toNearestOrEven)) }
            let crop = resized.cropped(
                x: start(resized.width), y: start(resized.height), width: side, height: side)
            #expect(picture.resizedForCLIP(side: side) == crop.pixels, "\(width) x \(height)")
        }
    }

    @Test("the thinnest and longest picture costs only its window")
    func thinnest() {
        for (width, height) in [(8, 16_384), (16_384, 8)] {
            #expect(Picture.sample(width: width, height: height).resizedForCLIP(side: 224).count == 224 * 224 * 3)
        }
    }

    @Test("native windows stand in the middle and on the way to its corners, after the whole picture")
    func views() {
        var generator = SeededGenerator(seed: 6)
        // Rooms of 10 x 7 beyond the window: their halves and quarters are rounded to even.
        let picture = Picture.noise(width: 42, height: 39, using: &generator)
        let places = [(5, 4), (2, 2), (8, 5), (8, 2), (2, 5)]
        let windows = places.map { picture.cropped(x: $0.0, y: $0.1, width: 32, height: 32).pixels }
        #expect(picture.viewsForCLIP(side: 32, nativeWindows: 5) == [picture.resizedForCLIP(side: 32)] + windows)
        #expect(picture.viewsForCLIP(side: 32, nativeWindows: 2) == [picture.resizedForCLIP(side: 32)] + windows.prefix(2))
        #expect(picture.viewsForCLIP(side: 32, nativeWindows: 0) == [picture.resizedForCLIP(side: 32)])
    }

    @Test("a picture that is narrower than a window is looked at as a whole only")
    func viewsOfSmallPictures() {
        for (width, height, count) in [(31, 90, 1), (90, 31, 1), (32, 32, 6)] {
            #expect(Picture.sample(width: width, height: height).viewsForCLIP(side: 32, nativeWindows: 5).count == count)
        }
    }

    @Test("a crop keeps its rows and columns")
    func crop() {
        let picture = Picture.sample(width: 9, height: 7, hasAlpha: true)
        let inner = picture.cropped(x: 2, y: 3, width: 4, height: 2)
        for y in 0..<2 {
            for x in 0..<4 {
                let from = (y + 3) * 9 + x + 2, to = y * 4 + x
                #expect(inner.pixels[3 * to..<3 * to + 3] == picture.pixels[3 * from..<3 * from + 3])
                #expect(inner.alpha?[to] == picture.alpha?[from])
            }
        }
        #expect(picture.cropped(x: 0, y: 0, width: 9, height: 7) == picture)
    }

    @Test("bytes become floats and come back; halves go to even, and what is not a number is 0")
    func planes() {
        let picture = Picture.sample(width: 11, height: 6)
        let planes = picture.planes()
        #expect(planes[0] == Float(picture.pixels[0]) / 255 && planes[66 * 2 + 5] == Float(picture.pixels[17]) / 255)
        #expect(Picture(width: 11, height: 6, planes: planes) == picture)
        let values: [(Float, UInt8)] = [
            (-1, 0), (0, 0), (1, 255), (2, 255), (.nan, 0), (.infinity, 255), (-.infinity, 0), (0.5, 128), (0.1, 26),
        ]
        for (value, byte) in values { #expect(Picture.byte(value) == byte, "\(value)") }
    }
}
