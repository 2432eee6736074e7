import Engine
import Testing

@Suite struct TilePlanTests {
    /// Widths and heights: tiny, extreme, prime, 12 megapixels.
    static let pictures = [
        (8, 8), (8, 16_384), (16_384, 8), (4000, 3000), (3001, 4001), (257, 509), (512, 512), (513, 512), (511, 513),
        (1, 1), (65, 64), (10_007, 13),
    ]

    private func check(_ plan: TilePlan, overlap: Int, alignment: Int, _ note: Comment) {
        for (ranges, length) in [(plan.columns, plan.width), (plan.rows, plan.height)] {
            #expect(ranges.first?.lowerBound == 0 && ranges.last?.upperBound == length, note)
            #expect(Set(ranges.map(\.count)).count == 1, note)
            for (earlier, later) in zip(ranges, ranges.dropFirst()) {
                #expect(earlier.lowerBound < later.lowerBound, note)
                #expect(earlier.upperBound - later.lowerBound >= overlap, note)
            }
            if ranges.count > 1 {
                #expect(ranges[0].count % alignment == 0, note)
                #expect(ranges.dropLast().allSatisfy { $0.lowerBound % alignment == 0 }, note)
            }
        }
    }

    @Test("tiles of one size cover the picture, overlap at least as asked, and are aligned", arguments: pictures)
    func coverage(width: Int, height: Int) {
        for tile in [64, 128, 500, 512, 1024] {
            for overlap in [0, 1, 16, 31, 32] {
                for alignment in [1, 8, 16] {
                    let plan = TilePlan(
                        width: width, height: height, tile: tile, overlap: overlap, alignment: alignment)
                    check(plan, overlap: overlap, alignment: alignment, "\(tile) \(overlap) \(alignment)")
                    #expect(plan.tileWidth <= tile && plan.tileHeight <= tile)
                    #expect(plan.tileWidth <= width && plan.tileHeight <= height)
                }
            }
        }
    }

    @Test("a picture no larger than a tile is one tile of its own size")
    func single() {
        let plan = TilePlan(width: 512, height: 37, tile: 512, overlap: 64, alignment: 16)
        #expect(plan.count == 1)
        #expect([plan[0].x, plan[0].y, plan[0].width, plan[0].height] == [0, 0, 512, 37])
        #expect(TilePlan(width: 513, height: 37, tile: 512, overlap: 64, alignment: 16).count == 2)
    }

    @Test("no more tiles are made than cover the picture")
    func count() {
        #expect(TilePlan(width: 512 + 448 * 3, height: 8, tile: 512, overlap: 64, alignment: 8).count == 4)
        #expect(TilePlan(width: 513 + 448 * 3, height: 8, tile: 512, overlap: 64, alignment: 8).count == 5)
    }

    @Test("an overlap of more than half a tile is taken as half a tile, and a tile has at least the alignment")
    func absurdOptions() {
        let plan = TilePlan(width: 1000, height: 1000, tile: 64, overlap: 1 << 40, alignment: 8)
        check(plan, overlap: 32, alignment: 8, "half")
        #expect(plan.columns.count == 31)
        let smallest = TilePlan(width: 33, height: 8, tile: -5, overlap: -5, alignment: 8)
        #expect(smallest.tileWidth == 8 && smallest.columns.count == 5)
    }

    @Test("tiles are numbered row by row")
    func order() {
        let plan = TilePlan(width: 200, height: 100, tile: 64, overlap: 8, alignment: 8)
        #expect(plan.tiles.map { [$0.row, $0.column] } == (0..<2).flatMap { r in (0..<4).map { [r, $0] } })
        #expect(plan.tiles.allSatisfy { $0.x + $0.width <= 200 && $0.y + $0.height <= 100 })
    }

    @Test("tiles are the largest that fit the bytes, and one byte less gives smaller ones", arguments: pictures)
    func budget(width: Int, height: Int) throws {
        let bytes = { (width: Int, height: Int) in width * height * 100 + 5000 }
        func plan(_ maximum: Int) -> TilePlan? {
            TilePlan(
                width: width, height: height, sides: 64...2048, overlap: 16, alignment: 16, maximumBytes: maximum,
                bytes: bytes)
        }
        let whole = bytes(min(width, 2048), min(height, 2048))
        let unlimited = try #require(plan(.max))
        #expect(unlimited.count == 1 || max(width, height) > 2048)
        let least = bytes(min(width, 64), min(height, 64))
        for maximum in [whole, whole - 1, whole / 2, whole / 20, bytes(64, 64), least] {
            guard let plan = plan(maximum) else {
                #expect(least > maximum)
                continue
            }
            check(plan, overlap: 16, alignment: 16, "\(maximum)")
            #expect(bytes(plan.tileWidth, plan.tileHeight) <= maximum)
            #expect(plan.count >= unlimited.count)
        }
        #expect(plan(least - 1) == nil)
    }

    @Test("tiles of a 12-megapixel picture cost at most a third more pixels than it has")
    func cost() throws {
        for side in [256, 384, 512, 768, 1024] {
            let plan = try #require(
                TilePlan(
                    width: 4000, height: 3000, sides: 64...side, overlap: side / 16, alignment: 16,
                    maximumBytes: .max, bytes: { _, _ in 0 }))
            let pixels = plan.count * plan.tileWidth * plan.tileHeight
            #expect(Double(pixels) <= 1.3 * 12e6, "\(side): \(Double(pixels) / 12e6)")
        }
    }
}
