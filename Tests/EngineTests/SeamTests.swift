import Engine
import FoundationEssentials
import Images
import TestSupport
import Testing

/// Whether tiles show in what a restoration changed.
@Suite("Seams")
struct SeamTests {
    private static let (tile, overlap) = (192, 32)

    @Test("no border of a tile stands out of the difference that the restoration made", arguments: ["noisy", "low-light"])
    func seamless(label: String) async throws {
        let file = Repository.root.appendingPathComponent("Tests/Fixtures/Photographs/kodim20.png")
        let photograph = try ImageDecoder.decode(Array(try Data(contentsOf: file)))
        var random = SeededGenerator(seed: 3)
        var degraded = photograph
        for index in degraded.pixels.indices {
            let noise = Int.random(in: -20...20, using: &random)
            degraded.pixels[index] = UInt8(clamping: Int(photograph.pixels[index]) * 3 / 5 + noise)
        }
        var options = RestorationOptions()
        options.seed = 4
        options.steps = 2
        options.degradations = [label]
        options.tile = Self.tile
        options.overlap = Self.overlap
        let engine = try ShippedEngine.make(workers: 1, threads: 2, batch: 8)
        let restored = try await engine.restore(degraded, options: options) { _ in }.picture

        let plan = TilePlan(
            width: photograph.width, height: photograph.height, tile: Self.tile, overlap: Self.overlap, alignment: 16)
        #expect(plan.count == 9)
        let difference = Difference(restored, degraded)
        let (borders, inside) = difference.jumps(plan)
        #expect(borders <= inside, "\(borders) at borders, \(inside) inside")
        #expect(inside > 0)

        // A step along the borders of one tile is found.
        let step = Int(2 * inside) + 3
        var stepped = restored
        let middle = plan[4]
        for y in middle.y..<middle.y + middle.height {
            for index in (y * stepped.width + middle.x) * 3..<(y * stepped.width + middle.x + middle.width) * 3 {
                stepped.pixels[index] = UInt8(clamping: Int(stepped.pixels[index]) + step)
            }
        }
        let found = Difference(stepped, degraded).jumps(plan)
        #expect(found.borders > found.inside, "\(found)")
    }
}

/// What a restoration changed, with rows and columns to look along.
private struct Difference {
    private let width: Int
    private let height: Int
    private let values: [Double]

    init(_ after: Picture, _ before: Picture) {
        (width, height) = (after.width, after.height)
        values = zip(after.pixels, before.pixels).map { Double($0) - Double($1) }
    }

    /// The largest step of the mean along a tile's side: where a tile begins or ends, and elsewhere.
    func jumps(_ plan: TilePlan) -> (borders: Double, inside: Double) {
        let across = jumps(plan.columns, along: plan.rows, length: width) { value(x: $0, y: $1, channel: $2) }
        let down = jumps(plan.rows, along: plan.columns, length: height) { value(x: $1, y: $0, channel: $2) }
        return (max(across.borders, down.borders), max(across.inside, down.inside))
    }

    private func value(x: Int, y: Int, channel: Int) -> Double { values[(y * width + x) * 3 + channel] }

    private func jumps(
        _ tiles: [Range<Int>], along sides: [Range<Int>], length: Int, _ value: (Int, Int, Int) -> Double
    ) -> (borders: Double, inside: Double) {
        let edges = Set(tiles.flatMap { [$0.lowerBound, $0.upperBound] })
        var (borders, inside) = (0.0, 0.0)
        for side in sides {
            for channel in 0..<3 {
                let means = (0..<length).map { line in
                    side.reduce(0) { $0 + value(line, $1, channel) } / Double(side.count)
                }
                for line in 1..<length {
                    let jump = abs(means[line] - means[line - 1])
                    if edges.contains(line) { borders = max(borders, jump) } else { inside = max(inside, jump) }
                }
            }
        }
        return (borders, inside)
    }
}
