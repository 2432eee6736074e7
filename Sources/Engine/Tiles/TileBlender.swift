import Images
import Synchronization

/// Puts restored tiles together into the 8-bit picture, blended smoothly where they overlap.
///
/// Pixels that only one tile has go straight into the picture. The others are summed in fixed point, so the result is
/// the same in whatever order tiles come, and where tiles agree it's exactly what one of them alone would give. Sums
/// exist a row of pixels at a time, from the first tile that touches the row to the last, and only for shared pixels:
/// with tiles coming about in order, a small part of the picture.
///
/// May be used from several threads; the mutex guards the picture and the sums.
package final class TileBlender: Sendable {
    /// Where a pixel's red, green and blue lie in a restored tile.
    package enum Layout: Sendable {
        /// Three planes, each row by row (CHW).
        case planes
        /// Pixel by pixel (HWC).
        case interleaved
    }

    private struct State {
        var pixels: [UInt8]
        /// Sums of weight times value, three a shared pixel; empty for rows that have none or aren't under way.
        var sums: [[UInt64]]
        /// Tiles still to come, for each row of pixels.
        var tilesToCome: [Int]
        var isAdded: [Bool]
        var added = 0
        var sumCount = 0
        var greatestSumCount = 0
    }

    /// Binary places of a value and of a weight along each axis. A value takes 8 bits before the point, so a sum fits
    /// 56 bits. Values keep all places that a `Float` has from 1/2 up, so that rounding the sum rounds the value.
    private static let valuePlaces = 24
    private static let weightPlaces = 12

    package let plan: TilePlan
    private let across: BlendWeights
    private let down: BlendWeights
    /// Where the sums of a pixel lie in a row of pixels whose other pixels are one tile's alone.
    private let sharedColumns: SharedColumns
    private let state: Mutex<State>

    package init(_ plan: TilePlan) {
        self.plan = plan
        across = BlendWeights(plan.columns)
        down = BlendWeights(plan.rows)
        sharedColumns = SharedColumns(across.isShared)
        var tilesToCome = [Int](repeating: 0, count: plan.height)
        for row in plan.rows {
            for y in row { tilesToCome[y] += plan.columns.count }
        }
        state = Mutex(
            State(
                pixels: [UInt8](repeating: 0, count: plan.width * plan.height * 3),
                sums: [[UInt64]](repeating: [], count: plan.height), tilesToCome: tilesToCome,
                isAdded: [Bool](repeating: false, count: plan.count)))
    }

    /// Adds a restored tile. Values are clamped to 0...1; what is no number counts as 0.
    ///
    /// - Returns: whether that was the last one: true to one caller only.
    /// - Precondition: tile `index` of the plan hasn't been added before, and `values` holds three a pixel.
    @discardableResult
    package func add(_ values: UnsafeBufferPointer<Float>, layout: Layout, ofTile index: Int) -> Bool {
        let tile = plan[index]
        precondition(values.count == tile.width * tile.height * 3)
        return state.withLock { state in
            precondition(!state.isAdded[index], "tile added twice")
            state.isAdded[index] = true
            state.added += 1
            for line in 0..<tile.height { addLine(line, of: tile, values, layout, to: &state) }
            return state.added == plan.count
        }
    }

    @discardableResult
    package func add(_ values: [Float], layout: Layout, ofTile index: Int) -> Bool {
        values.withUnsafeBufferPointer { add($0, layout: layout, ofTile: index) }
    }

    package var isComplete: Bool { state.withLock { $0.added == plan.count } }

    /// The picture's pixels, interleaved RGB row by row; the blender is empty after that.
    ///
    /// - Precondition: every tile has been added, and the pixels not taken yet.
    package func takePixels() -> [UInt8] {
        state.withLock { state in
            precondition(state.added == plan.count && !state.pixels.isEmpty)
            var pixels: [UInt8] = []
            swap(&pixels, &state.pixels)
            return pixels
        }
    }

    /// The most bytes that sums have taken so far.
    package var greatestWorkingBytes: Int { state.withLock { $0.greatestSumCount } * MemoryLayout<UInt64>.stride }

    /// Bytes that sums can take at most, the picture itself not counted, while no tile comes before one whose number
    /// is lower by `tilesAtOnce` or more.
    package static func workingBytesLimit(for plan: TilePlan, tilesAtOnce: Int) -> Int {
        let sharedColumns = SharedColumns(BlendWeights(plan.columns).isShared).count
        let sumCounts = BlendWeights(plan.rows).isShared.map { 3 * ($0 ? plan.width : sharedColumns) }
        let columns = plan.columns.count
        let furtherRows = (min(max(1, tilesAtOnce), plan.count) + columns - 2) / columns
        let span = min(plan.rows.count, 1 + furtherRows)
        let counts = (0...(plan.rows.count - span)).map { first in
            sumCounts[plan.rows[first].lowerBound..<plan.rows[first + span - 1].upperBound].reduce(0, +)
        }
        return (counts.max() ?? 0) * MemoryLayout<UInt64>.stride
    }

    /// Not a number becomes 0, for comparisons with it fail.
    private static func clamped(_ value: Float) -> Float { value > 0 ? min(value, 1) : 0 }
}

// MARK: - One line of pixels

extension TileBlender {
    private func addLine(
        _ line: Int, of tile: TilePlan.Tile, _ values: UnsafeBufferPointer<Float>, _ layout: Layout,
        to state: inout State
    ) {
        let y = tile.y + line
        let isSharedRow = down.isShared[y]
        let sumCount = 3 * (isSharedRow ? plan.width : sharedColumns.count)
        if state.sums[y].isEmpty, sumCount > 0 {
            state.sums[y] = [UInt64](repeating: 0, count: sumCount)
            state.sumCount += sumCount
            state.greatestSumCount = max(state.greatestSumCount, state.sumCount)
        }
        let (channelStep, pixelStep) = layout == .planes ? (tile.width * tile.height, 1) : (1, 3)
        let rowWeight = UInt64(down.weights[tile.row][line])
        let columnWeights = across.weights[tile.column]
        for x in 0..<tile.width {
            let column = tile.x + x
            let source = (line * tile.width + x) * pixelStep
            if isSharedRow || across.isShared[column] {
                let weight = rowWeight * UInt64(columnWeights[x])
                let target = 3 * (isSharedRow ? column : sharedColumns.slots[column])
                for channel in 0..<3 {
                    let value = Double(Self.clamped(values[source + channel * channelStep]) * 255)
                    let fixed = UInt64((value * Double(1 << Self.valuePlaces)).rounded())
                    state.sums[y][target + channel] += weight * fixed
                }
            } else {
                let target = (y * plan.width + column) * 3
                for channel in 0..<3 {
                    state.pixels[target + channel] = Picture.byte(values[source + channel * channelStep])
                }
            }
        }
        state.tilesToCome[y] -= 1
        if state.tilesToCome[y] == 0 { finishRow(y, isShared: isSharedRow, in: &state) }
    }

    /// Turns a row's sums into bytes and lets go of them.
    private func finishRow(_ y: Int, isShared: Bool, in state: inout State) {
        let sums = state.sums[y]
        state.sums[y] = []
        state.sumCount -= sums.count
        for column in 0..<plan.width where isShared || across.isShared[column] {
            let source = 3 * (isShared ? column : sharedColumns.slots[column])
            for channel in 0..<3 {
                state.pixels[(y * plan.width + column) * 3 + channel] = Self.byte(fromSum: sums[source + channel])
            }
        }
    }

    private static func byte(fromSum sum: UInt64) -> UInt8 {
        let places = UInt64(valuePlaces + 2 * weightPlaces)
        let whole = sum >> places
        let rest = sum & (1 << places - 1)
        let half: UInt64 = 1 << (places - 1)
        return UInt8(rest > half || (rest == half && whole % 2 == 1) ? whole + 1 : whole)
    }
}

/// The columns of pixels that several tiles have, numbered from the left.
private struct SharedColumns: Sendable {
    /// The number of each column that is shared; others have that of the next one.
    let slots: [Int]
    let count: Int

    init(_ isShared: [Bool]) {
        var count = 0
        slots = isShared.map { shared in
            defer { if shared { count += 1 } }
            return count
        }
        self.count = count
    }
}
