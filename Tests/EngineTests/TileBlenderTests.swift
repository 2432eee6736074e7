import Engine
import Images
import Testing

@Suite struct TileBlenderTests {
    private struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state ^ (state >> 29)) &* 0xBF58_476D_1CE4_E5B9
        }
    }

    /// A value for a pixel that doesn't depend on its tile.
    private func value(_ x: Int, _ y: Int, _ channel: Int) -> Float {
        var generator = Generator(state: UInt64((y * 20_000 + x) * 3 + channel))
        return Float(generator.next() >> 40) / Float(1 << 24)
    }

    private func tileValues(
        _ tile: TilePlan.Tile, layout: TileBlender.Layout, _ value: (_ x: Int, _ y: Int, _ channel: Int) -> Float
    ) -> [Float] {
        var values = [Float](repeating: 0, count: tile.width * tile.height * 3)
        for y in 0..<tile.height {
            for x in 0..<tile.width {
                for channel in 0..<3 {
                    let place =
                        layout == .planes
                        ? (channel * tile.height + y) * tile.width + x : (y * tile.width + x) * 3 + channel
                    values[place] = value(tile.x + x, tile.y + y, channel)
                }
            }
        }
        return values
    }

    private func blend(
        _ plan: TilePlan, order: [Int], layout: TileBlender.Layout = .planes,
        _ value: (_ tile: Int, _ x: Int, _ y: Int, _ channel: Int) -> Float
    ) -> [UInt8] {
        let blender = TileBlender(plan)
        for index in order {
            #expect(!blender.isComplete)
            blender.add(
                tileValues(plan[index], layout: layout) { value(index, $0, $1, $2) }, layout: layout, ofTile: index)
        }
        #expect(blender.isComplete)
        return blender.takePixels()
    }

    static let plans = [
        TilePlan(width: 100, height: 70, tile: 32, overlap: 8, alignment: 8),
        TilePlan(width: 97, height: 101, tile: 32, overlap: 16, alignment: 8),
        TilePlan(width: 33, height: 8, tile: 16, overlap: 0, alignment: 1),
        TilePlan(width: 8, height: 300, tile: 64, overlap: 16, alignment: 8),
        TilePlan(width: 300, height: 8, tile: 64, overlap: 31, alignment: 2),
        TilePlan(width: 40, height: 40, tile: 64, overlap: 16, alignment: 8),
    ]

    @Test("weights sum to one at every position and never fall below nothing", arguments: plans)
    func weights(plan: TilePlan) {
        for (ranges, length) in [(plan.columns, plan.width), (plan.rows, plan.height)] {
            let blend = BlendWeights(ranges)
            var sums = [Int](repeating: 0, count: length)
            var covers = [Int](repeating: 0, count: length)
            for (range, weights) in zip(ranges, blend.weights) {
                #expect(weights.count == range.count)
                for (position, weight) in zip(range, weights) {
                    #expect(weight >= 0)
                    sums[position] += Int(weight)
                    covers[position] += 1
                }
            }
            #expect(sums.allSatisfy { $0 == BlendWeights.one })
            #expect(blend.isShared == covers.map { $0 > 1 })
        }
    }

    @Test("weights change smoothly: over 64 shared pixels no step is more than a fortieth")
    func smooth() {
        let plan = TilePlan(width: 960, height: 8, tile: 512, overlap: 64, alignment: 8)
        let weights = BlendWeights(plan.columns).weights[1]
        let steps = zip(weights, weights.dropFirst()).map { $1 - $0 }
        #expect(weights[0] < 8 && weights[63] > 4088)
        #expect(steps.allSatisfy { $0 >= 0 && Int($0) <= BlendWeights.one / 40 })
    }

    @Test("tiles that agree give exactly the untiled picture", arguments: plans)
    func agreeing(plan: TilePlan) {
        let whole = TilePlan(width: plan.width, height: plan.height, tile: 512, overlap: 0, alignment: 1)
        let untiled = blend(whole, order: [0]) { value($1, $2, $3) }
        for layout in [TileBlender.Layout.planes, .interleaved] {
            let tiled = blend(plan, order: Array(0..<plan.count), layout: layout) { value($1, $2, $3) }
            #expect(tiled == untiled)
        }
        for y in 0..<plan.height {
            for x in 0..<plan.width {
                #expect(untiled[(y * plan.width + x) * 3 + 1] == Picture.byte(value(x, y, 1)))
            }
        }
    }

    @Test("every byte value, and those at the edge of rounding, survive blending")
    func rounding() {
        let plan = TilePlan(width: 48, height: 24, tile: 32, overlap: 8, alignment: 8)
        for level in 0...255 {
            for base in [Float(level) / 255, (Float(level) + 0.5) / 255] {
                for value in [base.nextDown, base, base.nextUp] {
                    let pixels = blend(plan, order: [1, 0]) { _, _, _, _ in value }
                    #expect(pixels.allSatisfy { $0 == Picture.byte(value) }, "\(value)")
                }
            }
        }
        #expect(Picture.byte(0.5 / 255) == 0)
        #expect(Picture.byte(254.5 / 255) == 254)
    }

    @Test("the order in which tiles come doesn't change a byte, though they disagree", arguments: plans)
    func orders(plan: TilePlan) {
        var generator = Generator(state: 7)
        let restore = { (tile: Int, x: Int, y: Int, channel: Int) in
            self.value(x + 101 * tile, y, channel)
        }
        let inOrder = blend(plan, order: Array(0..<plan.count), restore)
        for _ in 0..<5 {
            #expect(blend(plan, order: (0..<plan.count).shuffled(using: &generator), restore) == inOrder)
        }
    }

    @Test("where two tiles disagree the picture goes from one to the other without a jump")
    func seam() {
        let plan = TilePlan(width: 960, height: 8, tile: 512, overlap: 64, alignment: 8)
        let pixels = blend(plan, order: [0, 1]) { tile, _, _, _ in tile == 0 ? 0.25 : 0.75 }
        let row = (0..<960).map { Int(pixels[$0 * 3]) }
        #expect(row[0] == 64 && row[959] == 191)
        #expect(zip(row, row.dropFirst()).allSatisfy { $1 - $0 >= 0 && $1 - $0 <= 4 })
    }

    @Test("values out of range are clamped, and what is no number is black")
    func clamping() {
        let plan = TilePlan(width: 24, height: 8, tile: 16, overlap: 8, alignment: 8)
        for (value, byte) in [(-1, 0), (2, 255), (.infinity, 255), (-.infinity, 0), (.nan, 0)] as [(Float, UInt8)] {
            #expect(blend(plan, order: [0, 1]) { _, _, _, _ in value }.allSatisfy { $0 == byte })
        }
    }

    @Test(
        "working memory keeps to its limit while tiles come within the window",
        arguments: [(640, 480), (8, 4000), (4000, 8), (331, 337)], [1, 2, 5])
    func memory(size: (Int, Int), window: Int) {
        let plan = TilePlan(width: size.0, height: size.1, tile: 64, overlap: 16, alignment: 8)
        var generator = Generator(state: 3)
        let blender = TileBlender(plan)
        var next = 0
        var open: [Int] = []
        while next < plan.count || !open.isEmpty {
            while next < plan.count, next < (open.min() ?? next) + window {
                open.append(next)
                next += 1
            }
            let index = open.remove(at: Int.random(in: open.indices, using: &generator))
            let values = [Float](repeating: 0.5, count: plan[index].width * plan[index].height * 3)
            blender.add(values, layout: .planes, ofTile: index)
        }
        #expect(blender.takePixels().allSatisfy { $0 == 128 })
        #expect(blender.greatestWorkingBytes <= TileBlender.workingBytesLimit(for: plan, tilesAtOnce: window))
    }

    @Test("a 12-megapixel picture in tiles of 512 needs under 40 MiB beside itself, a single tile nothing")
    func memoryOfLarge() {
        let plan = TilePlan(width: 4000, height: 3000, tile: 512, overlap: 64, alignment: 16)
        #expect(TileBlender.workingBytesLimit(for: plan, tilesAtOnce: 4) < 40 << 20)
        let single = TilePlan(width: 500, height: 500, tile: 512, overlap: 64, alignment: 16)
        #expect(TileBlender.workingBytesLimit(for: single, tilesAtOnce: 4) == 0)
    }
}
