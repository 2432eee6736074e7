package import Images

/// Pictures that nothing is wrong with and that no camera took, drawn anew for each seed.
package struct OrdinaryPictures {
    private var generator: SeededGenerator
    private var width = 0
    private var height = 0
    private var pixels: [UInt8] = []

    package init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    package typealias Colour = (red: UInt8, green: UInt8, blue: UInt8)

    /// Lines of words on paper.
    package mutating func page(width: Int = 320, height: Int = 240, paper: Colour, ink: Colour) -> Picture {
        begin(width, height, paper)
        var y = 20
        while y < height - 24 {
            write(from: 22, to: width - number(22...120), y: y, ink)
            y += number(14...20)
        }
        return picture
    }

    /// A bar, a column of entries and a text beside it.
    package mutating func interface(width: Int = 360, height: Int = 260, ground: Colour, bar: Colour, ink: Colour) -> Picture {
        begin(width, height, ground)
        fill(0..<width, 0..<28, bar)
        write(from: 10, to: 90, y: 10, ground)
        for y in stride(from: 44, to: height - 30, by: 32) {
            fill(12..<92, y..<y + 22, bar)
            write(from: 18, to: number(50...86), y: y + 7, ground)
            write(from: 112, to: number(180...340), y: y + 7, ink)
        }
        return picture
    }

    /// Nothing but one colour.
    package mutating func plain(width: Int = 200, height: Int = 150, _ colour: Colour) -> Picture {
        begin(width, height, colour)
        return picture
    }

    /// An ellipse of a photograph on plain ground, its rim one pixel soft.
    package mutating func cutOut(of photograph: Picture, ground: Colour) -> Picture {
        let (width, height) = (photograph.width, photograph.height)
        begin(width, height, ground)
        let opacities = Self.ellipse(width, height, share: Double(number(50...75)) / 100)
        for (position, opacity) in opacities.enumerated() {
            for (channel, value) in [ground.red, ground.green, ground.blue].enumerated() {
                let sum = Int(photograph.pixels[3 * position + channel]) * opacity + Int(value) * (255 - opacity)
                pixels[3 * position + channel] = UInt8((sum + 127) / 255)
            }
        }
        return picture
    }

    /// The same, transparent around, with a colour stored there.
    package mutating func transparent(of photograph: Picture, hidden: Colour, share: Double) -> Picture {
        var result = photograph
        let opacities = Self.ellipse(photograph.width, photograph.height, share: share)
        for (position, opacity) in opacities.enumerated() where opacity == 0 {
            result.pixels.replaceSubrange(
                3 * position..<3 * position + 3, with: [hidden.red, hidden.green, hidden.blue])
        }
        result.alpha = opacities.map { UInt8($0) }
        return result
    }

    private static func ellipse(_ width: Int, _ height: Int, share: Double) -> [Int] {
        (0..<width * height).map { position in
            let across = (2 * Double(position % width) + 1) / Double(width) - 1
            let down = (2 * Double(position / width) + 1) / Double(height) - 1
            let distance = (across * across + down * down).squareRoot()
            return Int(min(255, max(0, (share - distance) * Double(min(width, height)) / 2 * 255)))
        }
    }

    // MARK: Drawing

    private mutating func begin(_ width: Int, _ height: Int, _ colour: Colour) {
        (self.width, self.height) = (width, height)
        pixels = (0..<width * height).flatMap { _ in [colour.red, colour.green, colour.blue] }
    }

    private var picture: Picture { Picture(width: width, height: height, pixels: pixels) }

    private mutating func number(_ range: ClosedRange<Int>) -> Int { .random(in: range, using: &generator) }

    private mutating func fill(_ columns: Range<Int>, _ rows: Range<Int>, _ colour: Colour) {
        for y in rows.clamped(to: 0..<height) {
            for x in columns.clamped(to: 0..<width) {
                pixels.replaceSubrange(3 * (y * width + x)..<3 * (y * width + x) + 3, with: [colour.red, colour.green, colour.blue])
            }
        }
    }

    /// Words of letters that are two or three strokes each.
    private mutating func write(from left: Int, to right: Int, y: Int, _ ink: Colour) {
        var x = left
        while x < right - 5 {
            fill(x..<x + 1, y + number(0...2)..<y + 8, ink)
            fill(x..<x + 4, y + number(1...3)..<y + 4, ink)
            if number(0...1) == 0 { fill(x + 3..<x + 4, y + 2..<y + 8, ink) }
            x += number(0...5) == 0 ? 11 : 6
        }
    }
}
