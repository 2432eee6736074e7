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
    func plainFilter() throws {
        var generator = SeededGenerator(seed: 3)
        for (from, to) in [
            ((8, 8), (8, 8)), ((9, 7), (5, 7)), ((9, 7), (9, 3)), ((5, 4), (13, 11)), ((31, 2), (4, 6)),
            ((2, 31), (3, 4)), ((1, 1), (7, 5)), ((40, 30), (1, 1)), ((17, 23), (16, 24)), ((64, 3), (7, 9)),
        ] {
            let picture = Picture.noise(width: from.0, height: from.1, using: &generator)
            let expected = plainlyResized(picture, width: to.0, height: to.1)
            let found = try picture.resampled(width: to.0, height: to.1, columns: 0..<to.0, rows: 0..<to.1)
            #expect(found == expected.pixels, "\(from) to \(to)")
            let (columns, rows) = (to.0 / 3..<to.0, to.1 / 2..<to.1)
            let window = try picture.resampled(
                width: to.0, height: to.1, columns: columns, rows: rows,
                sharedBy: { count, body in for item in (0..<count).reversed() { body(item) } })
            #expect(window == expected.window(columns: columns, rows: rows), "\(from) to \(to)")
        }
    }

    @Test("a window keeps its rows and columns")
    func window() {
        let picture = Picture.sample(width: 9, height: 7, hasAlpha: true)
        let inner = picture.window(columns: 2..<6, rows: 3..<5)
        for y in 0..<2 {
            for x in 0..<4 {
                let from = (y + 3) * 9 + x + 2, to = y * 4 + x
                #expect(inner[3 * to..<3 * to + 3] == picture.pixels[3 * from..<3 * from + 3])
            }
        }
        #expect(picture.window(columns: 0..<9, rows: 0..<7) == picture.pixels)
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
